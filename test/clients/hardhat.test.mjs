// Hardhat 3 with its viem plugin: its own compilation, local keys and the server's unlocked accounts.
// Hardhat's networks are HTTP only, so what it sends is watched over viem's WebSocket.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import hre from 'hardhat';
import { createPublicClient, parseGwei, webSocket } from 'viem';
import { foundry } from 'viem/chains';
import { ws_url } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const socket = createPublicClient({ chain: foundry, transport: webSocket(ws_url) });
let connection, reader, alice, bob, token;

before(async () => {
  await hre.tasks.getTask('build').run({ quiet: true });
  connection = await hre.network.create('weft');
  reader = await connection.viem.getPublicClient({ pollingInterval: 50 });
  const wallets = await connection.viem.getWalletClients();
  [alice, bob] = [wallets[6], wallets[7]];
});
after(async () => {
  await connection.close();
  (await socket.transport.getRpcClient()).close();
});

async function mined(hash) {
  const receipt = await reader.waitForTransactionReceipt({ hash, timeout: 10_000 });
  assert.equal(receipt.status, 'success');
  return receipt;
}

test('deploys an ERC-20 and reads it', async () => {
  token = await connection.viem.deployContract('Token', [1000n], { client: { wallet: alice, public: reader } });
  assert.equal(await token.read.symbol(), 'TKN');
  assert.equal(await token.read.balanceOf([alice.account.address]), 1000n);
});

test('transfers and reads the event from receipt and range', async () => {
  const receipt = await mined(await token.write.transfer([bob.account.address, 7n]));
  const events = await token.getEvents.Transfer(
    { to: bob.account.address }, { fromBlock: receipt.blockNumber, strict: true });
  assert.equal(events.length, 1);
  assert.equal(events[0].args.value, 7n);
});

test('decodes the custom error of a revert', async () => {
  await assert.rejects(
    token.simulate.transfer([alice.account.address, 8n], { account: bob.account.address }),
    (error) => {
      assert.equal(error.cause.data.errorName, 'ERC20InsufficientBalance');
      assert.deepEqual(error.cause.data.args.slice(1), [7n, 8n]);
      return true;
    });
});

test('sends an EIP-1559 transaction', async () => {
  const receipt = await mined(await alice.sendTransaction({ to: bob.account.address, value: 1n }));
  assert.equal(receipt.type, 'eip1559');
});

test('sends an EIP-2930 transaction', async () => {
  const accessList = [{ address: token.address, storageKeys: [`0x${'00'.repeat(32)}`] }];
  const hash = await alice.sendTransaction(
    { to: bob.account.address, value: 1n, accessList, type: 'eip2930', gasPrice: parseGwei('10') });
  const receipt = await mined(hash);
  assert.equal(receipt.type, 'eip2930');
  assert.equal(receipt.gasUsed, 21_000n + 2_400n + 1_900n);
});

test('sends from the accounts that the server keeps', async () => {
  const unlocked = await hre.network.create('unlocked');
  const wallets = await unlocked.viem.getWalletClients();
  assert.ok(wallets.length >= 10);
  const receipt = await mined(await wallets[8].sendTransaction({ to: bob.account.address, value: 2n }));
  assert.equal(receipt.from.toLowerCase(), wallets[8].account.address.toLowerCase());
  await unlocked.close();
});

test('is watched over WebSocket', async () => {
  const seen = [];
  const stop = socket.watchContractEvent(
    { address: token.address, abi: token.abi, eventName: 'Transfer', onLogs: (logs) => seen.push(...logs) });
  await until('a transfer seen by the subscription', async () => {
    const hash = await token.write.transfer([bob.account.address, 1n]);
    return until('it to be seen', () => seen.some((log) => log.transactionHash === hash), 1_000).catch(() => false);
  }, 20_000);
  stop();
});
