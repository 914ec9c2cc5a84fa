// cast: every step is a process of its own, as in a shell script.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { toEventSelector } from 'viem';
import { dev_account, fresh_account } from './lib/accounts.mjs';
import { delegation_of } from './lib/chain.mjs';
import { artifact } from './lib/contracts.mjs';
import { foundry, run, start } from './lib/process.mjs';
import { http_url, ws_url } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const bob = dev_account(4).address;
const transfer_topic = toEventSelector('Transfer(address,address,uint256)');
let alice, token;

before(async () => {
  alice = await fresh_account();
});

async function cast(...args) {
  const { code, stdout, stderr } = await run(foundry('cast'), args, { env: { ...process.env, ETH_RPC_URL: http_url } });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

async function cast_send(...args) {
  const receipt = JSON.parse(await cast('send', '--json', '--private-key', alice.private_key, ...args));
  assert.equal(receipt.status, '0x1');
  return receipt;
}

async function transfer(value) {
  return cast_send(token, 'transfer(address,uint256)', bob, String(value));
}

test('deploys an ERC-20 and reads it', async () => {
  const receipt = await cast_send('--create', artifact('Token').bytecode, 'constructor(uint256)', '1000');
  token = receipt.contractAddress;
  assert.equal(await cast('call', token, 'symbol()(string)'), '"TKN"');
  assert.equal(await cast('call', token, 'totalSupply()(uint256)'), '1000');
  assert.equal(await cast('chain-id'), '31337');
});

test('transfers and reads the event from receipt and range', async () => {
  const receipt = await transfer(7);
  assert.equal(receipt.logs[0].topics[0], transfer_topic);
  const found = JSON.parse(await cast('logs', '--json', '--from-block', receipt.blockNumber, '--address', token,
    'Transfer(address indexed,address indexed,uint256)', alice.address, bob));
  assert.equal(found.length, 1);
  assert.equal(found[0].transactionHash, receipt.transactionHash);
  assert.equal(await cast('call', token, 'balanceOf(address)(uint256)', bob), '7');
});

test('decodes the custom error of a revert', async () => {
  const call = await run(foundry('cast'),
    ['call', '--rpc-url', http_url, '--from', bob, token, 'transfer(address,uint256)', alice.address, '8']);
  assert.notEqual(call.code, 0);
  const data = call.stderr.match(/0xe450d38c[0-9a-f]{192}/);
  assert.ok(data, call.stderr);
  const decoded = await cast(
    'decode-error', '--sig', 'ERC20InsufficientBalance(address,uint256,uint256)', data[0]);
  assert.deepEqual(decoded.split('\n'), [bob, '7', '8']);
});

test('sends an EIP-1559 transaction', async () => {
  const receipt = await cast_send(bob, '--value', '1', '--gas-price', '3gwei', '--priority-gas-price', '1gwei');
  assert.equal(receipt.type, '0x2');
  assert.equal(await cast('tx', receipt.transactionHash, 'value'), '1');
});

test('sends an EIP-2930 transaction with the list that the node makes', async () => {
  const receipt = await cast_send(token, 'transfer(address,uint256)', bob, '1', '--legacy', '--access-list');
  assert.equal(receipt.type, '0x1');
  const sent = JSON.parse(await cast('tx', '--json', receipt.transactionHash));
  assert.equal(sent.accessList.length, 1);
  assert.equal(sent.accessList[0].address, token.toLowerCase());
  assert.equal(sent.accessList[0].storageKeys.length, 2);
});

test('sends an EIP-7702 transaction and acts through the delegation', async () => {
  const { contractAddress } = await cast_send('--create', artifact('Delegate').bytecode);
  const receipt = await cast_send(alice.address, 'ping()', '--auth', contractAddress);
  assert.equal(receipt.type, '0x4');
  assert.equal(receipt.logs[0].address, alice.address.toLowerCase());
  assert.equal(await delegation_of(alice.address), contractAddress.toLowerCase());
});

test('reads blocks, storage, proofs, nonces and traces', async () => {
  assert.match(await cast('block', 'latest', '--field', 'hash'), /^0x[0-9a-f]{64}$/);
  assert.equal(await cast('storage', token, '2'), `0x${(1000).toString(16).padStart(64, '0')}`);
  assert.equal(JSON.parse(await cast('proof', token, '2')).storageProof[0].value, '0x3e8');
  assert.ok(Number(await cast('nonce', alice.address)) > 0);
  const { transactionHash } = await transfer(1);
  assert.match(await cast('run', '--quick', transactionHash), /Transaction successfully executed/);
  assert.match(await cast('rpc', 'debug_traceTransaction', transactionHash, '{"tracer":"callTracer"}'), /"CALL"/);
});

test('streams events over WebSocket', async () => {
  const stream = start(foundry('cast'),
    ['logs', '--subscribe', '--rpc-url', ws_url, '--address', token, transfer_topic]);
  try {
    await until('a transfer in the stream', async () => {
      const { transactionHash } = await transfer(1);
      return until('it to be seen', () => stream.output.includes(transactionHash), 1_000).catch(() => false);
    }, 20_000);
  } finally {
    stream.kill('SIGKILL');
    await stream.ended;
  }
});
