// viem: HTTP and WebSocket transports, its own fee estimation, EIP-7702 through its account abstraction.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createTestClient, createWalletClient, http, parseEther,
  webSocket,
} from 'viem';
import { foundry } from 'viem/chains';
import { dev_account, fresh_account } from './lib/accounts.mjs';
import { artifact } from './lib/contracts.mjs';
import { http_url, ws_url } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const reader = createPublicClient({ chain: foundry, transport: http(http_url), pollingInterval: 50 });
const socket = createPublicClient({ chain: foundry, transport: webSocket(ws_url) });
const bob = dev_account(1).address;
const { abi, bytecode } = artifact('Token', 'ir');
let alice, wallet, token;

before(async () => {
  alice = await fresh_account();
  wallet = createWalletClient({ account: alice, chain: foundry, transport: http(http_url) });
});
after(async () => (await socket.transport.getRpcClient()).close());

async function mined(hash) {
  const receipt = await reader.waitForTransactionReceipt({ hash, timeout: 10_000 });
  assert.equal(receipt.status, 'success');
  return receipt;
}

test('deploys an ERC-20 and reads it', async () => {
  const hash = await wallet.deployContract({ abi, bytecode, args: [parseEther('1000')] });
  const { contractAddress } = await mined(hash);
  token = { address: contractAddress, abi };
  assert.equal(await reader.readContract({ ...token, functionName: 'symbol' }), 'TKN');
  assert.equal(await reader.readContract({ ...token, functionName: 'totalSupply' }), parseEther('1000'));
});

test('transfers and reads the event from receipt and range', async () => {
  const { request } = await reader.simulateContract(
    { ...token, account: alice, functionName: 'transfer', args: [bob, 7n] });
  const receipt = await mined(await wallet.writeContract(request));
  assert.equal(receipt.logs.length, 1);
  const events = await reader.getContractEvents(
    { ...token, eventName: 'Transfer', args: { to: bob }, fromBlock: receipt.blockNumber, toBlock: 'latest' });
  assert.equal(events.length, 1);
  assert.deepEqual(events[0].args, { from: alice.address, to: bob, value: 7n });
  assert.equal(events[0].transactionHash, receipt.transactionHash);
  assert.equal(await reader.readContract({ ...token, functionName: 'balanceOf', args: [bob] }), 7n);
});

test('decodes the custom error of a revert', async () => {
  const call = reader.simulateContract(
    { ...token, account: bob, functionName: 'transfer', args: [alice.address, 8n] });
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof BaseError);
    const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    assert.equal(revert.data.errorName, 'ERC20InsufficientBalance');
    assert.deepEqual(revert.data.args, [bob, 7n, 8n]);
    return true;
  });
});

test('sends an EIP-1559 transaction', async () => {
  const hash = await wallet.sendTransaction({ to: bob, value: 1n });
  const receipt = await mined(hash);
  assert.equal(receipt.type, 'eip1559');
  const { baseFeePerGas } = await reader.getBlock({ blockNumber: receipt.blockNumber });
  const sent = await reader.getTransaction({ hash });
  const tip = [sent.maxPriorityFeePerGas, sent.maxFeePerGas - baseFeePerGas].reduce((a, b) => (a < b ? a : b));
  assert.equal(receipt.effectiveGasPrice, baseFeePerGas + tip);
});

test('sends an EIP-2930 transaction', async () => {
  const { accessList } = await reader.createAccessList({
    account: alice.address, to: token.address,
    data: '0x70a08231' + bob.slice(2).toLowerCase().padStart(64, '0'),
  });
  assert.equal(accessList[0].address.toLowerCase(), token.address.toLowerCase());
  const hash = await wallet.sendTransaction({ to: bob, value: 1n, type: 'eip2930', accessList });
  const receipt = await mined(hash);
  assert.equal(receipt.type, 'eip2930');
  assert.equal(receipt.gasUsed, 21_000n + 2_400n + 1_900n * BigInt(accessList[0].storageKeys.length));
  assert.deepEqual((await reader.getTransaction({ hash })).accessList, accessList);
});

test('sends an EIP-7702 transaction and acts through the delegation', async () => {
  const delegate = artifact('Delegate', 'ir');
  const { contractAddress } = await mined(await wallet.deployContract(delegate));
  const authorization = await wallet.signAuthorization({ contractAddress, executor: 'self' });
  const data = [{ to: bob, value: 5n, data: '0x' }, { to: bob, value: 6n, data: '0x' }];
  const before_it = await reader.getBalance({ address: bob });
  const hash = await wallet.writeContract({
    abi: delegate.abi, address: alice.address, functionName: 'execute', args: [data], authorizationList: [authorization],
  });
  const receipt = await mined(hash);
  assert.equal(receipt.type, 'eip7702');
  assert.equal(await reader.getBalance({ address: bob }), before_it + 11n);
  assert.equal(await reader.getCode({ address: alice.address }), `0xef0100${contractAddress.slice(2).toLowerCase()}`);
  assert.equal((await reader.getTransaction({ hash })).authorizationList.length, 1);
});

test('subscribes to blocks, events and pending transactions over WebSocket', async () => {
  const seen = { blocks: [], logs: [], pending: [] };
  const errors = [];
  const onError = (error) => errors.push(error);
  const stops = [
    socket.watchBlocks({ onBlock: (block) => seen.blocks.push(block.hash), onError }),
    socket.watchContractEvent({ ...token, eventName: 'Transfer', onLogs: (logs) => seen.logs.push(...logs), onError }),
    socket.watchPendingTransactions({ onTransactions: (hashes) => seen.pending.push(...hashes), onError }),
  ];
  // A watch gives no sign that it has begun, so transfers are sent until one of them was seen by all three.
  await until('a transfer seen by all subscriptions', async () => {
    const hash = await wallet.writeContract({ ...token, functionName: 'transfer', args: [bob, 1n] });
    const { blockHash } = await mined(hash);
    return until('it to be seen', () => seen.blocks.includes(blockHash) && seen.pending.includes(hash)
      && seen.logs.some((log) => log.transactionHash === hash), 1_000).catch(() => false);
  }, 20_000);
  stops.forEach((stop) => stop());
  assert.deepEqual(errors, []);
});

test('reads state of the past and overridden state', async () => {
  const client = createTestClient({ mode: 'anvil', chain: foundry, transport: http(http_url) });
  await client.mine({ blocks: 1 });
  const holder = { ...token, functionName: 'balanceOf', args: [bob] };
  const now = await reader.getBlockNumber();
  await mined(await wallet.writeContract({ ...token, functionName: 'transfer', args: [bob, 100n] }));
  const [then, latest] = await Promise.all([
    reader.readContract({ ...holder, blockNumber: now }), reader.readContract(holder)]);
  assert.equal(latest, then + 100n);
  const stateOverride = [{ address: token.address, code: '0x60015f5260205ff3' }];
  assert.equal(await reader.readContract({ ...holder, stateOverride }), 1n);
});
