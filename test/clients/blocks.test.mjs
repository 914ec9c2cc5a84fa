// Blocks, transactions, receipts and logs: the same facts by every method that tells them.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { keccak256, numberToHex, pad, toEventSelector } from 'viem';
import { dev_account, fresh_account, send, sign } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { deploy } from './lib/contracts.mjs';
import { rpc } from './lib/rpc.mjs';

const changed = toEventSelector('Changed(uint256,uint256,string)');
const bob = dev_account(1).address;
let alice, probe, receipts;

const set = (value) => `0x60fe47b1${value.toString(16).padStart(64, '0')}`;

before(async () => {
  alice = await fresh_account();
  probe = await deploy(alice, 'Probe');
  receipts = [];
  for (const value of [1, 2, 3]) {
    receipts.push(await receipt_of(await send(alice, { to: probe.address, data: set(value), gas: 100_000n })));
  }
});

test('a block is the same by number and by hash, full or not', async () => {
  const { blockNumber, blockHash, transactionHash } = receipts[0];
  const block = await rpc('eth_getBlockByNumber', blockNumber, false);
  assert.equal(block.hash, blockHash);
  assert.deepEqual(await rpc('eth_getBlockByHash', blockHash, false), block);
  const full = await rpc('eth_getBlockByHash', blockHash, true);
  assert.deepEqual(full.transactions.map(({ hash }) => hash), block.transactions);
  assert.ok(block.transactions.includes(transactionHash));
  for (const field of ['number', 'parentHash', 'nonce', 'sha3Uncles', 'logsBloom', 'transactionsRoot', 'stateRoot',
    'receiptsRoot', 'miner', 'difficulty', 'extraData', 'size', 'gasLimit', 'gasUsed', 'timestamp', 'uncles', 'mixHash',
    'baseFeePerGas', 'withdrawals', 'withdrawalsRoot', 'blobGasUsed', 'excessBlobGas', 'parentBeaconBlockRoot',
    'requestsHash']) assert.ok(field in block, field);
  const parent = await rpc('eth_getBlockByHash', block.parentHash, false);
  assert.equal(Number(parent.number) + 1, Number(block.number));
});

test('a transaction is the same by hash, block and index, and raw', async () => {
  const { blockNumber, blockHash, transactionHash, transactionIndex } = receipts[1];
  const transaction = await rpc('eth_getTransactionByHash', transactionHash);
  assert.equal(transaction.from, alice.address.toLowerCase());
  assert.equal(transaction.input, set(2));
  assert.equal(transaction.chainId, '0x7a69');
  assert.ok('yParity' in transaction && transaction.yParity === transaction.v);
  assert.deepEqual(await rpc('eth_getTransactionByBlockHashAndIndex', blockHash, transactionIndex), transaction);
  assert.deepEqual(await rpc('eth_getTransactionByBlockNumberAndIndex', blockNumber, transactionIndex), transaction);
  assert.equal(await rpc('eth_getTransactionByBlockNumberAndIndex', blockNumber, '0xff'), null);
  const raw = await rpc('eth_getRawTransactionByHash', transactionHash);
  assert.equal(keccak256(raw), transactionHash);
  assert.equal(await rpc('eth_getBlockTransactionCountByNumber', blockNumber), '0x1');
  assert.equal(await rpc('eth_getBlockTransactionCountByHash', blockHash), '0x1');
  assert.equal(await rpc('eth_getUncleCountByBlockHash', blockHash), '0x0');
  assert.equal(await rpc('eth_getUncleCountByBlockNumber', blockNumber), '0x0');
  assert.equal(await rpc('eth_getUncleByBlockNumberAndIndex', blockNumber, '0x0'), null);
});

test('receipts of a block are the receipts of its transactions', async () => {
  for (const block of [receipts[2].blockNumber, receipts[2].blockHash]) {
    assert.deepEqual(await rpc('eth_getBlockReceipts', block), [receipts[2]]);
  }
  assert.equal(await rpc('eth_getBlockReceipts', '0xffffff'), null);
});

