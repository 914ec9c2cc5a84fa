// Nodes that make the same blocks, hash for hash, because each is told which: so that two upstreams can be of one chain
// and yet take blocks back at different moments, as nodes of a network do.
import assert from 'node:assert/strict';
import { encodeDeployData, encodeFunctionData, getContractAddress, keccak256, toHex } from 'viem';
import { chain_id, dev_account } from './accounts.mjs';
import { artifact } from './contracts.mjs';
import { genesis_time } from './times.mjs';

const base_fee = toHex(10n ** 9n);
const sender = dev_account(0);
const { abi, bytecode } = artifact('Probe');

/// What the blocks change: a balance that is another one after each block, and a contract that logs.
export const sink = '0x00000000000000000000000000000000005111c0';
export const logger = getContractAddress({ from: sender.address, nonce: 0n });

/// Blocks as they are planned, {number, parent, time, raws, value, balance}; `hash` is known once a node has made one.
export class Plan {
  constructor() {
    this.root = { number: 0, time: genesis_time, nonce: 0, balance: 0n };
    this.by_balance = new Map();
  }

  async child(parent) {
    const block = { number: parent.number + 1, parent, time: parent.time + 1, raws: [] };
    let { nonce } = parent;
    const fields = { chainId: chain_id, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n };
    const add = async (more) => block.raws.push(await sender.signTransaction({ ...fields, ...more, nonce: nonce++ }));
    if (parent === this.root) await add({ gas: 2_000_000n, data: encodeDeployData({ abi, bytecode, args: [] }) });
    // No two blocks leave the same balance.
    do block.value = (this.last_value = (this.last_value ?? 0n) + 1n);
    while (this.by_balance.has(parent.balance + block.value));
    block.balance = parent.balance + block.value;
    this.by_balance.set(block.balance, block);
    await add({ gas: 30_000n, to: sink, value: block.value });
    const data = encodeFunctionData({ abi, functionName: 'set', args: [block.value] });
    await add({ gas: 100_000n, to: logger, data });
    block.hashes = block.raws.map((raw) => keccak256(raw));
    block.nonce = nonce;
    return block;
  }

  async children(parent, count) {
    const blocks = [];
    for (let at = parent; blocks.length < count; at = blocks.at(-1)) blocks.push(await this.child(at));
    return blocks;
  }
}

export class Twin {
  /// @param url  of a node that has no block yet
  static async begin(url, plan) {
    const twin = Object.assign(new Twin(), { url, at: plan.root, snapshots: new Map() });
    await twin.rpc('evm_setAutomine', false);
    return twin;
  }

  async rpc(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const headers = { 'content-type': 'application/json' };
    const { result, error } = await (await fetch(this.url, { method: 'POST', headers, body })).json();
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  async mine(blocks) {
    for (const block of blocks) {
      assert.equal(block.parent, this.at);
      for (const raw of block.raws) await this.rpc('eth_sendRawTransaction', raw);
      await this.rpc('evm_setNextBlockTimestamp', block.time);
      await this.rpc('hardhat_setNextBlockBaseFeePerGas', base_fee); // some forget it when they take blocks back
      await this.rpc('evm_mine');
      const { hash, transactions } = await this.rpc('eth_getBlockByNumber', toHex(block.number), false);
      assert.equal(transactions.length, block.raws.length);
      assert.equal(hash, block.hash ??= hash, 'twins make the same block');
      this.at = block;
      this.snapshots.set(block, await this.rpc('evm_snapshot'));
    }
  }

  /// Takes back what came after the block.
  async return_to(block) {
    assert.equal(await this.rpc('evm_revert', this.snapshots.get(block)), true);
    this.at = block;
    this.snapshots.set(block, await this.rpc('evm_snapshot'));
  }
}

/// The block that lies `count` before.
export function ancestor(block, count) {
  return count === 0 ? block : ancestor(block.parent, count - 1);
}
