// The transport: compression, CORS, connections that stay open, requests sent ahead, batches, discovery.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { http_url, post, request, rpc } from './lib/rpc.mjs';
import { connect, http_text, status_of } from './lib/socket.mjs';
import { upgrading } from './lib/websocket.mjs';
import { until } from './lib/until.mjs';

/// A request by node:http, which unlike fetch decodes nothing and can keep its connection.
function raw_request(options, body = '') {
  return new Promise((resolve, reject) => {
    const sending = http.request(http_url, { method: 'POST', ...options }, (response) => {
      const port = response.socket.localPort;
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ response, port, body: Buffer.concat(chunks) }));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const big = request('eth_getBlockByNumber', 'latest', true);

test('a reply is JSON with a length', async () => {
  const { response, body } = await raw_request({ headers: json }, JSON.stringify(request('eth_chainId')));
  assert.equal(response.statusCode, 200);
  assert.match(response.headers['content-type'], /^application\/json/);
  assert.equal(Number(response.headers['content-length']), body.length);
});

test('gzip is used where the client takes it and only there', async () => {
  const zipped = await raw_request({ headers: { ...json, 'accept-encoding': 'gzip' } }, JSON.stringify(big));
  assert.equal(zipped.response.headers['content-encoding'], 'gzip');
  assert.equal(JSON.parse(zlib.gunzipSync(zipped.body)).id, big.id);
  const plain = await raw_request({ headers: json }, JSON.stringify(big));
  assert.equal(plain.response.headers['content-encoding'], undefined);
  assert.equal(JSON.parse(plain.body).id, big.id);
});

test('a gzipped request is read, and a bomb is refused', async () => {
  const headers = { ...json, 'content-encoding': 'gzip' };
  const { response, body } = await raw_request({ headers }, zlib.gzipSync(JSON.stringify(request('eth_chainId'))));
  if (response.statusCode === 415) return; // not taken, and said so
  assert.equal(JSON.parse(body).result, '0x7a69');
  const bomb = await raw_request({ headers }, zlib.gzipSync(Buffer.alloc(256 * 2 ** 20)));
  assert.equal(bomb.response.statusCode, 413);
});

test('a browser of any origin is let in', async () => {
  const headers = { origin: 'http://localhost:3000', 'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type' };
  const preflight = await fetch(http_url, { method: 'OPTIONS', headers });
  assert.ok([200, 204].includes(preflight.status));
  assert.ok(['*', headers.origin].includes(preflight.headers.get('access-control-allow-origin')));
  assert.match(preflight.headers.get('access-control-allow-methods'), /POST|\*/);
  assert.match(preflight.headers.get('access-control-allow-headers'), /content-type|\*/i);
  const reply = await post(request('eth_chainId'), { headers: { origin: headers.origin } });
  assert.ok(['*', headers.origin].includes(reply.headers.get('access-control-allow-origin')));
});

test('one connection serves many requests, and closes when asked', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set();
  for (let i = 0; i < 50; ++i) {
    ports.add((await raw_request({ headers: json, agent }, JSON.stringify(request('eth_chainId')))).port);
  }
  agent.destroy();
  assert.equal(ports.size, 1);

  const socket = await connect();
  socket.write(http_text(JSON.stringify(request('eth_chainId')), { headers: { Connection: 'close' } }));
  await until('the server closes', () => socket.over);
  assert.match(socket.received, /0x7a69/);
});

test('requests sent ahead are answered in order', async () => {
  const socket = await connect();
  const ids = Array.from({ length: 100 }, (_, i) => 5000 + i);
  const one = (id) => http_text(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_chainId', params: [] }));
  socket.write(ids.map(one).join(''));
  await until('the last answer', () => socket.received.includes('5099'));
  assert.deepEqual([...socket.received.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id)), ids);
  socket.destroy();
});

test('Expect: 100-continue is continued', async () => {
  const socket = await connect();
  const text = http_text(JSON.stringify(request('eth_chainId')), { headers: { Expect: '100-continue' } });
  const end_of_head = text.indexOf('\r\n\r\n') + 4;
  socket.write(text.slice(0, end_of_head));
  assert.equal(await status_of(socket), 100);
  socket.write(text.slice(end_of_head));
  await until('the answer', () => socket.received.includes('0x7a69'));
  socket.destroy();
});

test('a chunked request is read', async () => {
  const { response, body } = await raw_request(
    { headers: { ...json, 'transfer-encoding': 'chunked' } }, JSON.stringify(request('eth_chainId')));
  assert.equal(response.statusCode, 200);
  assert.equal(JSON.parse(body).result, '0x7a69');
});

test('HTTP/1.0 is answered and closed', async () => {
  const socket = await connect();
  socket.write(http_text(JSON.stringify(request('eth_chainId'))).replace('HTTP/1.1', 'HTTP/1.0'));
  await until('the server closes', () => socket.over);
  assert.match(socket.received, /0x7a69/);
});

test('a batch is answered, one reply a request', async () => {
  const batch = [request('eth_chainId'), request('eth_blockNumber'), request('net_version')];
  const replies = await (await post(batch)).json();
  assert.deepEqual(replies.map(({ id }) => id), batch.map(({ id }) => id));
  assert.equal(replies[2].result, '31337');
});

test('a batch of notifications alone gets no body', async () => {
  const response = await post([{ jsonrpc: '2.0', method: 'eth_chainId', params: [] }]);
  assert.ok([200, 202, 204].includes(response.status));
  assert.equal(await response.text(), '');
});

test('rpc.discover gives an OpenRPC document of the methods that are served', async () => {
  const document = await rpc('rpc.discover');
  assert.match(document.openrpc, /^1\./);
  const names = document.methods.map(({ name }) => name);
  for (const name of ['eth_chainId', 'eth_call', 'eth_getProof', 'eth_simulateV1', 'debug_traceCall', 'txpool_status']) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(document.methods.every(({ params, result }) => Array.isArray(params) && result));
  const modules = await rpc('rpc_modules');
  assert.ok('eth' in modules && 'debug' in modules);
});

test('a WebSocket takes a consistency level for all that comes over it', async () => {
  for (const [level, want] of [['strong', 101], ['causal', 101], ['eventual', 101], ['most', 403]]) {
    const socket = await upgrading({ 'weft-consistency': level });
    assert.equal(await status_of(socket), want, level);
    socket.destroy();
  }
});
