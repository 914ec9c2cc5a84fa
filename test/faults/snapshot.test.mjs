// A validator loses its disk and takes a snapshot's state. While it does, its process is killed several times, at
// another moment each time; then what it fetches goes away, since the chain has gone on. Each time it comes back, and
// in the end it has the others' chain and votes on it. In both layouts: in one the state comes between processes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { dev_account, sign_with_hash } from '../clients/lib/accounts.mjs';
import { until } from '../clients/lib/until.mjs';
import { block_hash, first_number, head_number } from './grpc.mjs';
import { System } from './system.mjs';

const interval = 8;
/// Validators help those behind with the newest blocks (finals_kept_max): more than those, and than an interval.
const blocks = 20;
/// Beside the development accounts: chunks enough that a sync is not over before it can be seen.
const account_count = 60_000;
const kills = 6;
const last = 3; // the node that loses its disk
const bob = '0x00000000000000000000000000000000000000b0';
const layouts = {
  process: { parts: ['node'], storage: 'node', killed: ['node'] },
  service: {
    parts: ['storage', 'validation', 'consensus', 'network', 'monitor'], storage: 'storage',
    killed: ['storage', 'consensus', 'network'],
  },
};

function add_accounts(genesis) {
  for (let i = 1; i <= account_count; ++i) {
    // Their keys are hashed: they are spread over all chunks.
    genesis.alloc[`0x${(0x10000000 + i).toString(16).padStart(40, '0')}`] = { balance: `0x${i.toString(16)}` };
  }
}

