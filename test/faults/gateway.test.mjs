// weft gateway before upstreams that fail in every way one after the other, while clients of all kinds go on. No answer
// is wrong, none fails, no head goes back, and subscribers and filters have each block and log once.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { foundry, free_port, start } from '../clients/lib/process.mjs';
import { until } from '../clients/lib/until.mjs';
import { Gateway } from './gateway.mjs';
import { starts } from './nodes.mjs';
import { System } from './system.mjs';
import { FaultyUpstream } from './upstreams.mjs';

const block_ms = 300;
/// Of each fault, and of the time after it.
const fault_ms = 4_000;
const well_ms = 2_000;
const faults = [
  ['slow', 200], ['slow', 2_000], ['hanging'], ['cutting'], ['status 500'], ['status 429'], ['lying head'], ['behind'],
  ['stopped'], ['killed'],
];

let system, upstreams, rpc, target;

/// The node behind all: NODE is weft or anvil.
async function start_node() {
  if (process.env.NODE !== 'anvil') {
    system = await System.start();
    await system.serving();
    return system.url;
  }
  const port = await free_port();
  const child = start(foundry('anvil'), ['--port', String(port), '--silent']);
  system = { destroy: () => child.kill('SIGKILL') };
  return `http://127.0.0.1:${port}`;
}

before(async () => {
  const node_url = await start_node();
  process.env.ENDPOINT = node_url; // read when the client library is loaded
  ({ rpc } = await import('../clients/lib/rpc.mjs'));
  await until('the node to answer', () => rpc('eth_chainId').catch(() => undefined), 60_000);
  const { fresh_account, sign_with_hash } = await import('../clients/lib/accounts.mjs');
  const { deploy } = await import('../clients/lib/contracts.mjs');
  const { changed_topic } = await import('../clients/lib/load.mjs');
  const account = await fresh_account();
  const probe = await deploy(await fresh_account(), 'Probe');
  const call = (value) => `0x60fe47b1${value.toString(16).padStart(64, '0')}`;
  target = {
    sender: account.address,
    address: probe.address,
    sign: (nonce) => sign_with_hash(account, { to: probe.address, gas: 100_000n, nonce, data: call(nonce) }),
    topic: changed_topic,
  };
  await rpc('evm_setAutomine', false);
  const interval = process.env.NODE === 'anvil' ? 1 : block_ms; // anvil's are seconds
  await rpc('evm_setIntervalMining', interval);
  if (process.env.NODE === 'anvil') await rpc('anvil_mine', '0x20');
  await until('a chain of some blocks', async () => Number(await rpc('eth_blockNumber')) > 30, 60_000);
  upstreams = [];
  for (const scheme of ['http', 'ws', 'http']) upstreams.push(await FaultyUpstream.start(node_url, scheme));
});

after(async () => {
  Gateway.end_all();
  for (const upstream of upstreams ?? []) await upstream.end();
  system?.destroy();
});

const quantile = (values, share) => Math.round(values.sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0);

/// What a subscriber was told is the node's chain from the first to the last that it was told of.
async function assert_each_once(what, hashes, headers) {
  assert.ok(hashes.length > 0, `${what}: something was told`);
  const first = Number((await rpc('eth_getBlockByHash', hashes[0], false)).number);
  const last = Number((await rpc('eth_getBlockByHash', hashes.at(-1), false)).number);
  const numbers = Array.from({ length: last - first + 1 }, (_, i) => `0x${(first + i).toString(16)}`);
  const want = await Promise.all(numbers.map(async (number) => (await rpc('eth_getBlockByNumber', number, false)).hash));
  assert.deepEqual(hashes, want, what);
  for (const header of headers ?? []) assert.equal('transactions' in header, false);
  return last;
}

