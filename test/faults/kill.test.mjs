// Every process of the system is killed in turn while clients keep sending. What was acknowledged is in the chain,
// exactly once; no call hangs; and the supervisor leaves nothing behind.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until, within } from '../clients/lib/until.mjs';
import { Sender } from './sender.mjs';
import { System } from './system.mjs';

const sender_count = 4;
let system, senders, finished, rpc;
const bob = '0x00000000000000000000000000000000000000b0';

before(async () => {
  system = await System.start();
  await system.serving();
  process.env.ENDPOINT = system.url; // read when the client library is loaded
  ({ rpc } = await import('../clients/lib/rpc.mjs'));
  const { fresh_account, sign_with_hash } = await import('../clients/lib/accounts.mjs');
  senders = [];
  for (let i = 0; i < sender_count; ++i) {
    const account = await fresh_account();
    senders.push(new Sender(system.url, account, (nonce) => sign_with_hash(account, { to: bob, value: 1n, nonce })));
  }
  finished = Promise.all(senders.map((sender) => sender.run()));
});
after(() => system?.destroy());

/// Waits until each sender got `count` more acknowledgements than now: the system works for everybody.
function all_progress(count) {
  const goals = senders.map((sender) => sender.acknowledged.length + count);
  return until('every sender to go on', () => {
    const faults = senders.flatMap((sender) => sender.faults);
    if (faults.length > 0) throw new Error(faults.join('\n'));
    return senders.every((sender, i) => sender.acknowledged.length >= goals[i]);
  }, 60_000);
}

/// How often each transaction is in the chain, which is checked to be one chain.
async function count_in_chain() {
  const counts = new Map();
  const head = Number(await rpc('eth_blockNumber'));
  let parent;
  for (let number = 0; number <= head; ++number) {
    const block = await rpc('eth_getBlockByNumber', `0x${number.toString(16)}`, false);
    assert.ok(block, `block ${number} is missing`);
    if (parent) assert.equal(block.parentHash, parent, `block ${number} does not follow its parent`);
    parent = block.hash;
    for (const hash of block.transactions) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

test('each process is killed and replaced while clients keep sending', { timeout: 500_000 }, async (t) => {
  const processes = await system.processes();
  assert.ok(processes.length >= 2, 'one process is no system of processes');
  await all_progress(5);
  for (const { name } of processes) {
    const began = performance.now();
    await system.kill(name);
    await all_progress(5);
    t.diagnostic(`${name}: killed, replaced and everybody going on after ${Math.round(performance.now() - began)} ms`);
  }
});

test('a registry that is away for half a minute is missed by nobody', { timeout: 200_000 }, async (t) => {
  await system.serving();
  const retries = () => senders.reduce((sum, { retries }) => sum + [...retries.values()].reduce((a, b) => a + b, 0), 0);
  const acknowledged = () => senders.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  const [retries_before, acknowledged_before] = [retries(), acknowledged()];
  const end = Date.now() + 30_000;
  const killed = new Set();
  // Whatever the supervisor puts in its place is killed too.
  while (Date.now() < end) {
    const pid = (await system.processes()).find(({ name }) => name === 'registry')?.pid;
    if (pid > 0 && !killed.has(pid) && system.is_ours(pid)) {
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    await all_progress(1);
  }
  assert.equal(retries(), retries_before, 'a client had to send again');
  await system.serving();
  t.diagnostic(`${killed.size} registries killed; ${acknowledged() - acknowledged_before} transactions went on`);
});

test('every acknowledged transaction is in the chain exactly once', { timeout: 200_000 }, async (t) => {
  senders.forEach((sender) => sender.stop());
  await within(90_000, 'the senders to finish', finished);
  await system.serving();
  assert.deepEqual(senders.flatMap((sender) => sender.faults), []);

  const counts = await count_in_chain();
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  const wrong = acknowledged.filter((hash) => counts.get(hash) !== 1)
    .map((hash) => `${hash} is in the chain ${counts.get(hash) ?? 0} times`);
  assert.equal(wrong.length, 0, wrong.slice(0, 5).join('\n'));
  assert.ok(acknowledged.length >= sender_count * 5 * 3, 'too few to show anything');

  for (const { account, acknowledged: own } of senders) {
    assert.equal(Number(await rpc('eth_getTransactionCount', account.address, 'latest')), own.length);
  }
  assert.equal(BigInt(await rpc('eth_getBalance', bob, 'latest')), BigInt(acknowledged.length), 'each moved 1 wei');
  for (const hash of acknowledged.filter((_, i) => i % 10 === 0)) {
    assert.equal((await rpc('eth_getTransactionReceipt', hash)).status, '0x1');
  }
  t.diagnostic(`${acknowledged.length} transactions; retried: ${JSON.stringify(
    senders.map((sender) => Object.fromEntries(sender.retries)))}`);
});

test('an interrupted supervisor leaves no process and no open port', { timeout: 60_000 }, async () => {
  await system.processes();
  const { code } = await system.interrupt();
  assert.equal(code, 0, system.supervisor.output);
  await until('every process to be gone', () => system.left_over().length === 0);
  await assert.rejects(fetch(system.url), (error) => error.cause?.code === 'ECONNREFUSED');
});
