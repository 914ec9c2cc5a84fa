// The fuzzer finds what is wrong, and finds nothing wrong with weft.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { describe, Fuzzer } from './fuzz.mjs';
import { open_peers, program } from './peers.mjs';
import { Weft } from './weft.mjs';

const weft_program = process.env.WEFT_BIN ?? fileURLToPath(new URL('../../build/release/weft', import.meta.url));

/** weft itself, but for one gas more in whatever runs a MULMOD. */
function wrong_peer() {
  const weft = new Weft(program);
  return {
    name: 'wrong',
    async run(subject, ours) {
      const theirs = structuredClone(ours);
      if (!ours.refused && (await weft.trace(subject)).some(([, , name]) => name === 'MULMOD')) ++theirs.gasUsed;
      return theirs;
    },
    trace: (subject) => weft.trace(subject),
    stop: () => weft.stop(),
  };
}

test('a wrong price is found, made small, and kept as a state test', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'differential-'));
  try {
    const fuzzer = new Fuzzer({
      program, peers: [wrong_peer()], seed: 5, seconds: 60, cases_max: 40, folder, say() {},
    });
    const { found } = await fuzzer.run();
    assert.notEqual(found.length, 0);
    for (const { subject, lines } of found) {
      assert.match(lines[0], /^gas used: weft (\d+), peer \d+$/);
      const codes = Object.values(subject.pre).map((account) => account.code);
      const code = [subject.transaction.data[0], ...codes].join('');
      assert.match(code, /09/);
      assert.ok(code.length < 2000, `${code.length / 2} bytes are left`);
    }
    const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    assert.equal(files.length, found.length);
    // What the peer says of state and logs is what weft says; only its gas was wrong.
    const again = spawnSync(weft_program, ['statetest', folder], { encoding: 'utf8' });
    assert.match(again.stdout, new RegExp(`\n?${files.length} passed, 0 failed\n$`));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('weft in all its ways, EthereumJS and revm agree', async () => {
  const fuzzer = new Fuzzer({
    program, peers: await open_peers(['ethereumjs', 'anvil']), seed: 1, seconds: 25, cases_min: 250,
    folder: fileURLToPath(new URL('../../build/found', import.meta.url)),
  });
  const report = await fuzzer.run();
  console.log(describe(report).join('\n'));
  assert.deepEqual(report.found, []);
  // EthereumJS asks JavaScript for an array of 2^255 bytes when there is gas enough; it is not to happen often.
  const failures = Object.values(report.failures).reduce((sum, { count }) => sum + count, 0);
  assert.ok(failures <= report.cases / 100, JSON.stringify(report.failures));
  for (const [peer, count] of Object.entries(report.asked)) assert.ok(count > 50, `${peer} was asked ${count} times`);
  assert.ok(report.traced > 0 && report.steps > 1000, `${report.steps} steps`);
  assert.ok(report.blocks.held > 0 && report.blocks.repeated > 0, 'blocks ran ahead, and some in vain');
  const { opcodes, cases } = report.coverage.revisions.Osaka;
  const executed = Object.values(opcodes).filter((count) => count > 0).length;
  assert.ok(executed > 100, `${executed} opcodes in ${cases} cases`);
});