test('clients see no fault of an upstream while another one is well', { timeout: 400_000 }, async (t) => {
  const { Load } = await import('../clients/lib/load.mjs');
  const gateway = await Gateway.start(upstreams);
  const load = new Load(gateway.url, rpc, target);
  await load.start();
  await pause(fault_ms);
  const rows = [];
  for (const [i, [mode, ms]] of [...faults, ...faults].entries()) {
    // Of the two transports each has every fault.
    const index = i < faults.length ? 0 : 1;
    const name = `${index === 0 ? 'http' : 'ws'} ${mode}${ms ? ` ${ms} ms` : ''}`;
    load.fault = name;
    await upstreams[index].fail(mode, ms);
    const begun = performance.now();
    const ejected = await gateway.time_until(index, false, fault_ms);
    await pause(Math.max(fault_ms - (performance.now() - begun), 1));
    await upstreams[index].heal();
    const readmitted = await gateway.time_until(index, true, 20_000);
    assert.notEqual(readmitted, undefined, `${name}: in use again`);
    load.fault = `after ${name}`;
    await pause(well_ms);
    rows.push([name, ejected, readmitted]);
  }
  // Two of three at once.
  load.fault = 'two stopped';
  await Promise.all([upstreams[0], upstreams[1]].map((one) => one.fail('stopped')));
  await pause(fault_ms);
  await Promise.all([upstreams[0], upstreams[1]].map((one) => one.heal()));
  load.fault = 'after two stopped';
  await pause(well_ms);
  rows.push(['two stopped', undefined, undefined]);
  await load.stop();

  const last_sent = load.sent.at(-1);
  const receipt = await until('the last transaction to be mined', () => rpc('eth_getTransactionReceipt', last_sent));
  await until('the last block to be told of', () => load.heads.some(({ hash }) => hash === receipt.blockHash)
    && load.polled_blocks.includes(receipt.blockHash) && load.logs.length >= load.sent.length, 20_000).catch(() => {});
  await load.end();

  t.diagnostic(`${load.calls} calls, ${load.sent.length} transactions, ${load.heads.length} heads; ms:`);
  const none = load.latencies.get('none');
  t.diagnostic(`no fault: p50 ${quantile(none, 0.5)}, p99 ${quantile(none, 0.99)}`);
  for (const [name, ejected, readmitted] of rows) {
    const values = load.latencies.get(name) ?? [];
    t.diagnostic(`${name}: out after ${ejected ?? '-'}, in again after ${readmitted ?? '-'}; `
      + `${values.length} calls, p50 ${quantile(values, 0.5)}, p99 ${quantile(values, 0.99)}, most ${quantile(values, 1)}`);
  }
  assert.deepEqual(load.summary(), [], `${load.wrong.length} of ${load.calls} calls`);

  await assert_each_once('newHeads', load.heads.map(({ hash }) => hash), load.heads);
  await assert_each_once('eth_newBlockFilter', load.polled_blocks);
  const want = [];
  for (const [nonce, hash] of load.sent.entries()) {
    const { status, logs, transactionIndex, blockNumber } = await rpc('eth_getTransactionReceipt', hash);
    assert.equal(status, '0x1', `transaction ${nonce}`);
    want.push({ ...logs[0], order: Number(blockNumber) * 1_000 + Number(transactionIndex) });
  }
  const plain = want.sort((a, b) => a.order - b.order).map(({ order, ...log }) => log);
  assert.deepEqual(load.logs, plain, 'the logs that were pushed');
  assert.deepEqual(load.polled_logs, plain, 'the logs that were polled');
  assert.equal(Number(await rpc('eth_getTransactionCount', target.sender, 'latest')), load.sent.length);
});

