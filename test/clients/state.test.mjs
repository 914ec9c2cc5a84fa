// Reads of state: at past blocks, under overrides, with proofs, simulated over several blocks.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { decodeFunctionResult, encodeAbiParameters, encodeFunctionData, keccak256, numberToHex, pad, toHex, toRlp } from 'viem';
import { dev_account, fresh_account, send } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { artifact, deploy } from './lib/contracts.mjs';
import { proven_value } from './lib/proof.mjs';
import { rpc, rpc_error } from './lib/rpc.mjs';

const bob = dev_account(1).address;
const stranger = '0x0000000000000000000000000000000000057a7e'; // no other test's
let alice, probe, set_receipts;

const data_of = (functionName, ...args) => encodeFunctionData({ abi: probe.abi, functionName, args });
const call = (functionName, args = [], ...rest) => rpc(
  'eth_call', { from: alice.address, to: probe.address, data: data_of(functionName, ...args) }, ...rest);

before(async () => {
  alice = await fresh_account();
  probe = await deploy(alice, 'Probe');
  set_receipts = [];
  for (const value of [5n, 6n]) {
    set_receipts.push(await receipt_of(
      await send(alice, { to: probe.address, data: data_of('set', value), gas: 100_000n })));
  }
});

test('reads at every block tag, number and hash', async () => {
  const [first, second] = set_receipts;
  assert.equal(BigInt(await call('value', [], first.blockNumber)), 5n);
  assert.equal(BigInt(await call('value', [], { blockHash: first.blockHash })), 5n);
  assert.equal(BigInt(await call('value', [], { blockNumber: second.blockNumber })), 6n);
  assert.equal(BigInt(await call('value')), 6n, 'the block may be left out');
  for (const tag of ['latest', 'pending', 'safe', 'finalized', 'earliest']) await rpc('eth_getBalance', bob, tag);
  assert.equal(await call('value', [], 'earliest'), '0x');
  assert.equal(await rpc('eth_getStorageAt', probe.address, '0x0', first.blockNumber), pad('0x5'));
  assert.equal(await rpc('eth_getStorageAt', probe.address, pad('0x0'), 'latest'), pad('0x6'));
  assert.equal(await rpc('eth_getCode', probe.address, 'latest'), artifact('Probe').deployed_bytecode);
  assert.equal(await rpc('eth_getCode', probe.address, 'earliest'), '0x');
  assert.equal(Number(await rpc('eth_getTransactionCount', alice.address, first.blockNumber)) + 1,
    Number(await rpc('eth_getTransactionCount', alice.address, 'latest')));
});

test('eth_call under state overrides', async () => {
  const of = (override) => call('value', [], 'latest', { [probe.address]: override });
  const slot = pad('0x0');
  assert.equal(BigInt(await of({ stateDiff: { [slot]: pad('0x63') } })), 99n);
  assert.equal(BigInt(await of({ state: { [pad('0x9')]: pad('0x1') } })), 0n, 'state replaces all of it');
  assert.equal(BigInt(await of({ code: '0x602a5f5260205ff3' })), 42n);
  const paid = await rpc('eth_call', { from: stranger, to: bob, value: '0x1' }, 'latest', { [stranger]: { balance: '0x1' } });
  assert.equal(paid, '0x');
  const moved = await rpc('eth_call', { to: stranger, data: data_of('value') }, 'latest',
    { [stranger]: { code: artifact('Probe').deployed_bytecode, stateDiff: { [slot]: pad('0x7') } } });
  assert.equal(BigInt(moved), 7n);
  const error = await rpc_error('eth_call', { to: bob }, 'latest', { [bob]: { state: {}, stateDiff: {} } });
  assert.match(error.message, /has both 'state' and 'stateDiff'/);
  assert.equal(BigInt(await call('value')), 6n, 'nothing stays overridden');
});

test('eth_call under block overrides', async () => {
  const override = { number: '0x1234', time: '0xffffffff', feeRecipient: stranger, baseFeePerGas: '0x7' };
  const [number, time, coinbase, , chain] = decodeFunctionResult(
    { abi: probe.abi, functionName: 'block_fields', data: await call('block_fields', [], 'latest', {}, override) });
  assert.deepEqual([number, time, coinbase.toLowerCase(), chain], [0x1234n, 0xffffffffn, stranger, 31337n]);
});

test('eth_estimateGas is enough and not too much', async () => {
  const transaction = { from: alice.address, to: probe.address, data: data_of('nest', 3n) };
  const gas = BigInt(await rpc('eth_estimateGas', transaction));
  const receipt = await receipt_of(await send(alice, { to: probe.address, data: transaction.data, gas }));
  assert.equal(receipt.status, '0x1');
  assert.ok(gas <= BigInt(receipt.gasUsed) * 13n / 10n, `${gas} for ${receipt.gasUsed}`);
  assert.equal(await rpc('eth_estimateGas', { from: alice.address, to: bob, value: '0x1' }), '0x5208');
});

