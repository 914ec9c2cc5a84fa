// Checks a Merkle proof of eth_getProof by walking its nodes: nothing is believed but the root.
import { fromRlp, keccak256, toRlp } from 'viem';

/// The RLP that the trie with this root holds under keccak256(key).
///
/// @param root   Root hash.
/// @param key    The key before hashing: an address, or a slot of 32 bytes.
/// @param nodes  The proof: each node's RLP, from the root down.
/// @return       The value's RLP as hex, or undefined if the proof shows that there is none.
/// @errors       The proof is broken: a hash does not match, or nodes are missing or left over.
export function proven_value(root, key, nodes) {
  let path = keccak256(key).slice(2);
  let expected = root;
  for (const [depth, encoded] of nodes.entries()) {
    if (keccak256(encoded) !== expected) throw new Error(`node ${depth} does not have the hash that leads to it`);
    let node = fromRlp(encoded);
    for (;;) {
      const { next, rest } = step(node, path);
      path = rest;
      if (next === undefined || rest === undefined) {
        if (depth !== nodes.length - 1) throw new Error('nodes are left over');
        return next;
      }
      if (Array.isArray(next)) { // a child of less than 32 bytes lies inside its parent
        node = next;
        continue;
      }
      expected = next;
      break;
    }
  }
  if (nodes.length === 0 && root === keccak256(toRlp('0x'))) return undefined;
  throw new Error('nodes are missing');
}

/// One node down. `rest` undefined: `next` is the value, or undefined if there is none.
function step(node, path) {
  if (node.length === 17) {
    const child = node[parseInt(path[0], 16)];
    return child === '0x' ? {} : { next: child, rest: path.slice(1) };
  }
  const [prefix, payload] = [node[0].slice(2), node[1]];
  const is_leaf = parseInt(prefix[0], 16) >= 2;
  const nibbles = prefix.slice(parseInt(prefix[0], 16) % 2 === 1 ? 1 : 2);
  if (!path.startsWith(nibbles)) return {};
  return is_leaf ? { next: payload } : { next: payload, rest: path.slice(nibbles.length) };
}
