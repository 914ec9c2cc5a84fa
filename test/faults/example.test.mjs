// A service of one's own (example/advisor) in a system: its instances and what it depends on are frozen and killed,
// and who calls it notices nothing but an older answer.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { has_ended, run, start } from '../clients/lib/process.mjs';
import { until, within } from '../clients/lib/until.mjs';
import { System, weft } from './system.mjs';

const advisor = path.join(path.dirname(weft), 'example/advisor');
let system, registry;
const instances = [];

before(async () => {
  system = await System.start();
  const processes = await system.serving();
  registry = processes.find(({ name }) => name.startsWith('registry')).address;
  for (let i = 0; i < 3; ++i) instances.push(start(advisor, ['serve', '--registry', registry, '--id', `advisor-${i}`]));
  await until('three healthy advisors', async () => (await listed()).filter(({ healthy }) => healthy).length === 3);
});
after(async () => {
  for (const child of instances) if (!has_ended(child)) child.kill('SIGKILL');
  await system?.destroy();
});

async function listed() {
  const { stdout } = await run(weft, ['registry', 'list', '--registry', registry, '--service', 'advisor', '--json']);
  return JSON.parse(stdout).instances;
}

/// Calls without end until `faults` is over.
///
/// @return  what the client prints at its end: {failed, stale, slowest_ms, by}
async function asked_during(faults) {
  const client = start(advisor, ['ask', '--registry', registry, '--calls', '1000000', '--pause', '2']);
  try {
    await faults();
  } finally {
    client.kill('SIGINT');
  }
  const { code } = await within(20_000, 'the client to end', client.ended);
  const said = client.output.match(/(\d+) failed, (\d+) of earlier, slowest ([\d.]+) ms;(.*)/);
  assert.ok(said, client.output);
  const by = Object.fromEntries(said[4].trim().split(/ (?=advisor)/).map((entry) => entry.split(' ')));
  assert.equal(code, 0, client.output);
  return { failed: Number(said[1]), stale: Number(said[2]), slowest_ms: Number(said[3]), by };
}

test('an instance is frozen and one is killed: calls go elsewhere, at once', { timeout: 60_000 }, async (t) => {
  const seen = await asked_during(async () => {
    await pause(1_000);
    instances[0].kill('SIGSTOP');
    await pause(2_000);
    instances[0].kill('SIGCONT');
    instances[1].kill('SIGKILL');
    await pause(2_000);
  });
  t.diagnostic(JSON.stringify(seen));
  assert.equal(seen.failed, 0);
  assert.equal(Object.keys(seen.by).length, 3, 'not all were asked');
});

test('what it asks is frozen: it tells what it knew', { timeout: 60_000 }, async (t) => {
  const node = (await system.processes()).find(({ name }) => name.startsWith('node'));
  const seen = await asked_during(async () => {
    await pause(1_000);
    process.kill(node.pid, 'SIGSTOP');
    await pause(2_000);
    process.kill(node.pid, 'SIGCONT');
    await pause(1_000);
  });
  t.diagnostic(JSON.stringify(seen));
  assert.equal(seen.failed, 0);
  assert.ok(seen.stale > 0, 'nobody noticed that the node was away');
});

test('what breaks the contract is refused', { timeout: 20_000 }, async () => {
  const { code, stderr } = await run(advisor, ['ask', '--registry', registry, '--percentile', '101']);
  assert.equal(code, 1);
  assert.match(stderr, /failed_precondition: contract advice: its precondition does not hold/);
});
