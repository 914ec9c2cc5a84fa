// Four validators in network namespaces go through what happens to machines and networks, under load: a partition,
// kills, a lost disk, a wrong clock, a slow disk, a full one. What was acknowledged is in the chain exactly once, and
// no two nodes hold different final blocks of one height.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until, within } from '../clients/lib/until.mjs';
import { Network, services, why_not } from './netns.mjs';
import { Sender } from './sender.mjs';

const not_run = why_not();
if (not_run && process.env.CI) throw new Error(`network namespaces are needed here: ${not_run}`);
if (not_run) console.error(`NOT RUN: ${not_run}; as root: sudo test/faults/run netns.test.mjs`);
const scene = (name, timeout, body) => test(name, { timeout, skip: not_run && `NOT RUN: ${not_run}` }, body);

/// Between two transactions of a sender: enough to have some under way always, and no more than a test can count.
const pause_ms = 40;
/// Rounds of 1, 2, 4, 8, 16 s: what a validator may have waited for when a short fault ends, and what it waits next.
const recovery_ms_max = 60_000;
const bob = '0x00000000000000000000000000000000000000b0';
const libfaketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
let network, nodes, senders, finished;
let gate; // of the last sender: it waits while there is one

before(async () => {
  if (not_run) return;
  network = await Network.start();
  ({ nodes } = network);
  await Promise.all(nodes.map((node) => node.reaches(1, 60_000)));
  process.env.ENDPOINT = nodes[0].url; // read when the client library is loaded
  const { fresh_account, sign_with_hash } = await import('../clients/lib/accounts.mjs');
  senders = [];
  for (const node of nodes) {
    const account = await fresh_account();
    senders.push(new Sender(node.url, account, async (nonce) => {
      await pause(pause_ms);
      if (node === nodes.at(-1)) await gate;
      return sign_with_hash(account, { to: bob, value: 1n, nonce });
    }));
  }
  finished = Promise.all(senders.map((sender) => sender.run()));
});
after(async () => {
  for (const sender of senders ?? []) sender.stop();
  await network?.destroy();
});

/// Waits until every sender got acknowledgements and these nodes two blocks that were not there now.
async function all_go_on(some = nodes, timeout_ms = recovery_ms_max) {
  const heads = await Promise.all(nodes.map((node) => node.head()));
  const goal = Math.max(...heads.filter((head) => head !== undefined)) + 2;
  const counts = senders.map((sender) => sender.acknowledged.length + 2);
  await Promise.all(some.map((node) => node.reaches(goal, timeout_ms)));
  await until('acknowledgements', () => {
    const faults = senders.flatMap((sender) => sender.faults);
    if (faults.length > 0) throw new Error(faults.slice(0, 5).join('\n'));
    return some.every(({ index }) => gate !== undefined || senders[index].acknowledged.length >= counts[index]);
  }, timeout_ms);
}

/// How long it took, for the report.
async function timed(t, what, body) {
  const began = performance.now();
  const out = await body();
  t.diagnostic(`${what}: ${Math.round(performance.now() - began)} ms`);
  return out;
}

scene('load on all four nodes', 60_000, async () => {
  await all_go_on();
});

scene('two against two: no block, no strong read, but what was there', 60_000, async () => {
  await network.cut();
  // A block that had its votes when the link went down may still come.
  await pause(2_000);
  const heads = await Promise.all(nodes.map((node) => node.head()));
  const strong = { 'weft-consistency': 'strong' };
  await Promise.all(nodes.map(async (node) => {
    const eventual = await node.ask('eth_getBalance', [bob, 'latest']);
    assert.ok(BigInt(eventual.result) > 0n, `${node.name} does not serve what it has: ${JSON.stringify(eventual)}`);
    const refused = await node.ask('eth_getBalance', [bob, 'latest'], strong);
    assert.equal(refused.error?.code, -32001, `${node.name} answered a strong read: ${JSON.stringify(refused)}`);
  }));
  await pause(3_000);
  assert.deepEqual(await Promise.all(nodes.map((node) => node.head())), heads, 'half of the validators made a block');
});

scene('healed: one chain again, and strong reads', 90_000, async (t) => {
  await network.heal();
  await timed(t, 'every node going on', () => all_go_on());
  const number = Math.min(...await Promise.all(nodes.map((node) => node.head())));
  const hashes = await Promise.all(nodes.map(async (node) => (await node.block(number)).hash));
  assert.equal(new Set(hashes).size, 1, `block ${number} is not one: ${hashes}`);
  const { result, error } = await nodes[3].ask('eth_getBalance', [bob, 'latest'], { 'weft-consistency': 'strong' });
  assert.ok(BigInt(result ?? 0) > 0n, JSON.stringify(error));
});

