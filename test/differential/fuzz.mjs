// The fuzzer: cases until the time is over, each run by weft in all its ways and by the peers; what differs is made
// small and kept as a state test.

import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { differences, first_difference } from './compare.mjs';
import { explanation } from './known.mjs';
import { shrink } from './shrink.mjs';
import { Weft } from './weft.mjs';

const seeds_apart = 1_000_000_000n; // so that runs of neighbouring seeds have no case in common
const fixture_bytes_max = 300_000;
const found_max = 50; // then something is wrong with all of them
const block_each = 4n; // after so many cases comes a block of many transactions, in order and ahead
const traced_each = 16n; // of so many cases one is compared step by step, with peers whose steps are like weft's

/** State test files below a folder, the large ones left out. */
async function fixture_files(folder) {
  const out = [];
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    if (name.endsWith('.json') && !name.includes('.meta') && (await stat(path)).size <= fixture_bytes_max)
      out.push(path);
  }
  if (out.length === 0) throw new Error(`${folder}: no fixtures`);
  return out;
}

export class Fuzzer {
  /**
   * @param options  program: weft's side; peers: opened ones; seed, seconds, cases_min (however long they take),
   *                 cases_max; fixtures: a folder of state tests, every other case is then one of them, changed;
   *                 folder: for what is found; say: for lines.
   */
  constructor(options) {
    this.options = { cases_min: 1, cases_max: Infinity, say: console.log, ...options };
    this.weft = new Weft(options.program);
    this.report = {
      cases: 0, asked: {}, found: [], explained: {}, failures: {}, refused: 0, mutated: 0, traced: 0, steps: 0,
      blocks: { count: 0, executed: 0, held: 0, repeated: 0 },
    };
    for (const { name } of options.peers) this.report.asked[name] = 0;
  }

  async run() {
    const { seed, seconds, cases_min, cases_max, fixtures, peers } = this.options;
    const files = fixtures ? await fixture_files(fixtures) : [];
    const start = performance.now();
    const elapsed = () => (performance.now() - start) / 1000;
    let next_word = 60;
    for (let i = 0n; (elapsed() < seconds || this.report.cases < cases_min) && this.report.cases < cases_max; ++i) {
      const number = BigInt(seed) * seeds_apart + i;
      const mutated = files.length > 0 && i % 2n === 1n;
      this.traces = i % traced_each === 0n;
      await this.one(mutated ? `mutate ${number} ${files[Number((number * 2654435761n) % BigInt(files.length))]}`
        : `generate ${number}`);
      if (mutated) ++this.report.mutated;
      if (i % block_each === 0n) await this.block(`block ${number}`);
      if (this.report.found.length >= found_max) break;
      if (elapsed() > next_word) {
        next_word += 60;
        this.options.say(`${Math.round(elapsed())} s: ${this.report.cases} cases, ${this.report.found.length} differ`);
      }
    }
    this.report.seconds = elapsed();
    this.report.coverage = JSON.parse(await this.weft.text('coverage'));
    this.weft.stop();
    for (const peer of peers) peer.stop();
    return this.report;
  }

  async one(request) {
    let reply;
    try {
      reply = JSON.parse(await this.weft.text(request));
    } catch (error) {
      await this.keep(request, 'weft', undefined, [error.message]);
      this.weft = new Weft(this.options.program);
      return;
    }
    if (reply.error) return; // a fixture that is no state test of one transaction
    ++this.report.cases;
    const { case: subject, weft: ours, tiers } = reply;
    if (ours.refused) ++this.report.refused;
    if (tiers) await this.tiers_differ(request, subject, ours, tiers);
    await Promise.all(this.options.peers.map((peer) => this.compare(request, peer, subject, ours)));
  }

  /** Peers run one transaction; here weft's execution ahead of the turn is held against that in order. */
  async block(request) {
    const reply = await this.weft.ask(request);
    const { blocks } = this.report;
    ++blocks.count;
    for (const what of ['executed', 'held', 'repeated']) blocks[what] += reply[what];
    if (reply.agrees) return;
    const alike = (same) => (same ? 'alike' : 'differ');
    await this.keep(request, 'ahead', undefined, [`${reply.fork}, ${reply.transactions} transactions, ` +
      `answers ${alike(reply.answers)}, receipts ${alike(reply.receipts)}`]);
  }

  async tiers_differ(request, subject, ours, tiers) {
    const small = await shrink(subject, async (candidate) => Boolean((await this.weft.run(candidate)).tiers));
    const lines = Object.entries(tiers).flatMap(([name, theirs]) => [`${name}:`, ...differences(ours, theirs)]);
    await this.keep(request, 'tiers', (await this.weft.run(small)).case, lines, ours);
  }

