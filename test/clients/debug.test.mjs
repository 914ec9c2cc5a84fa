// The pool's contents, and traces by geth's tracers.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { encodeFunctionData, getAddress, pad } from 'viem';
import { dev_account, fresh_account, send } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { deploy } from './lib/contracts.mjs';
import { rpc, rpc_error } from './lib/rpc.mjs';

const bob = dev_account(1).address;
let alice, probe, nested;

const data_of = (functionName, ...args) => encodeFunctionData({ abi: probe.abi, functionName, args });
const sent = async (data) => receipt_of(await send(alice, { to: probe.address, gas: 500_000n, data }));

before(async () => {
  alice = await fresh_account();
  probe = await deploy(alice, 'Probe');
  nested = await sent(data_of('nest', 3n));
});

test('txpool_content, txpool_contentFrom, txpool_inspect and txpool_status agree', async (t) => {
  await rpc('evm_setAutomine', false);
  t.after(async () => {
    await rpc('evm_mine');
    await rpc('evm_setAutomine', true);
  });
  const carol = await fresh_account_mined();
  const next = await send(carol, { to: bob, value: 1n, nonce: 0 });
  const later = await send(carol, { to: bob, value: 2n, nonce: 5 });
  const { pending, queued } = await rpc('txpool_content');
  const of = (pool) => pool[carol.address] ?? pool[carol.address.toLowerCase()];
  assert.equal(of(pending)['0'].hash, next);
  assert.equal(of(queued)['5'].hash, later);
  const from = await rpc('txpool_contentFrom', carol.address);
  assert.deepEqual([from.pending['0'].hash, from.queued['5'].hash], [next, later]);
  const inspected = await rpc('txpool_inspect');
  assert.equal(of(inspected.pending)['0'],
    `${getAddress(bob)}: 1 wei + 21000 gas × ${100n * 10n ** 9n} wei`);
  assert.deepEqual(await rpc('txpool_status'), { pending: '0x1', queued: '0x1' });
  await rpc('hardhat_dropTransaction', later);
});

/// A funded account, though automine is off.
async function fresh_account_mined() {
  await rpc('evm_setAutomine', true);
  const account = await fresh_account();
  await rpc('evm_setAutomine', false);
  return account;
}

test('structLogs list every step with gas, stack and depth', async () => {
  const trace = await rpc('debug_traceTransaction', nested.transactionHash);
  assert.equal(trace.failed, false);
  assert.equal(trace.gas, Number(nested.gasUsed));
  assert.equal(BigInt(`0x${trace.returnValue.replace(/^0x/, '')}`), 3n);
  const [first, ...others] = trace.structLogs;
  assert.equal(first.op, 'PUSH1');
  assert.equal(first.pc, 0);
  assert.equal(first.depth, 1);
  assert.equal(first.gas, 500_000 - 21_000 - 4 * 16 - 32 * 4 - 12);
  others.forEach((step, i) => {
    const previous = trace.structLogs[i];
    if (step.depth === previous.depth) assert.equal(step.gas, previous.gas - previous.gasCost, `step ${i + 1}`);
  });
  assert.equal(Math.max(...trace.structLogs.map(({ depth }) => depth)), 4);
  assert.equal(trace.structLogs.filter(({ op }) => op === 'CALL').length, 3);
  const store = trace.structLogs.find(({ op }) => op === 'SSTORE');
  assert.ok(Object.values(store.storage).length >= 1);
});

test('structLogs leave out what they are told to', async () => {
  const { structLogs } = await rpc(
    'debug_traceTransaction', nested.transactionHash, { disableStack: true, disableStorage: true });
  assert.ok(structLogs.length > 0);
  assert.ok(structLogs.every((step) => !step.stack && !step.storage));
});

test('callTracer gives the tree of calls', async () => {
  const root = await rpc('debug_traceTransaction', nested.transactionHash, { tracer: 'callTracer' });
  let depth = 0;
  for (let call = root; call; call = call.calls?.[0], ++depth) {
    assert.equal(call.type, 'CALL');
    assert.equal(call.to.toLowerCase(), probe.address.toLowerCase());
    assert.equal(call.input, data_of('nest', BigInt(3 - depth)));
    assert.equal(call.error, undefined);
  }
  assert.equal(depth, 4);
  assert.equal(root.from.toLowerCase(), alice.address.toLowerCase());
  assert.equal(root.gasUsed, nested.gasUsed);
  assert.equal(root.gas, '0x7a120');
});

test('callTracer shows errors inside and logs when asked', async () => {
  const receipt = await sent(data_of('fail_inside'));
  const root = await rpc('debug_traceTransaction', receipt.transactionHash, { tracer: 'callTracer' });
  assert.equal(root.error, undefined);
  assert.equal(root.calls[0].error, 'execution reverted');
  assert.equal(root.calls[0].revertReason, 'inner');

  const with_log = await sent(data_of('set', 4n));
  const traced = await rpc('debug_traceTransaction', with_log.transactionHash,
    { tracer: 'callTracer', tracerConfig: { withLog: true } });
  assert.deepEqual(traced.logs[0].topics, with_log.logs[0].topics);
  const top = await rpc('debug_traceTransaction', nested.transactionHash,
    { tracer: 'callTracer', tracerConfig: { onlyTopCall: true } });
  assert.equal(top.calls, undefined);
});

test('prestateTracer gives what a transaction touched, and the difference it made', async () => {
  const receipt = await sent(data_of('set', 8n));
  const options = { tracer: 'prestateTracer' };
  const before_it = await rpc('debug_traceTransaction', receipt.transactionHash, options);
  const contract = probe.address.toLowerCase();
  assert.equal(before_it[contract].storage[pad('0x0')], pad('0x4'));
  assert.ok(alice.address.toLowerCase() in before_it);
  const { pre, post } = await rpc(
    'debug_traceTransaction', receipt.transactionHash, { ...options, tracerConfig: { diffMode: true } });
  assert.equal(pre[contract].storage[pad('0x0')], pad('0x4'));
  assert.equal(post[contract].storage[pad('0x0')], pad('0x8'));
  assert.equal(post[alice.address.toLowerCase()].nonce, pre[alice.address.toLowerCase()].nonce + 1);
});

test('debug_traceCall traces what is not sent', async () => {
  const call = { from: alice.address, to: probe.address, data: data_of('nest', 1n) };
  const root = await rpc('debug_traceCall', call, 'latest', { tracer: 'callTracer' });
  assert.equal(root.calls.length, 1);
  const { structLogs } = await rpc('debug_traceCall', call, 'latest', {});
  assert.equal(structLogs[0].depth, 1);
  const overridden = await rpc('debug_traceCall', call, 'latest',
    { tracer: 'callTracer', stateOverrides: { [probe.address]: { code: '0x602a5f5260205ff3' } } });
  assert.equal(BigInt(overridden.output), 42n);
});

test('blocks are traced by number and hash', async () => {
  const options = { tracer: 'callTracer' };
  for (const [method, block] of [
    ['debug_traceBlockByNumber', nested.blockNumber], ['debug_traceBlockByHash', nested.blockHash]]) {
    const traces = await rpc(method, block, options);
    assert.equal(traces.length, 1);
    assert.equal(traces[0].txHash, nested.transactionHash);
    assert.equal(traces[0].result.gasUsed, nested.gasUsed);
  }
});

test('what is not there cannot be traced', async () => {
  assert.equal((await rpc_error('debug_traceTransaction', pad('0x1'))).message, 'transaction not found');
  await rpc_error('debug_traceTransaction', nested.transactionHash, { tracer: 'crystalBall' });
});
