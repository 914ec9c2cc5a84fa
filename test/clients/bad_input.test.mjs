// What a server must survive: each fault gets its own error, and a client beside it goes on as if nothing happened.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { post, request, rpc } from './lib/rpc.mjs';
import { connect, destroy_all, exchange, http_text, status_of } from './lib/socket.mjs';
import { until } from './lib/until.mjs';
import { frame, open_socket, upgraded } from './lib/websocket.mjs';

const ask = (id = 1) => JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_chainId', params: [] });
const text_frame = (text) => frame(1, Buffer.from(text));

async function assert_well() {
  const began = performance.now();
  assert.equal(await rpc('eth_chainId'), '0x7a69');
  const took_ms = performance.now() - began;
  assert.ok(took_ms < 1_000, `a well-behaved client waited ${took_ms} ms`);
}
afterEach(async () => {
  destroy_all();
  await assert_well();
});

async function reply_to(body) {
  const response = await post(body);
  return { status: response.status, reply: JSON.parse(await response.text()) };
}

test('bodies that are no JSON get -32700', async () => {
  for (const body of ['', '{', '[', '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"', 'nonsense', '\0\0\0', '"\ud800',
    '['.repeat(100_000), '{"a":'.repeat(100_000)]) {
    const { reply } = await reply_to(body);
    assert.equal(reply.error.code, -32700, body.slice(0, 40));
    assert.equal(reply.id, null);
  }
});

test('JSON that is no request gets -32600', async () => {
  for (const body of ['1', 'null', '"text"', '{}', '[]', '[1]', '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":1,"method":7}', '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}',
    '{"jsonrpc":"2.0","id":{"a":1},"method":"eth_chainId"}']) {
    const { reply } = await reply_to(body);
    const [first] = [reply].flat();
    assert.equal(first.error?.code, -32600, `${body} gave ${JSON.stringify(reply)}`);
  }
});

test('params of the wrong type or shape get -32602', async () => {
  const zero = `0x${'00'.repeat(20)}`;
  for (const [method, ...params] of [
    ['eth_getBalance'], ['eth_getBalance', 7, 'latest'], ['eth_getBalance', null, 'latest'],
    ['eth_getBalance', zero.slice(2), 'latest'], ['eth_getBalance', zero.slice(0, -1), 'latest'],
    ['eth_getBalance', `${zero}00`, 'latest'], ['eth_getBalance', zero.replace(/0$/, 'g'), 'latest'],
    ['eth_getBalance', zero, 'newest'], ['eth_getBalance', zero, '12'], ['eth_getBalance', zero, 1.5],
    ['eth_getBalance', zero, `0x1${'0'.repeat(1_000)}`], ['eth_getBalance', zero, 'latest', 'more'],
    ['eth_getBlockByNumber', '0x1', 'true'], ['eth_getBlockByNumber', '0x1', 1], ['eth_getBlockByNumber', '-0x1', false],
    ['eth_getBlockByHash', '0x12', false], ['eth_getTransactionByHash', '0x'],
    ['eth_call', 'text', 'latest'], ['eth_call', [], 'latest'], ['eth_call', { to: zero, value: '10' }, 'latest'],
    ['eth_call', { to: zero, value: `0x1${'0'.repeat(64)}` }, 'latest'], ['eth_call', { to: zero, data: '0x123' }, 'latest'],
    ['eth_call', { to: zero, gas: '0x10000000000000000' }, 'latest'], ['eth_call', { to: zero, gas: -1 }, 'latest'],
    ['eth_sendRawTransaction', 5], ['eth_sendRawTransaction', { raw: '0x' }], ['eth_getLogs', 'all'],
    ['eth_getLogs', { address: 'x' }], ['eth_getLogs', { topics: 'x' }], ['eth_feeHistory', 'many', 'latest', []],
  ]) {
    const { reply } = await reply_to(request(method, ...params));
    assert.equal(reply.error?.code, -32602, `${method} ${JSON.stringify(params).slice(0, 80)}: ${JSON.stringify(reply)}`);
  }
});

