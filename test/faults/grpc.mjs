// As much of gRPC as it takes to ask one storage service for its blocks and one network service for its peers: a call,
// and the messages by hand.
import http2 from 'node:http2';
import { within } from '../clients/lib/until.mjs';

/// One unary call. @return  the reply's bytes
function call(address, method, message) {
  const session = http2.connect(`http://${address}`);
  const answer = new Promise((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST', ':path': `/${method}`, 'content-type': 'application/grpc', te: 'trailers',
    });
    const chunks = [];
    let status;
    stream.on('response', (headers) => (status = headers['grpc-status'] ?? status));
    stream.on('trailers', (headers) => (status = headers['grpc-status'] ?? status));
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => (Number(status) === 0 ? resolve(Buffer.concat(chunks).subarray(5))
      : reject(new Error(`${method}: status ${status}`))));
    const head = Buffer.alloc(5); // not compressed; size
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
  });
  return within(10_000, `${method} at ${address}`, answer).finally(() => session.close());
}

function varint(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}

/// The fields of a message in order: [number, value].
function* fields_of(bytes) {
  let at = 0;
  const read = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
  };
  while (at < bytes.length) {
    const tag = read();
    if (tag % 8 === 0) {
      yield [tag >> 3, read()];
    } else {
      const size = read();
      yield [tag >> 3, bytes.subarray(at, at += size)];
    }
  }
}

/// By number; of a repeated one the last.
const fields = (bytes) => Object.fromEntries(fields_of(bytes));

export async function head_number(address) {
  return fields(await call(address, 'weft.Storage/Head', Buffer.alloc(0)))[1] ?? 0;
}

/// @return  the first block that it has whole, but for the genesis block
export async function first_number(address) {
  return fields(await call(address, 'weft.Storage/Head', Buffer.alloc(0)))[7] ?? 0;
}

/// @return  the hash of the block with this number, "0x..."
export async function block_hash(address, number) {
  const by_number = 5; // api::BlockTag::number
  const reference = [0x08, by_number, ...(number === 0 ? [] : [0x10, ...varint(number)])];
  const request = Buffer.from([0x0a, reference.length, ...reference, 0x10, 1]);
  const block = fields(fields(await call(address, 'weft.Storage/GetBlock', request))[1]);
  return `0x${block[1].toString('hex')}`;
}

/// @return  {id: score} of the peers that are connected
export async function peer_scores(address) {
  const peers = 4;
  const status = await call(address, 'weft.Network/Status', Buffer.alloc(0));
  return Object.fromEntries([...fields_of(status)].filter(([number]) => number === peers).map(([, bytes]) => {
    const peer = fields(bytes);
    return [peer[1].toString(), peer[9] ?? 0];
  }));
}