  async ask(peer, subject, ours) {
    if (peer.asks && !peer.asks(subject, ours)) return undefined;
    const theirs = await peer.run(subject, ours);
    const lines = differences(ours, theirs);
    if (this.traces && peer.traces && lines.length === 0 && !ours.refused) {
      const steps = await this.weft.trace(subject);
      lines.push(...first_difference(steps, await peer.trace(subject, ours)));
      ++this.report.traced;
      this.report.steps += steps.length;
    }
    return { theirs, lines, why: lines.length > 0 ? explanation(peer.name, subject, ours, theirs, lines) : undefined };
  }

  async compare(request, peer, subject, ours) {
    let asked;
    try {
      asked = await this.ask(peer, subject, ours);
    } catch (error) {
      const what = `${peer.name}: ${error.message.slice(0, 100)}`;
      this.report.failures[what] ??= { count: 0, first: request };
      ++this.report.failures[what].count;
      return;
    }
    if (!asked) return;
    ++this.report.asked[peer.name];
    if (asked.lines.length === 0) return;
    if (asked.why) {
      this.report.explained[`${peer.name}: ${asked.why}`] ??= { count: 0, first: request };
      ++this.report.explained[`${peer.name}: ${asked.why}`].count;
      return;
    }
    const still = async (candidate) => {
      const again = await this.weft.run(candidate);
      const result = await this.ask(peer, again.case, again.weft);
      return result !== undefined && result.lines.length > 0 && !result.why &&
        result.theirs.refused === asked.theirs.refused;
    };
    const small = await shrink(subject, still);
    const { case: final, weft: again } = await this.weft.run(small);
    const { theirs, lines } = await this.ask(peer, final, again);
    if (!theirs.refused && !again.refused && !lines[0]?.startsWith('step ')) {
      try {
        lines.push(...first_difference(await this.weft.trace(final), await peer.trace(final, again)));
      } catch (error) {
        lines.push(`no trace: ${error.message}`);
      }
    }
    await this.keep(request, peer.name, final, lines, theirs);
  }

  /** Notes a difference and, if there is a case, writes it as a state test whose result is what the peer says. */
  async keep(request, peer, subject, lines, expected) {
    const name = `${request.split(' ').slice(0, 2).join('-')}-${peer}`;
    this.options.say([`DIFFERS ${request} (${peer})`, ...lines.map((line) => `    ${line.slice(0, 300)}`)].join('\n'));
    this.report.found.push({ request, peer, lines, subject });
    if (!this.options.folder || !subject) return;
    await mkdir(this.options.folder, { recursive: true });
    const post = expected.post ?? subject.pre;
    const fixture = await this.weft.ask(`fixture ${JSON.stringify({ ...subject, ...expected, post, name })}`);
    await writeFile(join(this.options.folder, `${name}.json`), `${JSON.stringify(fixture, null, 1)}\n`);
    await writeFile(join(this.options.folder, `${name}.txt`), `${request}\n${lines.join('\n')}\n`);
  }
}

/** The report as lines for people. */
export function describe(report) {
  const { cases, seconds, coverage } = report;
  const out = [`${cases} cases in ${seconds.toFixed(1)} s, ${(cases / seconds).toFixed(1)} cases/s; ` +
    `${report.refused} refused, ${report.mutated} changed fixtures`];
  for (const [peer, count] of Object.entries(report.asked)) out.push(`compared with ${peer}: ${count}`);
  out.push("compared with weft's translated and its traced code: all");
  out.push(`compared step by step: ${report.traced} cases, ${report.steps} steps`);
  out.push(`blocks in order and ahead: ${report.blocks.count}, of ${report.blocks.executed} transactions; ` +
    `${report.blocks.held} results ahead held, ${report.blocks.repeated} were repeated`);
  for (const [fork, of] of Object.entries(coverage.revisions)) {
    const opcodes = Object.entries(of.opcodes);
    const not = opcodes.filter(([, count]) => count === 0).map(([name]) => name);
    out.push(`${fork}: ${of.cases} cases, depth ${of.depth}, ${opcodes.reduce((sum, [, count]) => sum + count, 0)} ` +
      `instructions, ${opcodes.length - not.length} of ${opcodes.length} opcodes` +
      (not.length > 0 && not.length <= 12 ? `, not ${not.join(' ')}` : ''));
  }
  const endings = {};
  for (const of of Object.values(coverage.revisions))
    for (const [name, count] of Object.entries(of.endings)) endings[name] = (endings[name] ?? 0) + count;
  out.push(`frames ended: ${Object.entries(endings).map(([name, count]) => `${name} ${count}`).join(', ')}`);
  out.push(`precompiles (output / none / failure): ${Object.entries(coverage.precompiles).map(([number, of]) =>
    `${Number(number).toString(16)}: ${of.succeeded}/${of.without_output}/${of.failed}`).join(', ')}`);
  for (const [what, { count, first }] of Object.entries(report.explained))
    out.push(`known, ${count} times (${first}): ${what}`);
  for (const [what, { count, first }] of Object.entries(report.failures))
    out.push(`peer failed, ${count} times (${first}): ${what}`);
  out.push(`${report.found.length} differences`);
  return out;
}
