// JSON-RPC over one WebSocket, and frames made by hand.
import { randomBytes } from 'node:crypto';
import { connect, http_text, status_of } from './socket.mjs';
import { ws_url } from './rpc.mjs';
import { until, within } from './until.mjs';

/// A client with call(method, ...params), subscribe(...params) and close().
export async function open_socket() {
  const socket = new WebSocket(ws_url);
  const waiting = new Map();
  const notifications = [];
  let last_id = 0;
  await within(10_000, 'the WebSocket handshake', new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error('the WebSocket handshake failed'));
  }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.method === 'eth_subscription') notifications.push(message.params);
    else waiting.get(message.id)?.(message);
  };

  async function call(method, ...params) {
    const id = ++last_id;
    const reply = await within(10_000, `the reply to ${method}`, new Promise((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    }));
    if (reply.error) throw Object.assign(new Error(reply.error.message), reply.error);
    return reply.result;
  }

  return {
    call,
    notifications,
    /// @return  {id, results()} of one subscription: what arrived so far.
    async subscribe(...params) {
      const id = await call('eth_subscribe', ...params);
      return {
        id,
        results: () => notifications.filter(({ subscription }) => subscription === id).map(({ result }) => result),
      };
    },
    close: () => socket.close(),
  };
}

/// A raw connection that has asked to become a WebSocket.
export async function upgrading(headers = {}) {
  const socket = await connect();
  socket.write(http_text('', { method: 'GET', headers: {
    Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13,
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'), ...headers } }));
  return socket;
}

/// ... after the handshake.
export async function upgraded() {
  const socket = await upgrading();
  if (await status_of(socket) !== 101) throw new Error(`no upgrade: ${socket.received}`);
  await until('the end of the handshake', () => socket.received.includes('\r\n\r\n'));
  socket.received = '';
  return socket;
}

/// One frame as RFC 6455, section 5.2 lays it out; a client must mask, so `mask: false` is a fault.
export function frame(opcode, payload, { fin = true, mask = true, reserved = 0, size = payload.length } = {}) {
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode];
  const flag = mask ? 0x80 : 0;
  if (size < 126) head.push(flag | size);
  else if (size < 65_536) head.push(flag | 126, size >> 8, size & 255);
  else head.push(flag | 127, ...Array.from({ length: 8 }, (_, i) => Number((BigInt(size) >> BigInt(56 - 8 * i)) & 255n)));
  const body = Buffer.from(payload);
  if (!mask) return Buffer.concat([Buffer.from(head), body]);
  const key = randomBytes(4);
  body.forEach((byte, i) => { body[i] = byte ^ key[i % 4]; });
  return Buffer.concat([Buffer.from(head), key, body]);
}