test('of two or three upstreams the one that says a number alone moves nobody', { timeout: 60_000 }, async () => {
  const [first, liar, other] = upstreams;
  const chosen = [[first, liar], [first, liar, other]];
  for (const lies_from_the_start of [true, false]) {
    for (const some of chosen) {
      if (lies_from_the_start) await liar.fail('lying head');
      const gateway = await Gateway.start(some);
      if (!lies_from_the_start) await liar.fail('lying head');
      const begun = performance.now();
      while (performance.now() - begun < 1_500) {
        const { result } = await gateway.reply('eth_blockNumber');
        assert.ok(Number(result) <= Number(await rpc('eth_blockNumber')), `head ${Number(result)}`);
        const { result: block } = await gateway.reply('eth_getBlockByNumber', 'latest', false);
        assert.equal(block.hash, (await rpc('eth_getBlockByNumber', block.number, false)).hash);
      }
      await liar.heal();
      assert.notEqual((await gateway.status()).head, 0);
    }
  }
});

test('of two upstreams the one that is ahead is followed though the other has stopped', { timeout: 60_000 }, async () => {
  const [ahead, , stopped] = upstreams;
  const gateway = await Gateway.start([ahead, stopped]);
  await stopped.fail('standing still');
  const there = Number(await rpc('eth_blockNumber'));
  await until('25 blocks', async () => Number(await rpc('eth_blockNumber')) > there + 25, 20_000);
  const now = Number(await rpc('eth_blockNumber'));
  await until('the gateway to have them', async () => Number((await gateway.reply('eth_blockNumber')).result) >= now, 3_000);
  await stopped.heal();
});

test('a quorum finds out who lies about a balance, and tells', { timeout: 120_000 }, async (t) => {
  const gateway = await Gateway.start(upstreams, '--quorum', 'eth_getBalance=2');
  const head = Number(await rpc('eth_blockNumber'));
  await upstreams[2].fail('lying balance');
  const latencies = [];
  for (let i = 0; i < 200; ++i) {
    const at = `0x${Math.max(head - i, 0).toString(16)}`;
    const begun = performance.now();
    const { result, error } = await gateway.reply('eth_getBalance', target.sender, at);
    latencies.push(performance.now() - begun);
    assert.equal(error, undefined);
    assert.equal(result, await rpc('eth_getBalance', target.sender, at));
  }
  t.diagnostic(`with a quorum: p50 ${quantile(latencies, 0.5)}, p99 ${quantile(latencies, 0.99)} ms`);
  const { upstreams: seen } = await gateway.status();
  assert.equal(seen[0].disagreements, 0);
  assert.equal(seen[1].disagreements, 0);
  assert.ok(seen[2].disagreements > 0, 'the liar was asked and is known');
  const metrics = await gateway.page('metrics');
  const line = /^weft_proxy_upstream_disagreements_total\{upstream="upstream-2"\} (\d+)/m;
  assert.equal(Number(metrics.match(line)[1]), seen[2].disagreements);
  assert.match(gateway.process.output, /disagrees.*upstream=upstream-2/);
  await upstreams[2].heal();
});

test('a transaction whose answer was lost is answered with its hash', { timeout: 120_000 }, async () => {
  const [only] = upstreams;
  const gateway = await Gateway.start([only]);
  const { Load } = await import('../clients/lib/load.mjs');
  const load = new Load(gateway.url, rpc, target);
  const first = Number(await rpc('eth_getTransactionCount', target.sender, 'pending'));
  // It waits for its block when it is sent again ("already known"), or is in it ("nonce too low").
  for (const [nonce, ms] of [[first, 0], [first + 1, 3 * block_ms]]) {
    const { raw, hash } = await target.sign(nonce);
    await only.fail('cutting', ms);
    const sending = load.call('eth_sendRawTransaction', raw);
    await until('the node to have it', () => rpc('eth_getTransactionByHash', hash));
    await pause(ms);
    await only.heal();
    assert.equal(await sending, hash);
    await until('its block', () => rpc('eth_getTransactionReceipt', hash));
    // Nothing was lost of this one: the client is told what the node says.
    await assert.rejects(load.call('eth_sendRawTransaction', raw), /already known|nonce too low/);
  }
});

