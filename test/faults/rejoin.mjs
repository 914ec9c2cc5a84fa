// A system of validators whose last one loses its disk, and what shows that it is a validator again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { dev_account, sign_with_hash } from '../clients/lib/accounts.mjs';
import { until } from '../clients/lib/until.mjs';
import { block_hash, first_number, head_number } from './grpc.mjs';
import { System } from './system.mjs';

/// Between two states that are served.
export const interval = 8;
/// Validators help those behind with the newest blocks (finals_kept_max): more than those, and than an interval.
const blocks = 20;
/// Beside the development accounts: chunks enough that a sync is not over before it can be seen.
const account_count = 60_000;
const bob = '0x00000000000000000000000000000000000000b0';
export const layouts = {
  process: { parts: ['node'], storage: 'node', voter: 'node' },
  service: {
    parts: ['storage', 'validation', 'consensus', 'network', 'monitor'], storage: 'storage', voter: 'consensus',
  },
};
/// The node that loses its disk.
export const last = 3;

function add_accounts(genesis) {
  for (let i = 1; i <= account_count; ++i) {
    // Their keys are hashed: they are spread over all chunks.
    genesis.alloc[`0x${(0x10000000 + i).toString(16).padStart(40, '0')}`] = { balance: `0x${i.toString(16)}` };
  }
}

export class Rejoin {
  static async start(layout) {
    const it = new Rejoin();
    Object.assign(it, layouts[layout], { nonce: 0, ended: new Set() });
    it.system = await System.start_chain_of(add_accounts, '--layout', layout, '--snapshot-interval', `${interval}`);
    await it.system.serving();
    await it.go_on_to(blocks);
    return it;
  }

  destroy() {
    this.system.destroy();
  }

  async ask(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(20_000);
    return (await fetch(this.system.url, { method: 'POST', body, headers, signal })).json();
  }

  async send() {
    const { raw } = await sign_with_hash(dev_account(0), { to: bob, value: 1n, nonce: this.nonce++ });
    const { result, error } = await this.ask('eth_sendRawTransaction', raw);
    assert.ok(result, JSON.stringify(error));
  }

  async process_of(name) {
    return (await this.system.processes())?.find((process) => process.name === name);
  }

  /// Where a part of a node answers. `ended` has processes that were killed, of which the supervisor may not yet know.
  address_of(node, part = this.storage) {
    return until(`${part}-${node} to serve`, async () => {
      const { address, health, pid } = await this.process_of(`${part}-${node}`) ?? {};
      return health === 'serving' && !this.ended.has(pid) && address;
    }, 60_000);
  }

  /// -1 while it goes over to another database.
  async head_of(node) {
    return head_number(await this.address_of(node)).catch(() => -1);
  }

  /// Blocks come only for transactions: while none is sent the snapshots stay what they are.
  async go_on_to(number, of = 0) {
    await until(`block ${number} on node ${of}`, async () => {
      const head = await this.head_of(of);
      if (head >= number) return true;
      await this.send();
      await until(`a block after ${head}`, async () => await this.head_of(of) > head, 60_000);
      return false;
    }, 240_000);
  }

  folder() {
    return path.join(this.system.data, `node-${last}`);
  }

  /// As if the machine had got a new disk, and nothing had survived but the key and what it has signed.
  async lose_disk(of = this.parts) {
    const pids = [];
    for (const part of of) pids.push((await this.process_of(`${part}-${last}`)).pid);
    for (const pid of pids) {
      assert.ok(this.system.is_ours(pid));
      process.kill(pid, 'SIGSTOP');
    }
    for (const folder of ['chain', 'chain.snapshot', 'pool']) {
      fs.rmSync(path.join(this.folder(), folder), { recursive: true, force: true });
    }
    for (const pid of pids) {
      process.kill(pid, 'SIGKILL');
      this.ended.add(pid);
    }
  }

  /// That it has the chain of the others from the snapshot on, and that its votes count.
  ///
  /// @return  {first, head}: numbers of the snapshot's block and of the newest.
  async expect_whole() {
    const goal = await this.head_of(0);
    await until(`node ${last} to have block ${goal}`, async () => await this.head_of(last) >= goal, 120_000);
    const [own, other] = [await this.address_of(last), await this.address_of(0)];
    const first = await first_number(own);
    assert.ok(first > 0, 'it has executed every block');
    for (let number = 0; number <= goal; ++number) {
      assert.equal(await block_hash(own, number), await block_hash(other, number));
    }
    // With another one away each block needs its vote, for which it executes the block.
    const away = (await Promise.all(this.parts.map((part) => this.process_of(`${part}-1`)))).map(({ pid }) => pid);
    for (const pid of away) process.kill(pid, 'SIGSTOP');
    try {
      await this.go_on_to(goal + 2, last);
    } finally {
      for (const pid of away) process.kill(pid, 'SIGCONT');
    }
    assert.equal((await this.system.syncs())[`${this.voter}-${last}`], '');
    return { first, head: await this.head_of(last) };
  }
}
