// The JSON-RPC conformance files of the execution-apis specification, asked of a running weft that has imported the
// specification's chain: rpc.mjs WEFT FOLDER [--through-gateway LINKS] [FILTER]
//
//   FOLDER  the unpacked archive: openrpc.json, tests/{genesis.json,chain.rlp,METHOD/NAME.io}
//   LINKS   weft gateway answers, from the node behind a link for each: http or http,ws, say
//   FILTER  only files whose path has it; what a file sends changes what later files see
//
// One server answers all files in order. Prints what differs, and last "N passed, M failed".
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { has_ended, run, start } from '../clients/lib/process.mjs';
import { until, within } from '../clients/lib/until.mjs';
import { violation } from './schema.mjs';

const [weft, folder, ...rest] = process.argv.slice(2);
const schemes = rest[0] === '--through-gateway' ? rest.splice(0, 2)[1].split(',') : [];
const [filter = ''] = rest;
const tests = path.join(folder, 'tests');
const { methods } = JSON.parse(fs.readFileSync(path.join(folder, 'openrpc.json'), 'utf8'));
const schemas = new Map(methods.map(({ name, result }) => [name, result.schema]));

/// A file's requests with the answers they must get. If only_shape, the specification's schema decides.
function read_io(file) {
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const exchanges = [];
  for (const line of lines) {
    if (line.startsWith('>> ')) exchanges.push({ request: line.slice(3) });
    if (line.startsWith('<< ')) exchanges.at(-1).answer = JSON.parse(line.slice(3));
  }
  if (exchanges.length === 0 || exchanges.some(({ answer }) => answer === undefined)) {
    throw new Error(`${file}: not a file of requests and answers`);
  }
  return { exchanges, only_shape: lines.some((line) => /^\/\/\s*speconly:/.test(line)) };
}

/// Both without error messages, where both have one, at every depth: words are each client's own.
function without_messages(got, want) {
  if (Array.isArray(got) && Array.isArray(want)) return got.map((item, i) => without_messages(item, want[i]));
  if (got === null || want === null || typeof got !== 'object' || typeof want !== 'object') return got;
  return Object.fromEntries(Object.entries(got).map(([name, member]) => {
    if (name !== 'error' || typeof member?.message !== 'string' || typeof want.error?.message !== 'string') {
      return [name, without_messages(member, want[name])];
    }
    return [name, without_messages({ ...member, message: want.error.message }, want.error)];
  }));
}

/// The first place where two values differ; undefined if nowhere.
function difference(got, want, at = '') {
  if (isDeepStrictEqual(got, want)) return undefined;
  const both = [got, want];
  if (both.every((value) => value !== null && typeof value === 'object') && Array.isArray(got) === Array.isArray(want)) {
    for (const name of new Set([...Object.keys(got), ...Object.keys(want)])) {
      const found = difference(got[name], want[name], `${at}.${name}`);
      if (found !== undefined) return found;
    }
  }
  const [short_got, short_want] = both.map((value) => (JSON.stringify(value) ?? 'nothing').slice(0, 200));
  return `${at}: ${short_got}, not ${short_want}`;
}

async function what_is_wrong(url, { exchanges, only_shape }) {
  for (const { request, answer } of exchanges) {
    const response = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: request,
      signal: AbortSignal.timeout(30_000),
    });
    const got = await response.json();
    const { method } = JSON.parse(request);
    if (only_shape && !('error' in got)) {
      if (!schemas.has(method)) return `${method}: no schema`;
      const wrong = violation(schemas.get(method), got.result);
      if (wrong !== undefined) return `${method}: ${wrong}`;
      continue;
    }
    const differs = difference(without_messages(got, answer), answer);
    if (differs !== undefined) return `${method}: ${differs} (${got.error?.message ?? 'no error'})`;
  }
  return undefined;
}

function io_files() {
  return fs.readdirSync(tests, { recursive: true }).filter((name) => name.endsWith('.io') && name.includes(filter))
    .sort((a, b) => (a < b ? -1 : 1));
}

/// Where a weft listens that was just started.
async function address_of(server, says) {
  const [, address] = await until('weft to listen', () => {
    if (has_ended(server)) throw new Error(`weft ended:\n${server.output}`);
    return server.output.match(says);
  }, 60_000);
  return address;
}

async function ask_all(url) {
  let passed = 0;
  let failed = 0;
  for (const name of io_files()) {
    const wrong = await what_is_wrong(url, read_io(path.join(tests, name))).catch((error) => `no answer: ${error.cause ?? error}`);
    if (wrong === undefined) {
      ++passed;
    } else {
      ++failed;
      console.log(`FAIL ${name}: ${wrong}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-conformance-'));
const chain = ['--genesis', path.join(tests, 'genesis.json'), '--data', data];
const servers = [];
try {
  const imported = await run(weft, ['import', ...chain, path.join(tests, 'chain.rlp')]);
  if (imported.code !== 0) throw new Error(`weft import failed: ${imported.stderr}`);
  const exported = path.join(data, 'exported.rlp');
  const { code, stderr } = await run(weft, ['export', '--data', data, exported]);
  if (code !== 0) throw new Error(`weft export failed: ${stderr}`);
  const [out, original] = [exported, path.join(tests, 'chain.rlp')].map((file) => fs.readFileSync(file));
  if (!out.equals(original)) throw new Error('weft export writes another chain than weft import has read');
  // The chain ends where the files say: nothing that they send may get into a block.
  servers.unshift(start(weft, ['up', ...chain, '--http', '127.0.0.1:0', '--no-mining']));
  let address = await address_of(servers[0], /Listening on (\S+) \(HTTP and WebSocket\)/);
  if (schemes.length > 0) {
    const upstreams = schemes.flatMap((scheme) => ['--upstream', `${scheme}://${address}`]);
    servers.unshift(start(weft, ['gateway', ...upstreams, '--http', '127.0.0.1:0']));
    address = await address_of(servers[0], /^listening on (\S+)/m);
  }
  process.exitCode = await ask_all(`http://${address}`) ? 0 : 1;
} finally {
  for (const server of servers) {
    server.kill('SIGINT');
    await within(30_000, 'weft to end', server.ended);
  }
  fs.rmSync(data, { recursive: true });
}