test('what waits at one upstream only is found there', { timeout: 120_000 }, async (t) => {
  // Two nodes of one chain that know nothing of each other, as pools do for a moment.
  const { chain_id, dev_account } = await import('../clients/lib/accounts.mjs');
  const { Load } = await import('../clients/lib/load.mjs');
  const { Plan, Twin } = await import('../clients/lib/twins.mjs');
  const nodes = [];
  const fronts = [];
  t.after(async () => {
    for (const front of fronts) await front.end();
    for (const node of nodes) node.end();
  });
  const plan = new Plan();
  const blocks = await plan.children(plan.root, 2);
  for (let i = 0; i < 2; ++i) {
    nodes.push(await starts.anvil());
    await (await Twin.begin(nodes[i].url, plan)).mine(blocks);
    fronts.push(await FaultyUpstream.start(nodes[i].url, 'http'));
  }
  const gateway = await Gateway.start(fronts);
  const load = new Load(gateway.url, rpc, target);
  const account = dev_account(1);
  const fees = { gas: 21_000n, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n };
  const raw = await account.signTransaction({ chainId: chain_id, nonce: 0, to: account.address, ...fees });
  await fronts[1].fail('status 500');
  const hash = await load.call('eth_sendRawTransaction', raw);
  await fronts[1].heal();
  assert.notEqual(await gateway.time_until(1, true, 20_000), undefined);
  for (let i = 0; i < 40; ++i) {
    assert.equal(Number(await load.call('eth_getTransactionCount', account.address, 'pending')), 1);
    assert.equal((await load.call('eth_getTransactionByHash', hash))?.hash, hash);
  }
});

test('a WebSocket that was opened for strong reads sees what the node has', { timeout: 60_000 }, async (t) => {
  const gateway = await Gateway.start([upstreams[0], upstreams[2]]); // both are asked for their heads, neither tells
  const behind = { strong: 0, eventual: 0 };
  for (const level of Object.keys(behind)) {
    const socket = new WebSocket(gateway.url.replace(/^http/, 'ws'), { headers: { 'weft-consistency': level } });
    t.after(() => socket.close());
    await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
    for (let id = 0; id < 40; ++id) {
      const before = Number(await rpc('eth_blockNumber'));
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_getBlockByNumber', params: ['latest', false] }));
      const { data } = await new Promise((resolve) => { socket.onmessage = resolve; });
      if (Number(JSON.parse(data).result.number) < before) ++behind[level];
      await pause(20);
    }
  }
  assert.equal(behind.strong, 0);
  assert.ok(behind.eventual > 0, 'the difference is to be seen');
});

test('while no upstream can answer, an error says so, and the next call is well', { timeout: 120_000 }, async () => {
  const two = upstreams.slice(0, 2);
  const gateway = await Gateway.start(two);
  const somebody = () => `0x${randomBytes(20).toString('hex')}`; // nothing of whom is kept
  const calls = () => [
    ['eth_getBalance', somebody(), 'latest'], ['eth_getBalance', somebody(), 'pending'],
    ['eth_getTransactionCount', somebody(), 'pending'], ['eth_getLogs', { address: somebody() }], ['txpool_status'],
  ];
  for (const mode of ['status 429', 'status 500', 'killed']) {
    for (const upstream of two) await upstream.fail(mode);
    for (const call of calls()) {
      const { jsonrpc, error } = await gateway.reply(...call);
      assert.equal(jsonrpc, '2.0', `${mode}: ${call[0]}`);
      assert.equal(error?.code < 0, true, `${mode}: ${call[0]} ${JSON.stringify(error)}`);
    }
    for (const upstream of two) await upstream.heal();
    for (const index of two.keys()) assert.notEqual(await gateway.time_until(index, true, 20_000), undefined);
    for (const call of calls()) assert.equal('result' in await gateway.reply(...call), true, `after ${mode}: ${call[0]}`);
  }
});
