// ethers 6: JsonRpcProvider (which batches), NonceManager, EIP-7702 by Wallet.authorize, WebSocketProvider.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ContractFactory, JsonRpcProvider, NonceManager, Wallet, WebSocketProvider, isError, parseEther,
} from 'ethers';
import { dev_account, fresh_account } from './lib/accounts.mjs';
import { delegation_of } from './lib/chain.mjs';
import { artifact } from './lib/contracts.mjs';
import { http_url, ws_url } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const provider = new JsonRpcProvider(http_url, undefined, { pollingInterval: 50, cacheTimeout: -1 });
const socket = new WebSocketProvider(ws_url);
const bob = dev_account(2).address;
const { abi, bytecode } = artifact('Token');
let alice, token;

before(async () => {
  alice = new Wallet((await fresh_account()).private_key, provider);
});
after(async () => {
  provider.destroy();
  await socket.destroy();
});

async function mined(response) {
  const receipt = await response.wait(1, 10_000);
  assert.equal(receipt.status, 1);
  return receipt;
}

test('deploys an ERC-20 and reads it', async () => {
  token = await new ContractFactory(abi, bytecode, alice).deploy(parseEther('1000'));
  await token.waitForDeployment();
  assert.deepEqual(await Promise.all([token.symbol(), token.decimals(), token.totalSupply()]),
    ['TKN', 18n, parseEther('1000')]);
});

test('transfers and reads the event from receipt and range', async () => {
  const receipt = await mined(await token.transfer(bob, 7n));
  assert.deepEqual([...receipt.logs[0].args], [alice.address, bob, 7n]);
  const events = await token.queryFilter(token.filters.Transfer(null, bob), receipt.blockNumber);
  assert.equal(events.length, 1);
  assert.equal(events[0].transactionHash, receipt.hash);
  assert.equal(await token.balanceOf(bob), 7n);
});

test('decodes the custom error of a revert, called, estimated and mined', async () => {
  const as_bob = { from: bob };
  const reading = token.connect(provider);
  const is_the_error = (error) => {
    assert.ok(isError(error, 'CALL_EXCEPTION'), error);
    const revert = token.interface.parseError(error.data);
    assert.equal(revert.name, 'ERC20InsufficientBalance');
    assert.deepEqual([...revert.args], [bob, 7n, 8n]);
    return true;
  };
  await assert.rejects(reading.transfer.staticCall(alice.address, 8n, as_bob), is_the_error);
  await assert.rejects(reading.transfer.estimateGas(alice.address, 8n, as_bob), is_the_error);
  const sent = await token.transfer(bob, parseEther('1001'), { gasLimit: 100_000n });
  await assert.rejects(sent.wait(1, 10_000), (error) => {
    assert.ok(isError(error, 'CALL_EXCEPTION'), error);
    assert.equal(error.receipt.status, 0);
    assert.equal(error.receipt.logs.length, 0);
    return true;
  });
});

test('sends an EIP-1559 transaction', async () => {
  const receipt = await mined(await alice.sendTransaction({ to: bob, value: 1n }));
  assert.equal(receipt.type, 2);
  const sent = await provider.getTransaction(receipt.hash);
  assert.ok(sent.maxFeePerGas >= receipt.gasPrice);
  assert.equal(sent.from, alice.address);
});

test('sends an EIP-2930 transaction', async () => {
  const accessList = [{ address: await token.getAddress(), storageKeys: [`0x${'00'.repeat(32)}`] }];
  const receipt = await mined(await alice.sendTransaction({ to: bob, value: 1n, type: 1, accessList }));
  assert.equal(receipt.type, 1);
  assert.equal(receipt.gasUsed, 21_000n + 2_400n + 1_900n);
  assert.deepEqual((await provider.getTransaction(receipt.hash)).accessList, accessList);
});

test('sends an EIP-7702 transaction for another account', async () => {
  const code = artifact('Delegate');
  const delegate = await (await new ContractFactory(code.abi, code.bytecode, alice).deploy()).waitForDeployment();
  const carol = new Wallet((await fresh_account('0')).private_key, provider);
  const authorization = await carol.authorize({ address: await delegate.getAddress() });
  const receipt = await mined(await alice.sendTransaction({
    type: 4, to: carol.address, data: delegate.interface.encodeFunctionData('ping'),
    authorizationList: [authorization], gasLimit: 200_000n,
  }));
  assert.equal(receipt.type, 4);
  assert.equal(receipt.logs[0].address, carol.address);
  assert.equal(await delegation_of(carol.address), (await delegate.getAddress()).toLowerCase());
  assert.equal(await provider.getTransactionCount(carol.address), 1);
  assert.equal((await provider.getTransaction(receipt.hash)).authorizationList[0].address, await delegate.getAddress());
});

test('sends many transactions at once by a nonce manager', async () => {
  const manager = new NonceManager(alice);
  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, i) => manager.sendTransaction({ to: bob, value: BigInt(i) })));
  const receipts = await Promise.all(responses.map(mined));
  assert.equal(new Set(receipts.map((receipt) => receipt.hash)).size, 20);
});

test('subscribes to blocks, events and pending transactions over WebSocket', async () => {
  const seen = { blocks: [], transfers: [], pending: [] };
  await socket.on('block', (number) => seen.blocks.push(number));
  await socket.on('pending', (hash) => seen.pending.push(hash));
  const listening = token.connect(socket);
  await listening.on('Transfer', (from, to, value, event) => seen.transfers.push([to, value, event.log.transactionHash]));
  await until('a transfer seen by all subscriptions', async () => {
    const receipt = await mined(await token.transfer(bob, 1n));
    return until('it to be seen', () => seen.blocks.includes(receipt.blockNumber) && seen.pending.includes(receipt.hash)
      && seen.transfers.some(([to, value, hash]) => to === bob && value === 1n && hash === receipt.hash), 1_000)
      .catch(() => false);
  }, 20_000);
  await listening.removeAllListeners();
  await socket.removeAllListeners();
  // Nobody awaits the unsubscriptions; two round trips later they have been answered.
  await socket.send('eth_chainId', []);
  await socket.send('eth_chainId', []);
});
