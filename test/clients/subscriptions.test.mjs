// Filters that are polled and subscriptions that are pushed tell the same story.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pad, toEventSelector } from 'viem';
import { dev_account, fresh_account, send } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { deploy } from './lib/contracts.mjs';
import { rpc, rpc_error } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';
import { open_socket } from './lib/websocket.mjs';

const changed = toEventSelector('Changed(uint256,uint256,string)');
const bob = dev_account(1).address;
let alice, probe, socket;

const set = (value) => ({ to: probe.address, gas: 100_000n, data: `0x60fe47b1${value.toString(16).padStart(64, '0')}` });
const sent = async (fields) => receipt_of(await send(alice, fields));

before(async () => {
  alice = await fresh_account();
  probe = await deploy(alice, 'Probe');
  socket = await open_socket();
});
after(() => socket?.close());

test('filters give each log, block and pending transaction once', async () => {
  const fromBlock = await rpc('eth_blockNumber');
  const logs = await rpc('eth_newFilter', { fromBlock, address: probe.address, topics: [changed] });
  const blocks = await rpc('eth_newBlockFilter');
  const pending = await rpc('eth_newPendingTransactionFilter');
  const receipts = [await sent(set(1)), await sent(set(2))];
  assert.deepEqual(await rpc('eth_getFilterChanges', logs), receipts.map((receipt) => receipt.logs[0]));
  assert.deepEqual(await rpc('eth_getFilterChanges', blocks), receipts.map(({ blockHash }) => blockHash));
  assert.deepEqual(await rpc('eth_getFilterChanges', pending), receipts.map(({ transactionHash }) => transactionHash));
  for (const filter of [logs, blocks, pending]) assert.deepEqual(await rpc('eth_getFilterChanges', filter), []);
  assert.deepEqual(await rpc('eth_getFilterLogs', logs), receipts.map((receipt) => receipt.logs[0]));
  for (const filter of [logs, blocks, pending]) assert.equal(await rpc('eth_uninstallFilter', filter), true);
  assert.equal(await rpc('eth_uninstallFilter', logs), false);
  await rpc_error('eth_getFilterChanges', logs);
});

test('newHeads pushes each block in order, linked by parent hash', async () => {
  const heads = await socket.subscribe('newHeads');
  const receipts = [];
  for (let i = 0; i < 5; ++i) receipts.push(await sent({ to: bob, value: 1n }));
  await until('five heads', () => heads.results().length >= 5);
  assert.deepEqual(heads.results().map(({ hash }) => hash), receipts.map(({ blockHash }) => blockHash));
  heads.results().slice(1).forEach((head, i) => assert.equal(head.parentHash, heads.results()[i].hash));
  assert.equal('transactions' in heads.results()[0], false, 'a head, not a block');
  assert.equal(await socket.call('eth_unsubscribe', heads.id), true);
  await sent({ to: bob, value: 1n });
  await socket.call('eth_chainId');
  assert.equal(heads.results().length, 5);
});

test('logs pushes what matches and nothing else', async () => {
  const one = await socket.subscribe('logs', { address: probe.address, topics: [changed, null, pad('0xb')] });
  const all = await socket.subscribe('logs', {});
  const receipts = [];
  for (const value of [10, 11, 12]) receipts.push(await sent(set(value)));
  await until('three logs', () => all.results().length >= 3);
  assert.deepEqual(one.results(), [receipts[1].logs[0]]);
  assert.deepEqual(all.results(), receipts.map((receipt) => receipt.logs[0]));
  await socket.call('eth_unsubscribe', one.id);
  await socket.call('eth_unsubscribe', all.id);
});

test('newPendingTransactions pushes hashes, or whole transactions when asked', async () => {
  const hashes = await socket.subscribe('newPendingTransactions');
  const whole = await socket.subscribe('newPendingTransactions', true);
  const receipt = await sent({ to: bob, value: 3n });
  await until('the transaction', () => hashes.results().length > 0 && whole.results().length > 0);
  assert.deepEqual(hashes.results(), [receipt.transactionHash]);
  assert.equal(whole.results()[0].hash, receipt.transactionHash);
  assert.equal(whole.results()[0].value, '0x3');
  await socket.call('eth_unsubscribe', hashes.id);
  await socket.call('eth_unsubscribe', whole.id);
});

test('syncing can be subscribed to', async () => {
  const syncing = await socket.subscribe('syncing');
  assert.equal(await socket.call('eth_unsubscribe', syncing.id), true);
});

test('a subscription ends with its connection and belongs to it', async () => {
  const other = await open_socket();
  const heads = await other.subscribe('newHeads');
  await assert.rejects(socket.call('eth_unsubscribe', heads.id), /subscription not found/);
  other.close();
  await sent({ to: bob, value: 1n });
  assert.equal(socket.notifications.filter(({ subscription }) => subscription === heads.id).length, 0);
});

test('unknown subscriptions are refused', async () => {
  await assert.rejects(socket.call('eth_subscribe', 'newspaper'), (error) => {
    assert.equal(error.code, -32601);
    assert.equal(error.message, 'no "newspaper" subscription in eth namespace');
    return true;
  });
  const error = await rpc_error('eth_subscribe', 'newHeads');
  assert.equal(error.code, -32601);
  assert.equal(error.message, 'notifications not supported');
});

test('a hundred subscribers all see the same block', async () => {
  const sockets = await Promise.all(Array.from({ length: 100 }, open_socket));
  const heads = await Promise.all(sockets.map((one) => one.subscribe('newHeads')));
  const { blockHash } = await sent({ to: bob, value: 1n });
  await until('every head', () => heads.every((one) => one.results().some(({ hash }) => hash === blockHash)));
  sockets.forEach((one) => one.close());
});
