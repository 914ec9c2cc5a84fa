// Processes of the contract service are killed in turn while clients call and trace: nobody sees an error or a wrong
// answer, with another process left or with none.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until, within } from '../clients/lib/until.mjs';
import { System } from './system.mjs';

const client_count = 4;
const call_ms_max = 15_000;
let system, clients, rpc, contract, sent;
/// Without input it answers with ten times slot 0; with some it adds one to it.
const code = '0x' + '36601257' + '600054600a026000526020' + '6000f3' + '5b' + '600160005401600055' + '00';

before(async () => {
  system = await System.start('--contracts', '2');
  await system.serving();
  process.env.ENDPOINT = system.url;
  ({ rpc } = await import('../clients/lib/rpc.mjs'));
  contract = '0x00000000000000000000000000000000000000c0';
  await rpc('anvil_setCode', contract, code);
  const [from] = await rpc('eth_accounts');
  sent = [];
  for (let i = 0; i < 3; ++i) sent.push(await rpc('eth_sendTransaction', { from, to: contract, data: '0x01' }));
  assert.equal(BigInt(await rpc('eth_call', { to: contract }, 'latest')), 30n);
  clients = Array.from({ length: client_count }, (_, i) => new Client(i));
  for (const client of clients) client.ended = client.run();
});
after(() => system?.destroy());

/// Asks one thing after another and knows what the answer must be.
class Client {
  constructor(index) {
    Object.assign(this, { index, answers: 0, faults: [], is_stopped: false });
  }
  async run() {
    const word = (value) => `0x${value.toString(16).padStart(64, '0')}`;
    const asks = [
      () => this.ask((result) => result === word(30n), 'eth_call', { to: contract }, 'latest'),
      () => this.ask((result) => result === word(10n), 'eth_call', { to: contract }, '0x1'),
      () => this.ask((result) => BigInt(result) > 21_000n, 'eth_estimateGas', { to: contract, data: '0x01' }),
      () => this.ask((result) => result.to === contract && !result.error, 'debug_traceTransaction',
        sent[this.answers % sent.length], { tracer: 'callTracer' }),
      () => this.ask((result) => result.structLogs.at(-1).op === 'STOP', 'debug_traceTransaction', sent[1]),
      () => this.ask((result) => result.accessList.length === 1, 'eth_createAccessList', { to: contract }, 'latest'),
      () => this.ask((result) => result[0].calls[0].returnData === word(30n), 'eth_simulateV1',
        { blockStateCalls: [{ calls: [{ to: contract }] }] }, 'latest'),
    ];
    for (let i = this.index; !this.is_stopped; ++i) await asks[i % asks.length]();
  }
  async ask(is_right, method, ...params) {
    const began = performance.now();
    try {
      const response = await fetch(system.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        signal: AbortSignal.timeout(call_ms_max),
      });
      const reply = await response.json();
      if (!('result' in reply) || !is_right(reply.result)) throw new Error(JSON.stringify(reply).slice(0, 300));
      ++this.answers;
    } catch (error) {
      this.faults.push(`${method}, ${Math.round(performance.now() - began)} ms: ${error.message}`);
      await pause(100);
    }
  }
}

function all_progress(count) {
  const goals = clients.map((client) => client.answers + count);
  return until('every client to go on', () => {
    const faults = clients.flatMap((client) => client.faults);
    if (faults.length > 0) throw new Error(faults.slice(0, 5).join('\n'));
    return clients.every((client, i) => client.answers >= goals[i]);
  }, 60_000);
}

test('the contract processes share the work', { timeout: 120_000 }, async (t) => {
  const processes = (await system.processes()).filter(({ name }) => name.startsWith('contract-'));
  assert.deepEqual(processes.map(({ name }) => name), ['contract-0', 'contract-1']);
  const before_ticks = processes.map(({ pid }) => system.ticks_of(pid));
  await all_progress(300);
  const ticks = processes.map(({ pid }, i) => system.ticks_of(pid) - before_ticks[i]);
  t.diagnostic(`processor time in ticks of 10 ms: ${ticks}`);
  for (const used of ticks) assert.ok(used > 0, 'a process that does nothing');
});

test('killed in turn, nobody notices', { timeout: 300_000 }, async (t) => {
  for (let round = 0; round < 4; ++round) {
    const name = `contract-${round % 2}`;
    const began = performance.now();
    await system.kill(name);
    await all_progress(20);
    t.diagnostic(`${name}: killed, replaced and everybody going on after ${Math.round(performance.now() - began)} ms`);
  }
});

test('with all of them killed at once the node answers', { timeout: 120_000 }, async () => {
  await Promise.all([system.kill('contract-0'), system.kill('contract-1')]);
  await all_progress(20);
});

test('no client saw an error or a wrong answer', { timeout: 120_000 }, async (t) => {
  for (const client of clients) client.is_stopped = true;
  await within(30_000, 'the clients to finish', Promise.all(clients.map((client) => client.ended)));
  assert.deepEqual(clients.flatMap((client) => client.faults), []);
  t.diagnostic(`${clients.reduce((sum, client) => sum + client.answers, 0)} answers`);
  await system.interrupt();
});
