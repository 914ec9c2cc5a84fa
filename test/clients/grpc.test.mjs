// weft.chain.v1 over gRPC, by clients that are given no .proto file, and over grpc-web, as a browser speaks it.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import grpc from '@grpc/grpc-js';
import reflection_client from 'grpc-js-reflection-client';
import { bytesToHex, hexToBytes, keccak256, toEventSelector } from 'viem';
import { dev_account, fresh_account, send } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { deploy } from './lib/contracts.mjs';
import { http_url, rpc } from './lib/rpc.mjs';

const service = 'weft.chain.v1.Chain';
const address = http_url.replace('http://', '');
const plain = grpc.credentials.createInsecure();
const options = { keepCase: true, longs: String, enums: String, defaults: true };
const bytes = (hex) => Buffer.from(hexToBytes(hex));
const hex = (buffer) => bytesToHex(new Uint8Array(buffer));
const number = (buffer) => BigInt(hex(buffer));
let reflection, chain, health, web, alice, probe;

function call(client, method, request, { timeout_ms = 20_000 } = {}) {
  return new Promise((resolve, reject) => {
    const done = (error, reply) => (error ? reject(error) : resolve(reply));
    client[method](request, { deadline: Date.now() + timeout_ms }, done);
  });
}

/// The file that has a symbol, as the server gave it: what the reflection client has of it is its own writing.
async function descriptor_of(symbol) {
  const client = new grpc.Client(address, plain);
  const as_is = (message) => message;
  const asked = client.makeBidiStreamRequest('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', as_is, as_is);
  asked.write(Buffer.from([0x22, symbol.length, ...Buffer.from(symbol)]));
  const [reply] = await first(asked, 1);
  client.close();
  // ServerReflectionResponse.file_descriptor_response.file_descriptor_proto
  const response = new BinaryReader(reply);
  while (response.pos < response.len) {
    const [field, type] = response.tag();
    if (field !== 4) { response.skip(type); continue; }
    const files = new BinaryReader(response.bytes());
    files.tag();
    return fromBinary(FileDescriptorProtoSchema, files.bytes());
  }
  throw new Error(`the server has no ${symbol}`);
}

/// Makes the contract log.
async function set(value) {
  const data = `0x60fe47b1${value.toString(16).padStart(64, '0')}`;
  return receipt_of(await send(alice, { to: probe.address, gas: 100_000n, data }));
}

/// Does something again and again until what was promised has come.
async function while_waiting(promise, act) {
  let told = false;
  const ended = promise.finally(() => { told = true; });
  ended.catch(() => {});
  while (!told) await act();
  return ended;
}

/// The first messages of a stream.
function first(stream, count) {
  const got = [];
  return new Promise((resolve, reject) => {
    stream.on('data', (message) => {
      got.push(message);
      if (got.length < count) return;
      stream.cancel();
      resolve(got);
    });
    stream.on('error', (error) => { if (got.length < count) reject(error); });
    stream.on('end', () => reject(new Error(`the stream ended after ${got.length}`)));
  });
}

before(async () => {
  reflection = new reflection_client.GrpcReflection(address, plain, undefined, 'v1');
  const described = await reflection.getDescriptorBySymbol(service);
  chain = new (described.getPackageObject(options).weft.chain.v1.Chain)(address, plain);
  const checks = await reflection.getDescriptorBySymbol('grpc.health.v1.Health');
  health = new (checks.getPackageObject(options).grpc.health.v1.Health)(address, plain);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [await descriptor_of(service)] }));
  web = createClient(registry.getService(service), createGrpcWebTransport({ baseUrl: http_url }));
  alice = await fresh_account();
  probe = await deploy(alice, 'Probe');
});
after(() => {
  for (const client of [chain, health]) client?.close();
});

test('reflection tells of every service, in both versions', async () => {
  for (const version of ['v1', 'v1alpha']) {
    const asked = new reflection_client.GrpcReflection(address, plain, undefined, version);
    const services = await asked.listServices();
    assert.deepEqual(services.sort(), ['grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection', service]);
    for (const one of services) assert.ok((await asked.listMethods(one)).length > 0);
    await assert.rejects(asked.getDescriptorBySymbol('no.such.Thing'));
  }
});

test('health is told, and watched', async () => {
  for (const name of ['', service]) assert.equal((await call(health, 'Check', { service: name })).status, 'SERVING');
  await assert.rejects(call(health, 'Check', { service: 'none' }), { code: grpc.status.NOT_FOUND });
  assert.deepEqual(await first(health.Watch({ service }), 1), [{ status: 'SERVING' }]);
  assert.deepEqual(await first(health.Watch({ service: 'none' }), 1), [{ status: 'SERVICE_UNKNOWN' }]);
});

