// The methods of a development chain, as Hardhat and Anvil name them. Each test runs inside a snapshot.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { numberToHex, pad, parseEther } from 'viem';
import { dev_account, fresh_account, send } from './lib/accounts.mjs';
import { balance_of, block_number, receipt_of } from './lib/chain.mjs';
import { artifact, deploy } from './lib/contracts.mjs';
import { rpc, rpc_error } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const alice = dev_account(0);
const bob = dev_account(1).address;
const stranger = '0x00000000000000000000000000000000000c0ffe';
let snapshot;

beforeEach(async () => { snapshot = await rpc('evm_snapshot'); });
afterEach(async () => {
  await rpc('evm_setIntervalMining', 0);
  await rpc('evm_setAutomine', true);
  await rpc('evm_revert', snapshot);
});

const latest = () => rpc('eth_getBlockByNumber', 'latest', false);

test('evm_revert restores balances, nonces, blocks and receipts', async () => {
  const before = { head: (await latest()).hash, nonce: await rpc('eth_getTransactionCount', alice.address, 'latest') };
  const balance = await balance_of(bob);
  const inner = await rpc('evm_snapshot');
  const hash = await send(alice, { to: bob, value: 1n });
  await receipt_of(hash);
  assert.equal(await balance_of(bob), balance + 1n);

  assert.equal(await rpc('evm_revert', inner), true);
  assert.equal(await balance_of(bob), balance);
  assert.equal((await latest()).hash, before.head);
  assert.equal(await rpc('eth_getTransactionCount', alice.address, 'latest'), before.nonce);
  assert.equal(await rpc('eth_getTransactionReceipt', hash), null);
  assert.equal(await rpc('evm_revert', inner), false, 'a snapshot serves once');
});

test('evm_revert gives false for a snapshot that never was', async () => {
  assert.equal(await rpc('evm_revert', '0xffff'), false);
});

test('evm_revert ends the snapshots that came later', async () => {
  const first = await rpc('evm_snapshot');
  await rpc('evm_mine');
  const second = await rpc('evm_snapshot');
  assert.equal(await rpc('evm_revert', first), true);
  assert.equal(await rpc('evm_revert', second), false);
});

test('evm_mine and hardhat_mine make blocks', async () => {
  const head = await block_number();
  await rpc('evm_mine');
  assert.equal(await block_number(), head + 1);
  await rpc('hardhat_mine', '0x100', '0x3c');
  assert.equal(await block_number(), head + 257);
  const [a, b] = await Promise.all([head + 256, head + 257].map(
    (number) => rpc('eth_getBlockByNumber', numberToHex(number), false)));
  assert.equal(Number(b.timestamp) - Number(a.timestamp), 60);
  assert.equal(b.parentHash, a.hash);
  await rpc('anvil_mine', '0x2');
  assert.equal(await block_number(), head + 259);
});

test('evm_mine takes a timestamp', async () => {
  const at = Number((await latest()).timestamp) + 1234;
  await rpc('evm_mine', at);
  assert.equal(Number((await latest()).timestamp), at);
});

test('evm_increaseTime moves the next block and those after it', async () => {
  await rpc('evm_mine');
  const then = Number((await latest()).timestamp);
  await rpc('evm_increaseTime', 3600);
  await rpc('evm_mine');
  const moved = Number((await latest()).timestamp) - then;
  assert.ok(moved >= 3600 && moved < 3660, `${moved} s`);
  await rpc('evm_mine');
  assert.ok(Number((await latest()).timestamp) - then >= 3600);
});

test('evm_setNextBlockTimestamp sets exactly the next block', async () => {
  const at = Number((await latest()).timestamp) + 5000;
  await rpc('evm_setNextBlockTimestamp', at);
  await receipt_of(await send(alice, { to: bob, value: 1n }));
  assert.equal(Number((await latest()).timestamp), at);
  await rpc('evm_mine');
  assert.ok(Number((await latest()).timestamp) > at);
});

test('evm_setNextBlockTimestamp refuses the past', async () => {
  await rpc_error('evm_setNextBlockTimestamp', Number((await latest()).timestamp) - 1);
});

test('evm_setAutomine(false) leaves transactions waiting until evm_mine', async () => {
  await rpc('evm_setAutomine', false);
  const head = await block_number();
  const nonce = Number(await rpc('eth_getTransactionCount', alice.address, 'latest'));
  const hashes = [];
  for (const offset of [0, 1]) hashes.push(await send(alice, { to: bob, value: 1n, nonce: nonce + offset }));
  assert.equal(await block_number(), head);
  assert.equal(await rpc('eth_getTransactionReceipt', hashes[0]), null);
  assert.equal((await rpc('eth_getTransactionByHash', hashes[0])).blockNumber, null);
  assert.equal(Number(await rpc('eth_getTransactionCount', alice.address, 'pending')), nonce + 2);
  assert.equal(Number(await rpc('eth_getTransactionCount', alice.address, 'latest')), nonce);
  await rpc('evm_mine');
  assert.deepEqual((await latest()).transactions, hashes);
});

