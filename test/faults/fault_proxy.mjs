// A process in front of a node that answers as the node does, or fails as it is told to: fault_proxy.mjs NODE_URL PORT
//
// Over HTTP and WebSocket. Its parent sends {mode, ms}; modes are those of `modes` below. What it says is what a node in
// that state would say: one that is behind has not the blocks that it does not know of, whatever names them.
import { createRequire } from 'node:module';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const { WebSocketServer } = createRequire(new URL('../clients/package.json', import.meta.url))('ws');
const [node_url, port] = process.argv.slice(2);
const blocks_behind = 10;
const head_lie = 1_000_000;
const forged = `0x${'ee'.repeat(32)}`;
let state = { mode: 'healthy', ms: 0 };

const hex = (number) => `0x${number.toString(16)}`;
const ok = (request, result) => ({ jsonrpc: '2.0', id: request.id, result });
const refusal = (request, code, message) => ({ jsonrpc: '2.0', id: request.id, error: { code, message } });

async function ask_node(body) {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(node_url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

/// As a node would answer whose newest block is `blocks_behind` older.
async function answer_behind(request) {
  const now = Number((await ask_node({ ...ok({ id: 1 }), method: 'eth_blockNumber', params: [] })).result);
  if (state.mode === 'standing still') state.head ??= now;
  const head = state.head ?? Math.max(now - blocks_behind, 0);
  const { method } = request;
  if (method === 'eth_blockNumber') return ok(request, hex(head));
  const is_block = /^eth_get(Block|Uncle|TransactionBy).*Number/.test(method);
  const params = [];
  for (const param of request.params ?? []) {
    if (['latest', 'pending', 'safe', 'finalized'].includes(param)) {
      params.push(hex(head));
    } else if (typeof param === 'string' && /^0x[0-9a-f]{1,15}$/.test(param) && Number(param) > head
        && (is_block || /^eth_(get(Balance|Code|StorageAt|TransactionCount|Proof)|call|estimateGas)$/.test(method))) {
      return is_block ? ok(request, null) : refusal(request, -32000, 'header not found');
    } else if (method === 'eth_getLogs' && param.blockHash) {
      const { result } = await ask_node({ ...ok({ id: 1 }), method: 'eth_getBlockByHash', params: [param.blockHash, false] });
      if (!result || Number(result.number) > head) return refusal(request, -32000, 'unknown block');
      params.push(param);
    } else if (method === 'eth_getLogs') {
      const to = Number.isNaN(Number(param.toBlock)) ? head : Math.min(Number(param.toBlock), head);
      params.push({ ...param, toBlock: hex(to) });
    } else {
      params.push(param);
    }
  }
  const reply = await ask_node({ ...request, params });
  const number = Number(reply.result?.blockNumber ?? reply.result?.number ?? 0);
  if (!/ByHash$|Receipt$/.test(method) || number <= head) return reply;
  if (method !== 'eth_getTransactionByHash') return ok(request, null);
  return ok(request, { ...reply.result, blockHash: null, blockNumber: null, transactionIndex: null });
}

const raise = (header) =>
  ({ ...header, number: hex(Number(header.number) + head_lie), hash: forged, parentHash: forged });

async function answer_with_a_lie(request, about) {
  const reply = await ask_node(request);
  const { method, params } = request;
  if (about === 'balance' && method === 'eth_getBalance' && reply.result) {
    return ok(request, hex(BigInt(reply.result) + 1n));
  }
  if (about === 'head' && method === 'eth_blockNumber') return ok(request, hex(Number(reply.result) + head_lie));
  if (about === 'head' && method === 'eth_getBlockByNumber' && params[0] === 'latest') {
    return ok(request, raise(reply.result));
  }
  return reply;
}

/// The reply's text, where there is one at all.
async function answer(request) {
  switch (state.mode) {
    case 'cutting': {
      // The node has done it, and nobody hears of it.
      const reply = await ask_node(request);
      await pause(state.ms);
      return reply;
    }
    case 'behind':
    case 'standing still': return answer_behind(request);
    case 'lying balance': return answer_with_a_lie(request, 'balance');
    case 'lying head': return answer_with_a_lie(request, 'head');
    case 'slow': await pause(state.ms); return ask_node(request);
    default: return ask_node(request);
  }
}

const server = http.createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { mode } = state;
  if (mode === 'hanging') return;
  if (mode === 'status 500' || mode === 'status 429') {
    response.writeHead(Number(mode.slice(7))).end('no\n');
    return;
  }
  const text = JSON.stringify(await answer(JSON.parse(Buffer.concat(chunks))));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  if (mode === 'cutting') {
    response.write(text.slice(0, text.length / 2), () => response.socket?.resetAndDestroy());
    return;
  }
  response.end(text);
});

const heads_of = new Set(); // WebSockets that are told of new heads
const told = []; // headers, for one that is behind

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('close', () => heads_of.delete(socket));
  socket.on('error', () => {});
  socket.on('message', async (data) => {
    const request = JSON.parse(data);
    const { mode } = state;
    if (mode === 'hanging') return;
    let reply;
    if (mode === 'status 500') {
      reply = refusal(request, -32603, 'internal error');
    } else if (mode === 'status 429') {
      reply = refusal(request, -32005, 'too many requests');
    } else if (request.method === 'eth_subscribe' && request.params[0] === 'newHeads') {
      heads_of.add(socket);
      reply = ok(request, '0x1');
    } else {
      reply = await answer(request);
    }
    if (mode === 'cutting') socket.terminate();
    else socket.send(JSON.stringify(reply));
  });
});

const to_node = new WebSocket(node_url.replace(/^http/, 'ws'));
to_node.onopen = () => {
  to_node.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }));
};
to_node.onmessage = async ({ data }) => {
  let header = JSON.parse(data).params?.result;
  if (!header) return;
  told.push(header);
  if (told.length > blocks_behind + 1) told.shift();
  const { mode, ms } = state;
  if (mode === 'hanging' || mode === 'standing still') return;
  if (mode === 'slow') await pause(ms);
  if (mode === 'behind') [header] = told;
  if (mode === 'lying head') header = raise(header);
  const params = { subscription: '0x1', result: header };
  for (const socket of heads_of) socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params }));
};
to_node.onclose = () => process.exit(1);

process.on('message', (next) => {
  state = next;
  process.send('done');
});
process.on('disconnect', () => process.exit(0));
server.listen(Number(port), '127.0.0.1', () => process.send('listening'));