test('blocks, transactions, receipts and logs are those of JSON-RPC', async () => {
  const receipt = await set(7);
  const block = await rpc('eth_getBlockByHash', receipt.blockHash, true);
  const transaction = block.transactions[Number(receipt.transactionIndex)];
  const got = await call(chain, 'GetBlock', { block: { hash: bytes(receipt.blockHash) }, full_transactions: true });
  assert.equal(got.header.number, String(BigInt(block.number)));
  assert.equal(hex(got.header.state_root), block.stateRoot);
  assert.equal(number(got.header.base_fee_per_gas), BigInt(block.baseFeePerGas));
  assert.equal(got.size, String(BigInt(block.size)));
  const mine = got.transactions.find((one) => hex(one.hash) === transaction.hash);
  assert.equal(hex(mine.input), transaction.input);
  assert.equal(hex(mine.to), transaction.to);
  assert.equal(number(mine.r), BigInt(transaction.r));
  const alone = await call(chain, 'GetTransaction', { hash: bytes(transaction.hash) });
  assert.deepEqual(alone, mine);
  const told = await call(chain, 'GetReceipt', { transaction_hash: bytes(transaction.hash) });
  assert.equal(told.gas_used, String(BigInt(receipt.gasUsed)));
  assert.equal(hex(told.logs[0].data), receipt.logs[0].data);
  const changed = bytes(toEventSelector('Changed(uint256,uint256,string)'));
  const filter = { addresses: [bytes(probe.address)], topics: [{ any_of: [changed] }] };
  const { logs } = await call(chain, 'GetLogs', { block_hash: bytes(receipt.blockHash), filter });
  assert.deepEqual(logs, told.logs);
  const head = await call(chain, 'GetHead', {});
  assert.ok(BigInt(head.number) >= BigInt(block.number));
});

test('accounts, storage, proofs, calls and fees', async () => {
  const who = dev_account(0).address;
  const account = await call(chain, 'GetAccount', { address: bytes(who) });
  assert.equal(number(account.balance), BigInt(await rpc('eth_getBalance', who, 'latest')));
  assert.equal(account.nonce, String(BigInt(await rpc('eth_getTransactionCount', who, 'latest'))));
  assert.equal(hex(account.code_hash), keccak256('0x'));
  const contract = await call(chain, 'GetAccount', { address: bytes(probe.address), with_code: true });
  const code = await rpc('eth_getCode', probe.address, 'latest');
  assert.equal(hex(contract.code), code);
  assert.equal(hex(contract.code_hash), keccak256(code));
  const { value } = await call(chain, 'GetStorage', { address: bytes(probe.address), slot: Buffer.from([0]) });
  assert.equal(hex(value), await rpc('eth_getStorageAt', probe.address, '0x0', 'latest'));
  const proof = await call(chain, 'GetProof', { address: bytes(probe.address), slots: [Buffer.from([0])] });
  const want = await rpc('eth_getProof', probe.address, [`0x${'0'.repeat(64)}`], 'latest');
  assert.deepEqual(proof.account_proof.map(hex), want.accountProof);
  assert.deepEqual(proof.storage_proof[0].proof.map(hex), want.storageProof[0].proof);
  const message = { from: bytes(who), to: bytes(dev_account(1).address), value: Buffer.from([1]) };
  const { gas } = await call(chain, 'EstimateGas', { message });
  assert.equal(gas, '21000');
  const price = await call(chain, 'GetGasPrice', {});
  assert.ok(number(price.gas_price) > 0n);
  const history = await call(chain, 'FeeHistory', { block_count: 2, reward_percentiles: [50] });
  assert.equal(history.base_fee_per_gas.length, history.gas_used_ratio_ppm.length + 1);
  assert.equal((await call(chain, 'GetChainId', {})).chain_id, String(BigInt(await rpc('eth_chainId'))));
});

test('a signed transaction is sent as bytes', async () => {
  const to = dev_account(2).address;
  const nonce = Number(await rpc('eth_getTransactionCount', alice.address, 'latest'));
  const raw = await alice.signTransaction({ type: 'eip1559', chainId: 31337, to, value: 1n, gas: 21000n, nonce,
    maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n });
  const { hash } = await call(chain, 'SendRawTransaction', { raw: bytes(raw) });
  assert.equal(hex(hash), keccak256(raw));
  await receipt_of(hex(hash));
  assert.equal((await call(chain, 'GetReceipt', { transaction_hash: hash })).status, '1');
});