test('eth_getLogs by address, topic, range and block', async () => {
  const range = { fromBlock: receipts[0].blockNumber, toBlock: receipts[2].blockNumber };
  const count = async (filter) => (await rpc('eth_getLogs', filter)).length;
  assert.equal(await count({ ...range, address: probe.address }), 3);
  assert.equal(await count({ ...range, address: [probe.address, bob], topics: [changed] }), 3);
  assert.equal(await count({ ...range, topics: [changed, pad('0x1')] }), 1);
  assert.equal(await count({ ...range, topics: [[changed, pad('0x9')], null, [pad('0x1'), pad('0x3')]] }), 2);
  assert.equal(await count({ ...range, topics: [changed, null, null, null] }), 0, 'more topics than the log has');
  assert.equal(await count({ ...range, address: bob }), 0);
  assert.equal(await count({ blockHash: receipts[1].blockHash }), 1);
  const [log] = await rpc('eth_getLogs', { blockHash: receipts[1].blockHash });
  assert.deepEqual(log, receipts[1].logs[0]);
});

test('several transactions in one block number their logs and sum their gas', async (t) => {
  await rpc('evm_setAutomine', false);
  t.after(() => rpc('evm_setAutomine', true));
  const nonce = Number(await rpc('eth_getTransactionCount', alice.address, 'latest'));
  const hashes = [];
  for (const offset of [0, 1, 2]) {
    hashes.push(await rpc('eth_sendRawTransaction', await sign(
      alice, { to: probe.address, data: set(20 + offset), gas: 100_000n, nonce: nonce + offset })));
  }
  await rpc('evm_mine');
  const mined = await Promise.all(hashes.map((hash) => receipt_of(hash)));
  assert.equal(new Set(mined.map(({ blockHash }) => blockHash)).size, 1);
  assert.deepEqual(mined.map(({ transactionIndex }) => transactionIndex), ['0x0', '0x1', '0x2']);
  assert.deepEqual(mined.map(({ logs }) => logs[0].logIndex), ['0x0', '0x1', '0x2']);
  let sum = 0n;
  for (const { gasUsed, cumulativeGasUsed } of mined) {
    sum += BigInt(gasUsed);
    assert.equal(cumulativeGasUsed, numberToHex(sum));
  }
});

test('accounts, network and signing', async () => {
  const accounts = await rpc('eth_accounts');
  assert.ok(accounts.length >= 10);
  assert.equal(accounts[0], dev_account(0).address.toLowerCase());
  assert.equal(await rpc('net_version'), '31337');
  assert.equal(await rpc('net_listening'), true);
  assert.match(await rpc('net_peerCount'), /^0x/);
  assert.equal(await rpc('eth_syncing'), false);
  assert.equal(await rpc('web3_sha3', '0x68656c6c6f'), keccak256('0x68656c6c6f'));
  const message = '0x68656c6c6f';
  assert.equal(await rpc('personal_sign', message, accounts[0]),
    await dev_account(0).signMessage({ message: { raw: message } }));
  assert.equal(await rpc('eth_sign', accounts[0], message),
    await dev_account(0).signMessage({ message: { raw: message } }));
  const hash = await rpc('eth_sendTransaction', { from: accounts[0], to: bob, value: '0x1' });
  assert.equal((await receipt_of(hash)).status, '0x1');
});

test('eth_signTypedData_v4 signs as a wallet does', async () => {
  const typed = {
    domain: { name: 'weft', chainId: 31337 }, primaryType: 'Mail', message: { to: bob, text: 'hello' },
    types: { EIP712Domain: [{ name: 'name', type: 'string' }, { name: 'chainId', type: 'uint256' }],
      Mail: [{ name: 'to', type: 'address' }, { name: 'text', type: 'string' }] },
  };
  const [account] = await rpc('eth_accounts');
  assert.equal(await rpc('eth_signTypedData_v4', account, typed), await dev_account(0).signTypedData(typed));
});