test('eth_createAccessList lists what a call touches', async () => {
  const data = data_of('set', 9n);
  const { accessList, gasUsed } = await rpc(
    'eth_createAccessList', { from: alice.address, to: probe.address, data }, 'latest');
  const last = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [alice.address, 1n]));
  assert.equal(accessList.length, 1);
  assert.equal(accessList[0].address.toLowerCase(), probe.address.toLowerCase());
  assert.deepEqual(accessList[0].storageKeys.toSorted(), [pad('0x0'), last].toSorted());
  assert.ok(BigInt(gasUsed) > 21_000n);
});

test('eth_getProof proves accounts, slots and their absence', async () => {
  const [first] = set_receipts;
  const last = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [alice.address, 1n]));
  for (const block of [first.blockNumber, 'latest']) {
    const { stateRoot } = await rpc('eth_getBlockByNumber', block, false);
    const slots = [pad('0x0'), last, pad('0x77')];
    const proof = await rpc('eth_getProof', probe.address, slots, block);
    const account = [proof.nonce, proof.balance].map((number) => (BigInt(number) === 0n ? '0x' : toHex(BigInt(number))));
    assert.equal(proven_value(stateRoot, probe.address, proof.accountProof),
      toRlp([...account, proof.storageHash, proof.codeHash]));
    assert.equal(proof.codeHash, keccak256(artifact('Probe').deployed_bytecode));
    const values = slots.map((slot, i) => proven_value(proof.storageHash, slot, proof.storageProof[i].proof));
    assert.deepEqual(values.map((rlp) => (rlp ? BigInt(rlp) : 0n)), proof.storageProof.map(({ value }) => BigInt(value)));
    assert.equal(values[2], undefined);
    assert.ok(values[0] && values[1]);

    const absent = await rpc('eth_getProof', stranger, [], block);
    assert.equal(proven_value(stateRoot, stranger, absent.accountProof), undefined);
    assert.throws(() => proven_value(pad('0x1'), probe.address, proof.accountProof));
  }
});

test('eth_simulateV1 runs calls in blocks that do not happen', async () => {
  const head = await rpc('eth_blockNumber');
  const to = probe.address;
  const [one, two] = await rpc('eth_simulateV1', {
    blockStateCalls: [
      { stateOverrides: { [stranger]: { balance: toHex(10n ** 18n) } },
        calls: [{ from: stranger, to, data: data_of('set', 77n) }, { from: stranger, to: bob, value: '0x1' }] },
      { blockOverrides: { time: '0xffffffff' }, calls: [{ to, data: data_of('value') }, { to, data: data_of('fail') }] },
    ],
    traceTransfers: true, returnFullTransactions: true,
  }, 'latest');
  assert.equal(Number(one.number), Number(head) + 1);
  assert.equal(Number(two.number), Number(head) + 2);
  assert.equal(two.parentHash, one.hash);
  assert.equal(two.timestamp, '0xffffffff');
  assert.equal(one.transactions.length, 2);
  assert.deepEqual(one.calls.map(({ status }) => status), ['0x1', '0x1']);
  assert.equal(one.calls[0].logs.length, 1);
  assert.equal(one.calls[1].logs[0].address, `0x${'e'.repeat(40)}`, 'a transfer of ether is a log of 0xeee...');
  assert.equal(BigInt(two.calls[0].returnData), 77n);
  assert.equal(two.calls[1].status, '0x0');
  assert.equal(two.calls[1].error.code, 3);
  assert.equal(await rpc('eth_blockNumber'), head);
  assert.notEqual(BigInt(await call('value')), 77n);
});

test('eth_feeHistory, eth_gasPrice, eth_maxPriorityFeePerGas, eth_blobBaseFee', async () => {
  const history = await rpc('eth_feeHistory', '0x3', 'latest', [25, 75]);
  assert.equal(history.baseFeePerGas.length, 4);
  assert.equal(history.gasUsedRatio.length, 3);
  assert.deepEqual(history.reward.map((rewards) => rewards.length), [2, 2, 2]);
  const head = await rpc('eth_getBlockByNumber', 'latest', false);
  assert.equal(Number(history.oldestBlock), Number(head.number) - 2);
  assert.equal(history.baseFeePerGas[2], head.baseFeePerGas);
  assert.equal(history.baseFeePerGas[3], numberToHex(next_base_fee(head)));
  assert.equal('reward' in await rpc('eth_feeHistory', 1, 'latest', []), false, 'none asked for, none given');
  assert.ok(BigInt(await rpc('eth_gasPrice')) >= BigInt(history.baseFeePerGas[3]));
  assert.ok(BigInt(await rpc('eth_maxPriorityFeePerGas')) >= 0n);
  assert.ok(BigInt(await rpc('eth_blobBaseFee')) >= 1n);
  await rpc_error('eth_feeHistory', '0x1', 'latest', [75, 25]);
});

/// EIP-1559's rule for the base fee of the block after `head`.
function next_base_fee(head) {
  const [fee, used, target] = [head.baseFeePerGas, head.gasUsed, BigInt(head.gasLimit) / 2n].map(BigInt);
  if (used === target) return fee;
  const change = (fee * (used > target ? used - target : target - used)) / target / 8n;
  return used > target ? fee + (change || 1n) : fee - change;
}
