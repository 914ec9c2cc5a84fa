// Four validators, each of five processes. Every one of the twenty is killed in turn while clients keep sending: what
// was acknowledged is in the chain exactly once, blocks go on while one is away, and all validators have one chain.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until, within } from '../clients/lib/until.mjs';
import { block_hash, head_number } from './grpc.mjs';
import { Sender } from './sender.mjs';
import { System } from './system.mjs';

const sender_count = 4;
const node_count = 4;
const services = ['storage', 'validation', 'consensus', 'network', 'monitor'];
/// Between two transactions of one sender: what is shown is that none is lost, not how many there can be.
const send_every_ms = 100;
const bob = '0x00000000000000000000000000000000000000b0';
let system, senders, finished, rpc;

before(async () => {
  system = await System.start_chain('--layout', 'service', '--validators', `${node_count}`);
  await system.serving();
  process.env.ENDPOINT = system.url; // read when the client library is loaded
  ({ rpc } = await import('../clients/lib/rpc.mjs'));
  const { dev_account, sign_with_hash } = await import('../clients/lib/accounts.mjs');
  senders = Array.from({ length: sender_count }, (_, i) => {
    const account = dev_account(i);
    return new Sender(system.url, account, async (nonce) => {
      await pause(send_every_ms);
      return sign_with_hash(account, { to: bob, value: 1n, nonce });
    });
  });
  finished = Promise.all(senders.map((sender) => sender.run()));
});
after(() => system?.destroy());

const addresses_of_storage = async () => (await system.processes())
  .filter(({ name }) => name.startsWith('storage-')).map(({ address }) => address);

/// The highest block that any validator has; those that are away have none.
async function height() {
  const heads = await Promise.allSettled((await addresses_of_storage()).map(head_number));
  return Math.max(...heads.map(({ value }) => value ?? -1));
}

function all_progress(count) {
  const goals = senders.map((sender) => sender.acknowledged.length + count);
  return until('every sender to go on', () => {
    const faults = senders.flatMap((sender) => sender.faults);
    if (faults.length > 0) throw new Error(faults.join('\n'));
    return senders.every((sender, i) => sender.acknowledged.length >= goals[i]);
  }, 60_000);
}

const blocks_after = (number, count) =>
  until(`${count} blocks after ${number}`, async () => await height() >= number + count, 60_000);

test('each service of each node is a process of its own', { timeout: 60_000 }, async () => {
  const names = (await system.processes()).map(({ name }) => name);
  for (let i = 0; i < node_count; ++i) {
    for (const service of services) assert.ok(names.includes(`${service}-${i}`), `${service}-${i} is missing`);
  }
});

test('each is killed and replaced while blocks and clients go on', { timeout: 580_000 }, async (t) => {
  await all_progress(5);
  for (let i = 0; i < node_count; ++i) {
    for (const service of services) {
      const began = performance.now();
      const before_kill = await height();
      await system.kill(`${service}-${i}`);
      const replaced_ms = Math.round(performance.now() - began);
      await Promise.all([blocks_after(before_kill, 2), all_progress(3)]);
      t.diagnostic(`${service}-${i}: replaced after ${replaced_ms} ms, two blocks and everybody going on after ${
        Math.round(performance.now() - began)} ms`);
    }
  }
});

test('with a node stopped for long the others go on, and it catches up', { timeout: 120_000 }, async (t) => {
  // Stopped, not killed: the supervisor sees nothing to start again, and blocks must come without it.
  const { pid } = (await system.processes()).find(({ name }) => name === 'consensus-2');
  assert.ok(system.is_ours(pid));
  process.kill(pid, 'SIGSTOP');
  const number = await height();
  try {
    await blocks_after(number, 5);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const behind = (await addresses_of_storage())[2];
  await until('the one that was stopped to have them', async () => await head_number(behind) >= number + 5, 60_000);
  t.diagnostic(`five blocks after ${number} without it`);
});

test('every acknowledged transaction is in the chain exactly once', { timeout: 200_000 }, async (t) => {
  senders.forEach((sender) => sender.stop());
  await within(90_000, 'the senders to finish', finished);
  await system.serving();
  assert.deepEqual(senders.flatMap((sender) => sender.faults), []);
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  await until('the last to be in a block', async () => {
    const nonces = await Promise.all(senders.map(({ account }) =>
      rpc('eth_getTransactionCount', account.address, 'latest')));
    return senders.every((sender, i) => Number(nonces[i]) >= sender.acknowledged.length);
  }, 90_000);
  const counts = new Map();
  const head = Number(await rpc('eth_blockNumber'));
  for (let number = 0; number <= head; ++number) {
    const block = await rpc('eth_getBlockByNumber', `0x${number.toString(16)}`, false);
    for (const hash of block.transactions) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  const wrong = acknowledged.filter((hash) => counts.get(hash) !== 1)
    .map((hash) => `${hash} is in the chain ${counts.get(hash) ?? 0} times`);
  assert.equal(wrong.length, 0, wrong.slice(0, 5).join('\n'));
  assert.equal(BigInt(await rpc('eth_getBalance', bob, 'latest')), BigInt(acknowledged.length), 'each moved 1 wei');
  t.diagnostic(`${acknowledged.length} transactions in ${head} blocks; retried: ${JSON.stringify(
    senders.map((sender) => Object.fromEntries(sender.retries)))}`);
});

test('all validators have the same blocks', { timeout: 120_000 }, async (t) => {
  const number = await height();
  const addresses = await addresses_of_storage();
  assert.equal(addresses.length, node_count);
  await until('every validator to have them', async () =>
    (await Promise.all(addresses.map(head_number))).every((head) => head >= number), 60_000);
  for (let at = 0; at <= number; ++at) {
    const hashes = await Promise.all(addresses.map((address) => block_hash(address, at)));
    assert.equal(new Set(hashes).size, 1, `block ${at}: ${hashes}`);
    assert.equal(hashes[0].length, 66);
  }
  t.diagnostic(`${number + 1} blocks`);
});

test('an interrupted supervisor leaves no process', { timeout: 60_000 }, async () => {
  const { code } = await system.interrupt(40_000);
  assert.equal(code, 0, system.supervisor.output);
  await until('every process to be gone', () => system.left_over().length === 0);
});
