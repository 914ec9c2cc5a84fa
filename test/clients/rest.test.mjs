// REST under /v1, and the document that tells of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { receipt_of } from './lib/chain.mjs';
import { http_url, rpc } from './lib/rpc.mjs';

async function get(path, headers = {}) {
  const response = await fetch(http_url + path, { headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

function post(path, body) {
  return fetch(http_url + path,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

test('the document is OpenAPI 3.1', async () => {
  const { body } = await get('/openapi.json');
  const validator = new Validator();
  const { valid, errors } = await validator.validate(body);
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, '3.1');
  const ids = Object.values(body.paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length >= 18);
});

test('what the document has is served', async () => {
  const { body } = await get('/openapi.json');
  const [account] = await rpc('eth_accounts');
  const hash = await rpc('eth_sendTransaction', { from: account, to: account, value: '0x1', gas: '0x5208' });
  await receipt_of(hash);
  const values = { block: 'latest', hash, address: account, slot: '0', index: '0' };
  const elsewhere = ['/v1/validators']; // only where validators agree on blocks
  for (const [path, operations] of Object.entries(body.paths)) {
    if (!operations.get) continue;
    const { status, body: got } = await get(path.replace(/\{(\w+)\}/g, (_, name) => values[name]));
    if (elsewhere.includes(path)) {
      assert.ok([200, 400, 404, 422, 501].includes(status), path);
      continue;
    }
    assert.equal(status, 200, `${path}: ${JSON.stringify(got)}`);
    const name = operations.get.responses[200].content['application/json'].schema.$ref.split('/').at(-1);
    for (const member of body.components.schemas[name].required ?? []) assert.ok(member in got, `${path}: ${member}`);
  }
});

test('objects are those of JSON-RPC', async () => {
  const head = await rpc('eth_getBlockByNumber', 'latest', true);
  assert.deepEqual((await get(`/v1/blocks/${head.hash}?full=true`)).body, head);
  assert.deepEqual((await get(`/v1/blocks/${Number(head.number)}/receipts`)).body.receipts,
    await rpc('eth_getBlockReceipts', head.hash));
  const { body } = await get('/v1/chain');
  assert.equal(body.chainId, '0x7a69');
  assert.equal(body.head.hash, head.hash);
});

test('a transaction is sent, called and estimated', async () => {
  const [from, to] = await rpc('eth_accounts');
  const nonce = await rpc('eth_getTransactionCount', from, 'pending');
  const { raw } = await rpc('eth_signTransaction',
    { from, to, value: '0x1', gas: '0x5208', nonce, maxFeePerGas: '0x77359400', maxPriorityFeePerGas: '0x1' });
  const sent = await post('/v1/transactions', { raw });
  assert.equal(sent.status, 202);
  const { hash } = await sent.json();
  assert.equal(sent.headers.get('location'), `/v1/transactions/${hash}`);
  await receipt_of(hash);
  assert.equal((await get(`/v1/transactions/${hash}/receipt`)).body.status, '0x1');
  assert.deepEqual(await (await post('/v1/estimate', { from, to, value: '1' })).json(), { gas: '0x5208' });
  assert.deepEqual(await (await post('/v1/call', { from, to })).json(), { success: true, output: '0x' });
  const again = await post('/v1/transactions', { raw });
  assert.ok(again.status >= 400 && again.status < 500, String(again.status));
});

test('errors name what is wrong, and caches are told what they may keep', async () => {
  const bad = await get('/v1/blocks/newest');
  assert.equal(bad.status, 400);
  assert.match(bad.headers.get('content-type'), /^application\/problem\+json/);
  assert.equal(bad.body.field, 'block');
  assert.equal((await get('/v1/blocks/0xffffff')).status, 404);
  const wrong_method = await fetch(`${http_url}/v1/blocks`, { method: 'DELETE' });
  assert.equal(wrong_method.status, 405);
  assert.equal(wrong_method.headers.get('allow'), 'GET, HEAD, OPTIONS');
  for (const path of ['/v1/chain', '/openapi.json', `/graphql?query=${encodeURIComponent('{ chainID }')}`, '/metrics']) {
    const head = await fetch(`${http_url}${path}`, { method: 'HEAD' });
    assert.equal(head.status, 200, path);
    assert.ok(Number(head.headers.get('content-length')) > 0, path);
    assert.equal(await head.text(), '');
    const refused = await fetch(`${http_url}${path}`, { method: 'PUT' });
    assert.equal(refused.status, 405, path);
    assert.match(refused.headers.get('allow'), /GET, HEAD/, path);
  }
  const { hash } = await rpc('eth_getBlockByNumber', 'latest', false);
  const first = await get(`/v1/blocks/${hash}`);
  assert.match(first.headers.get('cache-control'), /immutable/);
  assert.equal((await get(`/v1/blocks/${hash}`, { 'if-none-match': first.headers.get('etag') })).status, 304);
  const origin = 'http://localhost:3000';
  assert.ok(['*', origin].includes((await get('/v1/chain', { origin })).headers.get('access-control-allow-origin')));
});
