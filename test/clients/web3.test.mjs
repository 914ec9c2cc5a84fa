// web3.js 4: its contracts, its typed errors, its own WebSocket provider. It knows no EIP-7702, so that one
// transaction is signed elsewhere and sent and read through it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Web3, WebSocketProvider } from 'web3';
import { dev_account, fresh_account, sign } from './lib/accounts.mjs';
import { delegation_of } from './lib/chain.mjs';
import { artifact } from './lib/contracts.mjs';
import { http_url, ws_url } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const bob = dev_account(3).address;
const { abi, bytecode } = artifact('Token');
const provider = new WebSocketProvider(ws_url, {}, { autoReconnect: false });
const socket = new Web3(provider);
let alice, web3, token;

before(async () => {
  alice = await fresh_account();
  web3 = new Web3(http_url);
  web3.eth.transactionPollingInterval = 50;
  web3.eth.accounts.wallet.add(alice.private_key);
});
after(() => provider.disconnect());

test('deploys an ERC-20 and reads it', async () => {
  token = await new web3.eth.Contract(abi).deploy({ data: bytecode, arguments: [1000n] }).send({ from: alice.address });
  token.setConfig({ transactionPollingInterval: 50 });
  assert.equal(await token.methods.symbol().call(), 'TKN');
  assert.equal(await token.methods.totalSupply().call(), 1000n);
});

test('transfers and reads the event from receipt and range', async () => {
  const receipt = await token.methods.transfer(bob, 7n).send({ from: alice.address });
  assert.equal(receipt.events.Transfer.returnValues.value, 7n);
  const events = await token.getPastEvents('Transfer', { filter: { to: bob }, fromBlock: receipt.blockNumber });
  assert.equal(events.length, 1);
  assert.equal(events[0].returnValues.from, alice.address);
  assert.equal(await token.methods.balanceOf(bob).call(), 7n);
});

test('decodes the custom error of a revert', async () => {
  await assert.rejects(token.methods.transfer(alice.address, 8n).call({ from: bob }), (error) => {
    assert.equal(error.cause.errorName, 'ERC20InsufficientBalance');
    assert.equal(error.cause.errorArgs.needed, 8n);
    assert.equal(error.cause.errorArgs.balance, 7n);
    return true;
  });
});

test('sends an EIP-1559 transaction', async () => {
  const receipt = await web3.eth.sendTransaction({ from: alice.address, to: bob, value: 1n });
  assert.equal(receipt.status, 1n);
  assert.equal(receipt.type, 2n);
});

test('sends an EIP-2930 transaction', async () => {
  const accessList = [{ address: token.options.address.toLowerCase(), storageKeys: [`0x${'00'.repeat(32)}`] }];
  const receipt = await web3.eth.sendTransaction({
    from: alice.address, to: bob, value: 1n, type: 1n, gas: 60_000n,
    gasPrice: await web3.eth.getGasPrice(), accessList,
  });
  assert.equal(receipt.type, 1n);
  assert.equal(receipt.gasUsed, 21_000n + 2_400n + 1_900n);
});

test('sends an EIP-7702 transaction that was signed elsewhere', async () => {
  const delegate = await new web3.eth.Contract(artifact('Delegate').abi)
    .deploy({ data: artifact('Delegate').bytecode }).send({ from: alice.address });
  const carol = await fresh_account('0');
  const authorization = await carol.signAuthorization({ address: delegate.options.address, chainId: 31337, nonce: 0 });
  const raw = await sign(alice, { to: carol.address, gas: 100_000n, authorizationList: [authorization] });
  const hash = await web3.requestManager.send({ method: 'eth_sendRawTransaction', params: [raw] });
  const receipt = await until('the receipt', () => web3.eth.getTransactionReceipt(hash).catch(() => undefined));
  assert.equal(receipt.type, 4n);
  assert.equal(await delegation_of(carol.address), delegate.options.address.toLowerCase());
  assert.equal(await web3.eth.getTransactionCount(carol.address), 1n);
});

test('subscribes to blocks, events and pending transactions over WebSocket', async () => {
  const seen = { blocks: [], logs: [], pending: [] };
  const blocks = await socket.eth.subscribe('newBlockHeaders');
  blocks.on('data', (block) => seen.blocks.push(block.hash));
  const pending = await socket.eth.subscribe('pendingTransactions');
  pending.on('data', (hash) => seen.pending.push(hash));
  const logs = await socket.eth.subscribe('logs', { address: token.options.address });
  logs.on('data', (log) => seen.logs.push(log.transactionHash));
  const receipt = await token.methods.transfer(bob, 1n).send({ from: alice.address });
  await until('the transfer seen by all subscriptions', () => seen.blocks.includes(receipt.blockHash)
    && seen.logs.includes(receipt.transactionHash) && seen.pending.includes(receipt.transactionHash));
  for (const subscription of [blocks, pending, logs]) await subscription.unsubscribe();
});