scene('each service of each node is killed in turn', 150_000, async (t) => {
  for (const node of nodes) {
    for (const name of services) {
      await timed(t, `${name} of ${node.name}`, async () => {
        await node.restart(name);
        await all_go_on();
      });
    }
  }
});

scene('a node without its data gets it from the others', 90_000, async (t) => {
  // What only this disk has is gone with it: what its sender was told is in the chain first.
  const node = nodes.at(-1);
  const sender = senders.at(-1);
  let open;
  gate = new Promise((resolve) => { open = resolve; });
  await pause(2 * pause_ms);
  await until('the last sender\'s transactions in the chain', async () => {
    const { result } = await nodes[0].ask('eth_getTransactionCount', [sender.account.address, 'latest']);
    return Number(result) >= sender.acknowledged.length;
  }, 30_000);
  await node.kill('node');
  for (const name of ['chain', 'consensus', 'pool']) {
    fs.rmSync(path.join(node.folder, name), { recursive: true });
  }
  node.start('node');
  await timed(t, 'caught up', () => all_go_on());
  gate = undefined;
  open();
});

scene('a validator two hours ahead', 90_000, async (t) => {
  assert.ok(fs.existsSync(libfaketime), `${libfaketime} is missing (Debian: faketime)`);
  const node = nodes[2];
  await node.restart('node', { LD_PRELOAD: libfaketime, FAKETIME: '+2h', FAKETIME_DONT_FAKE_MONOTONIC: '1' });
  const others = nodes.filter((other) => other !== node);
  await timed(t, 'going on without it', () => all_go_on(others));
  await node.restart('node');
  await timed(t, 'going on with it', () => all_go_on());
});

scene('a slow disk', 90_000, async (t) => {
  const library = path.join(network.data, 'slow_disk.so');
  execFileSync('clang-19', ['-shared', '-fPIC', '-o', library, path.join(import.meta.dirname, 'slow_disk.c')]);
  await nodes[1].restart('node', { LD_PRELOAD: library, WEFT_DISK_MS: '400' });
  await timed(t, 'going on', () => all_go_on());
  await nodes[1].restart('node');
  await timed(t, 'going on with a fast one', () => all_go_on());
});

scene('a full disk', 120_000, async (t) => {
  const node = nodes[1];
  const others = nodes.filter((other) => other !== node);
  await node.kill('node');
  await node.move_to_small_disk(256);
  node.start('node');
  await all_go_on();
  const filler = path.join(node.folder, 'filler');
  const fill = () => {
    const file = fs.openSync(filler, 'a');
    const chunk = Buffer.alloc(1 << 20, 1);
    try {
      for (let i = 0; i < 256; ++i) fs.writeSync(file, chunk);
    } catch (error) {
      assert.equal(error.code, 'ENOSPC');
    } finally {
      fs.closeSync(file);
    }
  };
  fill();
  await timed(t, 'the others going on', () => all_go_on(others));
  fs.rmSync(filler);
  await node.restart('node');
  await timed(t, 'going on with room again', () => all_go_on());
});

scene('one chain with every acknowledged transaction once', 120_000, async (t) => {
  for (const sender of senders) sender.stop();
  await within(70_000, 'the senders to finish', finished);
  assert.deepEqual(senders.flatMap((sender) => sender.faults), []);
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  await until('all that was acknowledged in the chain', async () => {
    const counts = await Promise.all(senders.map(async ({ account }) =>
      Number((await nodes[0].ask('eth_getTransactionCount', [account.address, 'latest'])).result)));
    return counts.every((count, i) => count >= senders[i].acknowledged.length);
  }, 40_000);
  const last = await nodes[0].head();
  await Promise.all(nodes.map((node) => node.reaches(last, 40_000)));

  const counts = new Map();
  const now_s = Date.now() / 1000;
  let parent;
  for (let number = 0; number <= last; ++number) {
    const [block, ...copies] = await Promise.all(nodes.map((node) => node.block(number)));
    for (const copy of copies) assert.equal(copy?.hash, block.hash, `two final blocks ${number}`);
    if (parent) assert.equal(block.parentHash, parent, `block ${number} does not follow its parent`);
    assert.ok(Number(block.timestamp) < now_s + 60, `block ${number} is of the future`);
    parent = block.hash;
    for (const hash of block.transactions) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  const wrong = acknowledged.filter((hash) => counts.get(hash) !== 1)
    .map((hash) => `${hash} is in the chain ${counts.get(hash) ?? 0} times`);
  assert.equal(wrong.length, 0, wrong.slice(0, 5).join('\n'));
  assert.ok(acknowledged.length > 500, 'too few to show anything');
  t.diagnostic(`${acknowledged.length} transactions in ${last} blocks; retried: ${JSON.stringify(
    senders.map((sender) => Object.fromEntries(sender.retries)))}`);
});
