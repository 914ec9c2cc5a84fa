// Raw TCP to the server, for requests that no HTTP library would send.
import net from 'node:net';
import { http_url } from './rpc.mjs';
import { until } from './until.mjs';

const { hostname, port } = new URL(http_url);
const opened = new Set();

/// Ends every connection that a test left open, so that one which failed does not keep the program alive.
export function destroy_all() {
  opened.forEach((socket) => socket.destroy());
}

/// A connected socket; `socket.received` grows as text arrives, `socket.over` tells that the server closed it.
export function connect() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    socket.received = '';
    socket.over = false;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => { socket.received += bytes.toString('latin1'); });
    opened.add(socket);
    socket.on('close', () => { socket.over = true; opened.delete(socket); });
    socket.on('error', (error) => { socket.over = true; reject(error); }); // once connected, an end like any other
    socket.on('connect', () => resolve(socket));
  });
}

/// An HTTP POST of `body` as bytes on the wire.
export function http_text(body, { headers = {}, method = 'POST', target = '/' } = {}) {
  const all = { Host: `${hostname}:${port}`, 'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/// Status of the first response that arrives, or 'closed' when the server hung up without one.
export async function status_of(socket, timeout_ms = 10_000) {
  await until('a status line or the end', () => /\r\n/.test(socket.received) || socket.over, timeout_ms);
  const match = socket.received.match(/^HTTP\/1\.[01] (\d{3})/);
  return match ? Number(match[1]) : 'closed';
}

/// Sends bytes on a new connection and gives {status, text} once the response is whole or the server hung up.
export async function exchange(bytes, timeout_ms = 10_000) {
  const socket = await connect();
  socket.write(bytes);
  const status = await status_of(socket, timeout_ms);
  socket.destroy();
  return { status, text: socket.received };
}