for (const [layout, { parts, storage, killed }] of Object.entries(layouts)) {
  describe(`layout ${layout}`, () => {
    const voter = `${layout === 'process' ? 'node' : 'consensus'}-${last}`;
    const ended = new Set(); // processes that were killed, of which the supervisor may not yet know
    let system, send, nonce = 0;

    before(async () => {
      system = await System.start_chain_of(add_accounts, '--layout', layout, '--snapshot-interval', `${interval}`);
      await system.serving();
      send = async () => {
        const { raw } = await sign_with_hash(dev_account(0), { to: bob, value: 1n, nonce: nonce++ });
        const { result, error } = await ask('eth_sendRawTransaction', raw);
        assert.ok(result, JSON.stringify(error));
      };
      await go_on_to(blocks);
    }, { timeout: 120_000 });
    after(() => system?.destroy());

    async function ask(method, ...params) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
      const headers = { 'content-type': 'application/json' };
      return (await fetch(system.url, { method: 'POST', body, headers, signal: AbortSignal.timeout(20_000) })).json();
    }

    const process_of = async (name) => (await system.processes())?.find((process) => process.name === name);

    const address_of = (node) => until(`${storage}-${node} to serve`, async () => {
      const { address, health, pid } = await process_of(`${storage}-${node}`) ?? {};
      return health === 'serving' && !ended.has(pid) && address;
    }, 60_000);

    /// -1 while it goes over to another database.
    const head_of = async (node) => head_number(await address_of(node)).catch(() => -1);

    /// Blocks come only for transactions: while none is sent the snapshots stay what they are.
    async function go_on_to(number, of = 0) {
      await until(`block ${number} on node ${of}`, async () => {
        const head = await head_of(of);
        if (head >= number) return true;
        await send();
        await until(`a block after ${head}`, async () => await head_of(of) > head, 60_000);
        return false;
      }, 240_000);
    }

    const making = () => path.join(system.data, `node-${last}`, 'chain.snapshot');

    /// As if the machine had got a new disk, and nothing had survived but the key and what it has signed.
    async function lose_disk(of = parts) {
      const pids = [];
      for (const part of of) pids.push((await process_of(`${part}-${last}`)).pid);
      for (const pid of pids) {
        assert.ok(system.is_ours(pid));
        process.kill(pid, 'SIGSTOP');
      }
      for (const folder of ['chain', 'chain.snapshot', 'pool']) {
        fs.rmSync(path.join(system.data, `node-${last}`, folder), { recursive: true, force: true });
      }
      for (const pid of pids) {
        process.kill(pid, 'SIGKILL');
        ended.add(pid);
      }
    }

    /// Bytes that are there of the database that is being made; undefined: none is.
    function made() {
      try {
        return fs.readdirSync(making()).map((name) => fs.statSync(path.join(making(), name)).size)
          .reduce((sum, size) => sum + size, 0);
      } catch {
        return undefined; // not begun, or gone over to
      }
    }

    /// Signals the process of a part once it has run again and the sync has made so much more of the database.
    async function signal_while_syncing(part, more, signal) {
      const pid = await until(`${part}-${last} to run again`, async () => {
        const found = await process_of(`${part}-${last}`);
        return found?.pid > 0 && !ended.has(found.pid) && found.pid;
      }, 60_000);
      assert.ok(system.is_ours(pid));
      const size = (made() ?? 0) + more;
      const deadline = Date.now() + 60_000;
      while (!(made() >= size)) {
        assert.ok(Date.now() < deadline, `no snapshot of ${size} bytes, but ${made()}`);
        await pause(1);
      }
      process.kill(pid, signal);
      if (signal === 'SIGKILL') ended.add(pid);
      return pid;
    }

    /// That it has the chain of the others from the snapshot on, and that its votes count.
    async function expect_whole(t) {
      const goal = await head_of(0);
      await until(`node ${last} to have block ${goal}`, async () => await head_of(last) >= goal, 120_000);
      const [own, other] = [await address_of(last), await address_of(0)];
      const first = await first_number(own);
      assert.ok(first > 0, 'it has executed every block');
      for (let number = 0; number <= goal; ++number) {
        assert.equal(await block_hash(own, number), await block_hash(other, number));
      }
      // With another one away each block needs its vote, for which it executes the block.
      const away = (await Promise.all(parts.map((part) => process_of(`${part}-1`)))).map(({ pid }) => pid);
      for (const pid of away) process.kill(pid, 'SIGSTOP');
      try {
        await go_on_to(goal + 2, last);
      } finally {
        for (const pid of away) process.kill(pid, 'SIGCONT');
      }
      assert.equal((await system.syncs())[voter], '');
      t.diagnostic(`snapshot of block ${first}, head ${await head_of(last)}`);
    }

    test('it is killed while it takes a snapshot', { timeout: 300_000 }, async (t) => {
      await lose_disk();
      const interrupted = [];
      for (let i = 0; i < kills; ++i) {
        const part = killed[i % killed.length];
        await signal_while_syncing(part, 100_000 * (i % 3 + 1), 'SIGKILL');
        if (made() !== undefined) interrupted.push(`${part} at ${made()} bytes`);
      }
      assert.ok(interrupted.length >= kills / 2, `only ${interrupted} were before the end`);
      t.diagnostic(interrupted.join(', '));
      await expect_whole(t);
    });

    test('its snapshot is served no more when it goes on', { timeout: 300_000 }, async (t) => {
      await lose_disk();
      const pid = await signal_while_syncing(killed[0], 400_000, 'SIGSTOP');
      const before = await head_of(0);
      try {
        const doing = (await system.syncs())[voter];
        if (layout === 'service') assert.match(doing, /^snapshot of block \d+/, 'storage is stopped, not consensus');
        else assert.equal(doing, null, 'who does not answer does not say that it follows');
        await go_on_to(before + 3 * interval);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await expect_whole(t);
      const first = await first_number(await address_of(last));
      assert.ok(first > before, `its snapshot is of block ${first}, and was given way to only later ones`);
    });

    const whole_loss = parts.length === 1 && 'it is one process';
    test('its storage alone loses its disk and the rest goes on', { timeout: 300_000, skip: whole_loss }, async (t) => {
      const head = await head_of(0);
      await lose_disk([storage]);
      // The others' next block shows its consensus service that blocks are missing.
      await go_on_to(head + 2);
      await expect_whole(t);
    });
  });
}