test('params that are neither array nor absent get -32602', async () => {
  for (const params of ['x', 7, true]) {
    const { reply } = await reply_to({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params });
    assert.ok([-32602, -32600].includes(reply.error?.code), JSON.stringify(reply));
  }
  for (const extra of [{}, { params: null }, { params: [] }]) { // what foundry, ethers and viem send
    const { reply } = await reply_to({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', ...extra });
    assert.equal(reply.result, '0x7a69', JSON.stringify(extra));
  }
});

test('ids come back as they were', async () => {
  for (const id of [0, -1, 1.5, 9007199254740991, 'text', '', 'ä\u0000"', null]) {
    const { reply } = await reply_to({ jsonrpc: '2.0', id, method: 'eth_chainId', params: [] });
    assert.deepEqual(reply.id, id);
  }
});

test('a body that is nested, long or odd but valid is answered', async () => {
  const deep = `${'['.repeat(60)}${']'.repeat(60)}`;
  const { reply } = await reply_to(`{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[],"x":${deep}}`);
  assert.equal(reply.result, '0x7a69');
});

test('a batch of 10,000 is answered whole or refused whole', async () => {
  const batch = Array.from({ length: 10_000 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'eth_chainId', params: [] }));
  const { reply } = await reply_to(batch);
  if (reply.length === batch.length) {
    assert.deepEqual(reply.map(({ id }) => id).sort((a, b) => a - b), batch.map(({ id }) => id));
    assert.ok(reply.every(({ result }) => result === '0x7a69'));
  } else { // geth: one error under the first id
    const [first] = [reply].flat();
    assert.equal(first.error.code, -32600);
    assert.equal(first.error.message, 'batch too large');
  }
});

test('a batch mixes results, errors and notifications', async () => {
  const { reply } = await reply_to([request('eth_chainId'), 1, request('no_such'),
    { jsonrpc: '2.0', method: 'eth_chainId', params: [] }]);
  assert.deepEqual(reply.map((one) => one.error?.code ?? one.result).sort(), [-32600, -32601, '0x7a69'].sort());
});

test('a body over the limit gets 413', async () => {
  const socket = await connect();
  socket.write(http_text('', { headers: { 'Content-Length': 10 ** 12 } }));
  socket.write('{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":["');
  assert.equal(await status_of(socket), 413);
  socket.destroy();
});

test('a chunked body over the limit gets 413 or is cut off', async () => {
  const socket = await connect();
  socket.write(http_text('', { headers: { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' } })
    .replace(/Content-Length: .*\r\n/, ''));
  const chunk = `${(2 ** 20).toString(16)}\r\n${'x'.repeat(2 ** 20)}\r\n`;
  for (let sent = 0; sent < 256 && !socket.over && socket.received === ''; ++sent) {
    if (!socket.write(chunk)) {
      await Promise.race([new Promise((resolve) => { socket.once('drain', resolve); }),
        until('an answer', () => socket.over || socket.received !== '')]);
    }
  }
  assert.ok([413, 'closed'].includes(await status_of(socket)));
  socket.destroy();
});

test('requests that are no HTTP get 400 or the door', async () => {
  for (const bytes of ['\r\n\r\n\r\n', 'nonsense\r\n\r\n', 'GET\r\n\r\n', 'POST / HTTP/9.9\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00',
    'POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n', 'POST / HTTP/1.1\r\nbad header\r\n\r\n']) {
    const socket = await connect();
      socket.end(bytes);
    const status = await status_of(socket);
    assert.ok(status === 'closed' || (status >= 400 && status < 600 && status !== 500), `${JSON.stringify(bytes)}: ${status}`);
    socket.destroy();
  }
});

test('headers without end get 431 or the door', async () => {
  const socket = await connect();
  socket.write('POST / HTTP/1.1\r\nHost: a\r\n');
  for (let i = 0; i < 1_000 && !socket.over && socket.received === ''; ++i) socket.write(`X-${i}: ${'y'.repeat(4_000)}\r\n`);
  assert.ok([431, 400, 413, 'closed'].includes(await status_of(socket)));
  socket.destroy();
});

test('half a request and a hang-up do no harm', async () => {
  const whole = http_text(ask());
  for (let size = 1; size < whole.length; size += 7) {
    const socket = await connect();
    socket.end(whole.slice(0, size));
    await until('the server closes', () => socket.over);
    assert.doesNotMatch(socket.received, /0x7a69/);
  }
});

test('a sender of one byte at a time is answered', async () => {
  const socket = await connect();
  for (const byte of http_text(ask())) {
    socket.write(byte);
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  await until('the answer', () => socket.received.includes('0x7a69'));
  socket.destroy();
});

test('senders that stall do not hold up others', async () => {
  const stalled = await Promise.all(Array.from({ length: 500 }, connect));
  stalled.forEach((socket) => socket.write(http_text(ask()).slice(0, -5)));
  for (let i = 0; i < 20; ++i) await assert_well();
  stalled.forEach((socket) => socket.write(http_text(ask()).slice(-5)));
  await until('every stalled sender to be answered', () => stalled.every(({ received }) => received.includes('0x7a69')));
  stalled.forEach((socket) => socket.destroy());
});

test('a reader that never reads does not hold up others', async () => {
  const socket = await connect();
  socket.pause();
  const big = http_text(JSON.stringify(request('web3_sha3', `0x${'00'.repeat(1_000)}`)));
  for (let i = 0; i < 2_000; ++i) socket.write(big);
  for (let i = 0; i < 20; ++i) await assert_well();
  socket.destroy();
});

test('other methods and paths get 4xx or an answer, never 500', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'BREW']) {
    const { status } = await exchange(http_text(ask(), { method }));
    assert.ok(status === 200 || (status >= 400 && status < 500), `${method}: ${status}`);
  }
  const { status } = await exchange(http_text(ask(), { target: '/no/such/path' }));
  assert.equal(status, 404);
});

test('wrong WebSocket frames close with the code that RFC 6455 gives', async () => {
  const cases = [
    ['not masked', frame(1, Buffer.from(ask()), { mask: false }), 1002],
    ['reserved bit', frame(1, Buffer.from(ask()), { reserved: 4 }), 1002],
    ['unknown opcode', frame(3, Buffer.from(ask())), 1002],
    ['long ping', frame(9, Buffer.alloc(126)), 1002],
    ['ping in parts', frame(9, Buffer.alloc(5), { fin: false }), 1002],
    ['continuation of nothing', frame(0, Buffer.from(ask())), 1002],
    ['text that is no UTF-8', frame(1, Buffer.from([0xff, 0xfe])), 1007],
    ['a size of 2^40', frame(1, Buffer.alloc(0), { size: 2 ** 40 }), 1009],
  ];
  for (const [name, bytes, code] of cases) {
    const socket = await upgraded();
      socket.write(bytes);
    await until(`${name}: the server closes`, () => socket.over || socket.received.length >= 4);
    const close = Buffer.from(socket.received, 'latin1');
    assert.equal(close[0], 0x88, `${name}: no close frame`);
    assert.equal(close.readUInt16BE(2), code, name);
    socket.destroy();
  }
});

test('bad JSON over WebSocket gets an error and the connection lives', async () => {
  const socket = await upgraded();
  socket.write(text_frame('{'));
  await until('-32700', () => socket.received.includes('-32700'));
  socket.write(text_frame(ask(2)));
  await until('the answer', () => socket.received.includes('0x7a69'));
  socket.destroy();
});

test('a message in parts with a ping between them is answered', async () => {
  const socket = await upgraded();
  const text = Buffer.from(ask());
  socket.write(frame(1, text.subarray(0, 10), { fin: false }));
  socket.write(frame(9, Buffer.from('are you there')));
  socket.write(frame(0, text.subarray(10, 20), { fin: false }));
  socket.write(frame(0, text.subarray(20)));
  await until('pong and answer', () => socket.received.includes('\x8a\x0dare you there') && socket.received.includes('0x7a69'));
  socket.destroy();
});

test('an upgrade without key or of another version is refused', async () => {
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13 };
  const without_key = await exchange(http_text('', { method: 'GET', headers }));
  assert.ok(without_key.status >= 400 && without_key.status < 500, without_key.text);
  const version = await exchange(http_text('', { method: 'GET', headers: {
    ...headers, 'Sec-WebSocket-Version': 12, 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' } }));
  assert.ok([400, 426].includes(version.status), version.text);
});

test('10,000 idle connections leave room for a working one', { timeout: 120_000 }, async (t) => {
  const sockets = [];
  try {
    for (let i = 0; i < 100; ++i) sockets.push(...await Promise.all(Array.from({ length: 100 }, connect)));
    for (let i = 0; i < 20; ++i) await assert_well();
    const socket = await open_socket();
    assert.equal(await socket.call('eth_chainId'), '0x7a69');
    socket.close();
    assert.equal(sockets.filter(({ over }) => over).length, 0, 'connections were dropped');
  } finally {
    t.diagnostic(`${sockets.length} connections`);
    sockets.forEach((socket) => socket.destroy());
  }
});
