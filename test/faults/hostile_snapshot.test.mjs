// A validator loses its disk, and one of the peers that it gets a state from lies. Whatever the lie, it ends with the
// others' state, holds it against the liar alone, stays small, and those that serve it go on as they do. At last all
// liars are there at once, which are more than who tells the truth.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../clients/lib/until.mjs';
import { peer_scores } from './grpc.mjs';
import { HostilePeer, lies } from './hostile_peer.mjs';
import { Rejoin, last } from './rejoin.mjs';

/// Of a node that takes a snapshot.
const memory_mib_max = 512;
/// Until a sync is done with one liar: what a question to a peer that does not answer takes (10 s), a few times over.
const sync_ms_max = 60_000;
/// That liars say they have: who has not a snapshot's block is not asked for it.
const blocks_ahead = 1000;
let it, peers, honest_ids;

before(async () => {
  it = await Rejoin.start('process');
  peers = fs.readFileSync(path.join(it.system.data, 'peers'), 'utf8');
  honest_ids = peers.split('\n').filter((line) => line.includes('@')).map((line) => line.slice(0, 64));
}, { timeout: 120_000 });
after(() => it?.destroy());

/// Most memory that the process had, in MiB.
function memory_of(pid) {
  const [, kib] = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(kib) / 1024);
}

async function rejoin_among(t, names) {
  const head = await it.head_of(0);
  const liars = await Promise.all(names.map((name) => HostilePeer.start(lies[name], head + blocks_ahead)));
  try {
    fs.writeFileSync(path.join(it.system.data, 'peers'), [peers, ...liars.map(({ address }) => address)].join('\n'));
    // What liars know they have from a node that lets them in.
    await it.system.kill('node-0');
    await Promise.all(liars.map((liar) => liar.begin(honest_ids[0])));
    const began = performance.now();
    await it.lose_disk();
    await Promise.all(liars.map((liar) => liar.connection(honest_ids[last])));
    // Those that serve it make blocks meanwhile.
    await it.send();
    await until('a block of the others', async () => await it.head_of(0) > head, 30_000);
    const block_ms = Math.round(performance.now() - began);
    const whole = await it.expect_whole();
    const sync_ms = Math.round(performance.now() - began);
    const found = await peer_scores(await it.address_of(last));
    const { pid } = await it.process_of(`node-${last}`);
    t.diagnostic(`${sync_ms} ms, a block of the others after ${block_ms} ms, ${memory_of(pid)} MiB, snapshot of block ${
      whole.first}; lies: ${liars.map(({ lies: count }) => count)}; scores: ${JSON.stringify(Object.values(found))}`);
    const told = liars.filter((liar) => liar.lies > 0);
    // Among many, those that were of no use are not asked again, and some never.
    assert.ok(told.length >= Math.min(liars.length, 3), 'those that lie were not asked');
    for (const liar of told) {
      assert.ok(liar.lie.is_blamed === false || found[liar.id] < 0, `not blamed: ${JSON.stringify(found)}`);
    }
    assert.deepEqual(liars.flatMap(({ failures }) => failures.map(String)), []);
    for (const id of honest_ids.slice(0, last)) assert.equal(found[id], 0, `${id} is blamed or not connected`);
    for (const node of [0, 1, 2]) {
      const others = await peer_scores(await it.address_of(node));
      assert.equal(others[honest_ids[last]], 0, `node ${node} blames who asked it: ${JSON.stringify(others)}`);
    }
    assert.ok(memory_of(pid) < memory_mib_max, `${memory_of(pid)} MiB`);
    return sync_ms;
  } finally {
    for (const liar of liars) liar.destroy();
    fs.writeFileSync(path.join(it.system.data, 'peers'), peers);
  }
}

for (const name of Object.keys(lies)) {
  test(name, { timeout: 180_000 }, async (t) => {
    const sync_ms = await rejoin_among(t, [name]);
    assert.ok(sync_ms < sync_ms_max, `it took ${sync_ms} ms`);
  });
}

test('all of them at once', { timeout: 300_000 }, async (t) => {
  await rejoin_among(t, Object.keys(lies));
});
