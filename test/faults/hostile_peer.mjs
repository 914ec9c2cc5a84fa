// A peer that speaks the protocol of docs/network.md and lies. It knows the truth: what a victim asks for it asks an
// honest node, and sends the answer on as its lie has it.
import { createHash, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { run } from '../clients/lib/process.mjs';
import { decode, encode, number } from '../clients/lib/rlp.mjs';
import { until } from '../clients/lib/until.mjs';
import { weft } from './system.mjs';

/// Of docs/network.md's table.
const types = {
  hello: 0, status: 1, ping: 3, pong: 4, get_headers: 12, headers: 13, get_blocks: 14, blocks: 15, get_snapshot: 22,
  snapshot: 23, get_chunk: 24, chunk: 25,
};
const lanes = { 0: 0, 3: 0, 4: 0, 12: 2, 13: 2, 14: 2, 15: 2, 22: 2, 23: 2, 24: 2, 25: 2 };
const replies = new Map([[types.get_headers, types.headers], [types.get_blocks, types.blocks],
  [types.get_snapshot, types.snapshot], [types.get_chunk, types.chunk]]);
/// A peer whose first pong is not there is asked as if it were the quickest: so long this one is asked first.
const pong_delay_ms = 15_000;

function frame(type, id, payload) {
  const head = Buffer.alloc(14);
  head.writeUInt32BE(10 + payload.length);
  head[4] = type;
  head[5] = lanes[type];
  head.writeBigUInt64BE(id, 6);
  return Buffer.concat([head, payload]);
}

/// One node's connection.
class Connection {
  constructor(socket, peer) {
    this.socket = socket;
    this.peer = peer;
    this.waiting = new Map();
    this.last_id = 0n;
    this.received = Buffer.alloc(0);
    this.id = createHash('sha256').update(new X509Certificate(socket.getPeerCertificate(true).raw).publicKey
      .export({ type: 'spki', format: 'der' })).digest('hex');
    socket.on('error', () => {});
    socket.on('close', () => {
      peer.connections.delete(this);
      for (const { reject } of this.waiting.values()) reject(new Error('the connection ended'));
    });
    socket.on('data', (bytes) => this.take(bytes));
  }

  say(type, id, payload) {
    if (!this.is_mute) this.socket.write(frame(type, id, payload));
  }

  /// Part of a frame, after which no other one can come.
  say_part(type, id, payload, size) {
    if (this.is_mute) return;
    this.is_mute = true;
    this.socket.write(frame(type, id, payload).subarray(0, size));
  }

  ask(type, payload) {
    const id = ++this.last_id;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.say(type, id, payload);
    });
  }

  take(bytes) {
    this.received = Buffer.concat([this.received, bytes]);
    while (this.received.length >= 4 && this.received.length >= 4 + this.received.readUInt32BE()) {
      const size = 4 + this.received.readUInt32BE();
      const whole = this.received.subarray(0, size);
      this.received = this.received.subarray(size);
      this.on_frame(whole[4], whole.readBigUInt64BE(6), whole.subarray(14));
    }
  }

  on_frame(type, id, payload) {
    if (type === types.hello) {
      // What must fit is as the node has it; and every block is here.
      const hello = decode(payload);
      this.head = Number(`0x${hello[6].toString('hex') || '0'}`);
      const head = number(this.peer.head);
      const rest = [head, Buffer.alloc(32), head, Buffer.alloc(0), number(0)];
      this.say(types.hello, 0n, encode([...hello.slice(0, 6), ...rest]));
    } else if (type === types.ping) {
      setTimeout(() => this.say(types.pong, id, encode([number(Date.now())])), pong_delay_ms).unref();
    } else if (this.waiting.has(id) && [...replies.values()].includes(type)) {
      this.waiting.get(id).resolve(payload);
      this.waiting.delete(id);
    } else if (replies.has(type)) {
      this.peer.serve(this, type, id, payload).catch((error) => this.peer.failures.push(error));
    }
  }
}

