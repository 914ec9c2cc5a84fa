// A validator loses its disk and takes a snapshot's state. While it does, its process is killed several times, at
// another moment each time; then what it fetches goes away, since the chain has gone on. Each time it comes back, and
// in the end it has the others' chain and votes on it. In both layouts: in one the state comes between processes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../clients/lib/until.mjs';
import { first_number } from './grpc.mjs';
import { Rejoin, interval, last, layouts } from './rejoin.mjs';

const kills = 6;
const killed_in = { process: ['node'], service: ['storage', 'consensus', 'network'] };

for (const [layout, { parts, storage, voter }] of Object.entries(layouts)) {
  describe(`layout ${layout}`, () => {
    const killed = killed_in[layout];
    let it;

    before(async () => {
      it = await Rejoin.start(layout);
    }, { timeout: 120_000 });
    after(() => it?.destroy());

    const making = () => path.join(it.folder(), 'chain.snapshot');
    const sync_of_last = async () => (await it.system.syncs())[`${voter}-${last}`];

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
        const found = await it.process_of(`${part}-${last}`);
        return found?.pid > 0 && !it.ended.has(found.pid) && found.pid;
      }, 60_000);
      assert.ok(it.system.is_ours(pid));
      const size = (made() ?? 0) + more;
      const deadline = Date.now() + 60_000;
      while (!(made() >= size)) {
        assert.ok(Date.now() < deadline, `no snapshot of ${size} bytes, but ${made()}`);
        await pause(1);
      }
      process.kill(pid, signal);
      if (signal === 'SIGKILL') it.ended.add(pid);
      return pid;
    }

    async function expect_whole(t) {
      const { first, head } = await it.expect_whole();
      t.diagnostic(`snapshot of block ${first}, head ${head}`);
    }

    test('it is killed while it takes a snapshot', { timeout: 300_000 }, async (t) => {
      await it.lose_disk();
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
      await it.lose_disk();
      const pid = await signal_while_syncing(killed[0], 400_000, 'SIGSTOP');
      const before = await it.head_of(0);
      try {
        const doing = await sync_of_last();
        if (layout === 'service') assert.match(doing, /^snapshot of block \d+/, 'storage is stopped, not consensus');
        else assert.equal(doing, null, 'who does not answer does not say that it follows');
        await it.go_on_to(before + 3 * interval);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await expect_whole(t);
      const first = await first_number(await it.address_of(last));
      assert.ok(first > before, `its snapshot is of block ${first}, and was given way to only later ones`);
    });

    const whole_loss = parts.length === 1 && 'it is one process';
    test('its storage alone loses its disk and the rest goes on', { timeout: 300_000, skip: whole_loss }, async (t) => {
      const head = await it.head_of(0);
      await it.lose_disk([storage]);
      // The others' next block shows its consensus service that blocks are missing.
      await it.go_on_to(head + 2);
      await expect_whole(t);
    });
  });
}
