// JSON-RPC over HTTP with nothing in between, for what a client library would hide.
export const http_url = process.env.ENDPOINT ?? 'http://127.0.0.1:8545';
export const ws_url = http_url.replace(/^http/, 'ws');

export class RpcError extends Error {
  constructor({ code, message, data }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

let last_id = 0;

export function request(method, ...params) {
  return { jsonrpc: '2.0', id: ++last_id, method, params };
}

/// Posts a body as it is; gives the HTTP response.
export function post(body, { headers = {}, timeout_ms = 30_000 } = {}) {
  return fetch(http_url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout_ms),
  });
}

/// The method's result.
///
/// @errors  RpcError with code, message and data as the server gave them.
export async function rpc(method, ...params) {
  const response = await post(request(method, ...params));
  const reply = await response.json();
  if (reply.error) throw new RpcError(reply.error);
  if (!('result' in reply)) throw new Error(`neither result nor error: ${JSON.stringify(reply)}`);
  return reply.result;
}

/// The error that the method must give.
export async function rpc_error(method, ...params) {
  let result;
  try {
    result = await rpc(method, ...params);
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error(`${method} gave ${JSON.stringify(result)} where an error was due`);
}