export class HostilePeer {
  /// @param lie   {request, tell(connection, type, id, payload)}: how replies to that request, "chunk" or "snapshot",
  ///              are sent; all others are sent as they are.
  /// @param head  the number of the newest block that it says it has.
  static async start(lie, head) {
    const peer = new HostilePeer();
    Object.assign(peer, { lie, head, lies: 0, failures: [], connections: new Set() });
    peer.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-hostile-'));
    const { code, stderr } = await run(weft, ['validator', 'init', '--data', peer.folder, '--validators', '1']);
    if (code !== 0) throw new Error(`weft validator init: ${stderr}`);
    const pem = fs.readFileSync(path.join(peer.folder, 'node-0/node.pem'));
    const line = fs.readFileSync(path.join(peer.folder, 'peers'), 'utf8').split('\n').find((one) => one.includes('@'));
    peer.id = line.slice(0, 64);
    peer.server = tls.createServer({
      cert: pem, key: pem, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3', ecdhCurve: 'X25519',
      sigalgs: 'ed25519', ALPNProtocols: ['weft/1'],
    }, (socket) => peer.connections.add(new Connection(socket, peer)));
    peer.server.on('tlsClientError', (error) => peer.failures.push(error));
    await new Promise((resolve) => { peer.server.listen(0, '127.0.0.1', resolve); });
    peer.address = `${peer.id}@127.0.0.1:${peer.server.address().port}`;
    return peer;
  }

  /// The connection of a node by its id, from the time on that it is there.
  connection(id) {
    return until(`node ${id} to connect`, () => [...this.connections]
      .find((one) => one.id === id && one.head !== undefined), 30_000);
  }

  /// @param truth  id of the node that is told no lie and asked for the truth.
  async begin(truth) {
    this.truth = truth;
    await this.connection(truth);
  }

  async serve(connection, type, id, payload) {
    const reply = replies.get(type);
    if (connection.id === this.truth) return connection.say(reply, id, encode([[]])); // no blocks
    const truth = await (await this.connection(this.truth)).ask(type, payload);
    if (types[this.lie.request] !== reply) return connection.say(reply, id, truth);
    ++this.lies;
    await this.lie.tell(connection, reply, id, truth);
  }

  destroy() {
    this.server.close();
    for (const { socket } of this.connections) socket.destroy();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/// Has an honest answer changed and sent on.
///
/// @param is_blamed  whether it can be nothing but a lie, here and below; not given: it is.
const changed = (request, change, is_blamed = true) => ({
  request,
  is_blamed,
  tell(connection, type, id, payload) {
    const message = decode(payload);
    change(message);
    connection.say(type, id, encode(message));
  },
});

/// In a chunk: number, accounts, last, slot last, account proof, slot proof, codes.
export const lies = {
  'wrong bytes in a chunk': changed('chunk', ([, accounts]) => {
    accounts[0][2] = number(1_000_000_007); // the balance
  }),
  'accounts left out of a chunk': changed('chunk', ([, accounts]) => {
    accounts.splice(accounts.length / 2, 1);
  }),
  'a snapshot of another root': changed('snapshot', (message) => {
    const block = decode(message[1]);
    block[0][3] = Buffer.alloc(32, 0xee); // its header's
    message[1] = encode(block);
  }),
  'a snapshot that is too old': changed('snapshot', (message) => {
    const block = decode(message[1]);
    message[0] = block[0][8] = number(1);
    message[1] = encode(block);
  }, false),
  'a snapshot that nobody else serves': changed('snapshot', (message) => {
    const block = decode(message[1]);
    message[0] = block[0][8] = number(1_000_000);
    message[1] = encode(block);
  }, false),
  'a chunk that ends too early': {
    request: 'chunk',
    tell: (connection, type, id, payload) => connection.say(type, id, payload.subarray(0, payload.length / 2)),
  },
  'a chunk of which no more than half comes': {
    request: 'chunk',
    tell: (connection, type, id, payload) => connection.say_part(type, id, payload, payload.length / 2),
  },
  'a connection that ends within a chunk': {
    request: 'chunk',
    is_blamed: false,
    tell(connection, type, id, payload) {
      connection.say_part(type, id, payload, payload.length / 2);
      connection.socket.end();
    },
  },
  'a chunk that comes byte by byte': {
    request: 'chunk',
    tell(connection, type, id, payload) {
      const whole = frame(type, id, payload);
      connection.say_part(type, id, payload, 100);
      let sent = 100;
      const timer = setInterval(() => {
        if (connection.socket.destroyed || sent === whole.length) clearInterval(timer);
        else connection.socket.write(whole.subarray(sent, ++sent));
      }, 100);
    },
  },
  'no answer to who asks for a chunk': { request: 'chunk', tell: () => {} },
  'no such chunk': {
    request: 'chunk',
    is_blamed: false,
    tell: (connection, type, id) => connection.say(type, id, encode(
      [number(0), [], Buffer.alloc(32), Buffer.alloc(32), [], [], []])),
  },
};
