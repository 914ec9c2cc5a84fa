// Where two endings of a case differ, as lines for people.

export function differences(ours, theirs) {
  const out = [];
  const line = (what, a, b) => {
    if (a !== b) out.push(`${what}: weft ${a}, peer ${b}`);
  };
  if (ours.refused !== theirs.refused) {
    const text = (ending) => (ending.refused ? `refuses (${ending.reason})` : `runs it (${ending.status})`);
    return [`weft ${text(ours)}, peer ${text(theirs)}`];
  }
  if (!ours.refused) {
    line('success', `${ours.success} (${ours.status})`.replace(/ .*/, ''), `${theirs.success}`);
    line('gas used', ours.gasUsed, theirs.gasUsed);
    line('output', ours.output, theirs.output);
    line('logs', JSON.stringify(ours.logs), JSON.stringify(theirs.logs));
  }
  if (theirs.post) compare_state(ours.post, theirs.post, line);
  return out;
}

const absent = { balance: 'no account', nonce: 'no account', code: 'no account', storage: {} };

function compare_state(ours, theirs, line) {
  for (const address of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const a = ours[address] ?? absent;
    const b = theirs[address] ?? absent;
    for (const field of ['balance', 'nonce', 'code']) line(`${address} ${field}`, a[field], b[field]);
    for (const key of new Set([...Object.keys(a.storage), ...Object.keys(b.storage)]))
      line(`${address} slot ${key}`, a.storage[key] ?? '0x0', b.storage[key] ?? '0x0');
  }
}

/** Opcodes by one name: 0x20 and 0x44 have two each, and what a fork lacks, at the peer, none. */
const one_name = (name) => (/not defined|INVALID|Unknown/.test(name) ? 'INVALID'
  : { SHA3: 'KECCAK256', DIFFICULTY: 'PREVRANDAO' }[name] ?? name);

const same_name = (a, b) => one_name(b) === 'INVALID' || one_name(a) === one_name(b);
const same_step = (a, b) => a !== undefined && b !== undefined &&
  a.every((value, i) => (i === 2 ? same_name(value, b[i]) : value === b[i]));

/**
 * The first step at which two runs part, with the one before it; nothing if they don't. A frame's last step may be
 * missing at the peer: EthereumJS doesn't show one that lacks the words to know its price.
 */
export function first_difference(ours, theirs) {
  const show = (step) => step
    ? `depth ${step[0]} pc ${step[1]} ${step[2]} gas ${step[3]} top ${step[4]}` : 'the end';
  let at = 0;
  for (let i = 0; i <= ours.length; ++i) {
    if (i === ours.length && at === theirs.length) break;
    if (same_step(ours[i], theirs[at])) {
      ++at;
      continue;
    }
    const is_last = i < ours.length && (ours[i + 1]?.[0] ?? -1) < ours[i][0];
    if (is_last) continue;
    return [`step ${i}, after ${show(ours[i - 1])}`, `  weft: ${show(ours[i])}`, `  peer: ${show(theirs[at])}`];
  }
  return [];
}