test('errors are statuses with the code of JSON-RPC', async () => {
  const cases = [
    ['GetBlock', { block: { number: '999999999' } }, grpc.status.NOT_FOUND],
    ['GetTransaction', { hash: Buffer.alloc(32, 1) }, grpc.status.NOT_FOUND],
    ['GetTransaction', { hash: Buffer.alloc(31) }, grpc.status.INVALID_ARGUMENT],
    ['GetTransaction', {}, grpc.status.INVALID_ARGUMENT],
    ['GetBlock', { block: { number: '1', tag: 'BLOCK_TAG_LATEST' } }, grpc.status.INVALID_ARGUMENT],
    ['SendRawTransaction', { raw: Buffer.from([1, 2, 3]) }, grpc.status.FAILED_PRECONDITION],
  ];
  for (const [method, request, code] of cases) {
    await assert.rejects(call(chain, method, request), { code }, `${method} ${JSON.stringify(request)}`);
  }
  // A contract that reverts, in code: PUSH1 2a PUSH0 MSTORE8, REVERT of one byte.
  const reverts = { message: { input: Buffer.from('602a5f5360015ffd', 'hex') } };
  const error = await call(chain, 'Call', reverts).then(() => undefined, (reason) => reason);
  assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
  const [details] = error.metadata.get('grpc-status-details-bin');
  assert.ok(details.includes('weft.chain.v1.RpcError'));
  // RpcError{code: 3, data: 2a}
  assert.equal(details.subarray(-5).toString('hex'), '080312012a');
});

test('a deadline is kept', async () => {
  await assert.rejects(call(chain, 'GetHead', {}, { timeout_ms: -1 }), { code: grpc.status.DEADLINE_EXCEEDED });
  await assert.doesNotReject(call(chain, 'GetHead', {}));
});

test('heads and logs stream', async () => {
  const heads = first(chain.Heads({}), 2);
  const logs = first(chain.Logs({ filter: { addresses: [bytes(probe.address)] } }), 1);
  // A subscription says nothing when it begins: what it is for is done until both have been told.
  let value = 100;
  const [[earlier, next], [log]] = await while_waiting(Promise.all([heads, logs]), () => set(value++));
  assert.equal(BigInt(next.number), BigInt(earlier.number) + 1n);
  assert.equal(hex(next.parent_hash), hex(earlier.hash));
  assert.equal(hex(log.address), probe.address.toLowerCase());
});

test('grpc-web: calls, errors and streams', async () => {
  const { chainId } = await web.getChainId({});
  assert.equal(chainId, BigInt(await rpc('eth_chainId')));
  const account = await web.getAccount({ address: hexToBytes(dev_account(0).address) });
  assert.equal(number(account.balance), BigInt(await rpc('eth_getBalance', dev_account(0).address, 'latest')));
  await assert.rejects(web.getBlock({ block: { number: 999999999n } }), { code: Code.NotFound });
  const next = (async () => {
    for await (const head of web.heads({})) return head;
  })();
  let value = 200;
  const head = await while_waiting(next, () => set(value++));
  assert.ok(head.number > 0n);
});

test('grpc-web in text, over HTTP/2, and what a browser asks first', async () => {
  const session = http2.connect(http_url);
  const ask = (headers, body) => new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let reply;
    const pieces = [];
    stream.on('response', (got) => { reply = got; });
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => resolve({ headers: reply, body: Buffer.concat(pieces).toString() }));
    stream.on('error', reject);
    stream.end(body);
  });
  const path = `/${service}/GetChainId`;
  const { headers, body } = await ask({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc-web-text',
    origin: 'https://app.example' }, Buffer.from([0, 0, 0, 0, 0]).toString('base64'));
  assert.equal(headers['content-type'], 'application/grpc-web-text+proto');
  assert.equal(headers['access-control-allow-origin'], '*');
  assert.match(headers['access-control-expose-headers'], /grpc-status, grpc-message/);
  const pieces = body.split(/(?<==)(?!=)/).map((piece) => Buffer.from(piece, 'base64').toString('latin1'));
  assert.match(pieces.join(''), /grpc-status: 0\r\n$/);
  const asked = 'content-type,x-grpc-web,x-user-agent,grpc-timeout';
  const preflight = await ask({ ':method': 'OPTIONS', ':path': path, origin: 'https://app.example',
    'access-control-request-method': 'POST', 'access-control-request-headers': asked });
  assert.equal(preflight.headers[':status'], 204);
  assert.equal(preflight.headers['access-control-allow-headers'], asked);
  session.close();
});