test('evm_setIntervalMining makes blocks by the clock', async () => {
  await rpc('evm_setAutomine', false);
  const head = await block_number();
  await rpc('evm_setIntervalMining', 1);
  await until('two blocks', async () => (await block_number()) >= head + 2);
  await rpc('evm_setIntervalMining', 0);
  const still = await latest();
  assert.ok(Number(still.number) >= head + 2);
});

for (const prefix of ['hardhat', 'anvil']) {
  test(`${prefix}_setBalance`, async () => {
    await rpc(`${prefix}_setBalance`, stranger, numberToHex(parseEther('5')));
    assert.equal(await balance_of(stranger), parseEther('5'));
  });

  test(`${prefix}_setCode`, async () => {
    const { deployed_bytecode } = artifact('Probe');
    await rpc(`${prefix}_setCode`, stranger, deployed_bytecode);
    assert.equal(await rpc('eth_getCode', stranger, 'latest'), deployed_bytecode);
    assert.equal(Number(await rpc('eth_call', { to: stranger, data: '0x3fa4f245' }, 'latest')), 0);
  });

  test(`${prefix}_setNonce`, async () => {
    await rpc(`${prefix}_setNonce`, stranger, '0x2a');
    assert.equal(await rpc('eth_getTransactionCount', stranger, 'latest'), '0x2a');
  });

  test(`${prefix}_setStorageAt`, async () => {
    const probe = await deploy(alice, 'Probe');
    await rpc(`${prefix}_setStorageAt`, probe.address, '0x0', pad('0x63'));
    assert.equal(await rpc('eth_getStorageAt', probe.address, '0x0', 'latest'), pad('0x63'));
    assert.equal(Number(await rpc('eth_call', { to: probe.address, data: '0x3fa4f245' }, 'latest')), 99);
  });

  test(`${prefix}_impersonateAccount and ${prefix}_stopImpersonatingAccount`, async () => {
    const { address } = await fresh_account('1');
    const transaction = { from: address, to: bob, value: '0x7', gas: '0x5208' };
    await rpc_error('eth_sendTransaction', transaction);
    await rpc(`${prefix}_impersonateAccount`, address);
    const receipt = await receipt_of(await rpc('eth_sendTransaction', transaction));
    assert.equal(receipt.status, '0x1');
    assert.equal(receipt.from, address.toLowerCase());
    await rpc(`${prefix}_stopImpersonatingAccount`, address);
    await rpc_error('eth_sendTransaction', transaction);
  });

  test(`${prefix}_setCoinbase`, async (t) => {
    const { miner } = await latest();
    t.after(() => rpc(`${prefix}_setCoinbase`, miner)); // a setting, not state: no snapshot brings it back
    await rpc(`${prefix}_setCoinbase`, stranger);
    const tip = 10n ** 9n;
    const before = await balance_of(stranger);
    await receipt_of(await send(alice, { to: bob, value: 1n, maxPriorityFeePerGas: tip, maxFeePerGas: 100n * tip }));
    assert.equal((await latest()).miner, stranger);
    assert.equal(await balance_of(stranger), before + 21_000n * tip);
  });

  test(`${prefix}_setNextBlockBaseFeePerGas`, async () => {
    await rpc(`${prefix}_setNextBlockBaseFeePerGas`, '0x12a05f200');
    const receipt = await receipt_of(await send(alice, { to: bob, value: 1n, gasPrice: 6n * 10n ** 9n }));
    assert.equal((await latest()).baseFeePerGas, '0x12a05f200');
    assert.equal(receipt.effectiveGasPrice, numberToHex(6n * 10n ** 9n));
  });
}

test('evm_setBlockGasLimit sets the limit of later blocks', async () => {
  const was = (await latest()).gasLimit;
  await rpc('evm_setBlockGasLimit', '0x1312d00');
  await rpc('evm_mine');
  assert.equal((await latest()).gasLimit, '0x1312d00');
  await rpc('evm_setBlockGasLimit', was);
});

test('hardhat_dropTransaction takes a transaction out of the pool', async () => {
  await rpc('evm_setAutomine', false);
  const hash = await send(alice, { to: bob, value: 1n });
  assert.equal(await rpc('eth_getTransactionByHash', hash).then((found) => found.hash), hash);
  await rpc('hardhat_dropTransaction', hash);
  assert.equal(await rpc('eth_getTransactionByHash', hash), null);
});

test('hardhat_metadata, anvil_nodeInfo and web3_clientVersion name the client', async () => {
  const { chainId, latestBlockNumber } = await rpc('hardhat_metadata');
  assert.equal(chainId, 31337);
  assert.equal(latestBlockNumber, await block_number());
  assert.equal(Number((await rpc('anvil_nodeInfo')).environment.chainId), 31337);
  assert.match(await rpc('web3_clientVersion'), /^[\w-]+\/v?\d+\.\d+/);
});
