// A whole weft under test: started, looked at through `weft status`, and gone without trace afterwards.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { free_port, has_ended, run, start } from '../clients/lib/process.mjs';
import { until, within } from '../clients/lib/until.mjs';

export const weft = path.resolve(process.env.WEFT_BIN ?? path.join(import.meta.dirname, '../../build/release/weft'));

export class System {
  /// Starts `weft up --dev` on a free port with a data folder of its own.
  ///
  /// @param options  more of its options
  static start(...options) {
    return System.start_chain('--dev', ...options);
  }

  /// Starts `weft up` likewise: without --dev a chain with validators.
  static start_chain(...options) {
    return System.#start(make_folder(), options);
  }

  /// A chain with validators whose genesis file `change` has changed.
  static async start_chain_of(change, ...options) {
    const data = make_folder();
    const { code, stderr } = await run(weft, ['validator', 'init', '--data', data, ...options]);
    if (code !== 0) throw new Error(`weft validator init: ${stderr}`);
    const file = path.join(data, 'genesis.json');
    const genesis = JSON.parse(fs.readFileSync(file, 'utf8'));
    change(genesis);
    fs.writeFileSync(file, JSON.stringify(genesis));
    return System.#start(data, options);
  }

  static async #start(data, options) {
    const system = new System();
    system.data = data;
    const port = await free_port();
    system.url = `http://127.0.0.1:${port}`;
    system.pids_seen = new Set();
    system.supervisor = start(weft, ['up', '--http', `127.0.0.1:${port}`, '--data', system.data, ...options]);
    return system;
  }

  /// The processes of the running system, one entry each though it may hold several services.
  ///
  /// @return  [{name, pid, address, health, restarts}], the supervisor not among them; undefined when the system did not answer.
  async processes() {
    const { code, stdout } = await run(weft, ['status', '--json', '--data', this.data], { timeout_ms: 10_000 });
    if (code !== 0) return undefined;
    const by_pid = new Map();
    for (const { name, pid, address, health, restarts } of JSON.parse(stdout).processes) {
      if (!(pid > 0) || pid === this.supervisor.pid || by_pid.has(pid)) continue;
      by_pid.set(pid, { name, pid, address, health, restarts });
    }
    for (const pid of by_pid.keys()) this.pids_seen.add(pid);
    return [...by_pid.values()];
  }

  /// What each validator does to catch up, {process: text}, empty once it has; undefined when the system did not answer.
  async syncs() {
    const { code, stdout } = await run(weft, ['status', '--json', '--data', this.data], { timeout_ms: 10_000 });
    return code === 0 ? Object.fromEntries(JSON.parse(stdout).sync.map(({ name, doing }) => [name, doing])) : undefined;
  }

  /// Waits until every process serves and the gateway answers.
  serving(timeout_ms = 60_000) {
    return until('every process to serve', async () => {
      if (has_ended(this.supervisor)) throw new Error(`weft up ended:\n${this.supervisor.output}`);
      const processes = await this.processes();
      return processes?.length > 0 && processes.every(({ health }) => health === 'serving')
        && await this.answers() && processes;
    }, timeout_ms);
  }

  async answers() {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] });
    const options = { method: 'POST', body, headers: { 'content-type': 'application/json' } };
    const reply = await fetch(this.url, { ...options, signal: AbortSignal.timeout(10_000) })
      .then((response) => response.json()).catch(() => ({}));
    return 'result' in reply;
  }

  /// Kills one process as a crash would, and waits until the supervisor has put another in its place.
  async kill(name, timeout_ms = 30_000) {
    const { pid } = (await this.processes()).find((process) => process.name === name);
    if (!this.is_ours(pid)) throw new Error(`${name} says it is process ${pid}, which is not of this system`);
    process.kill(pid, 'SIGKILL');
    await until(`${name} in a new process`, async () => {
      const found = (await this.processes())?.find((process) => process.name === name);
      return found && found.pid !== pid && found.health === 'serving';
    }, timeout_ms);
  }

  /// Processor time that a process has used, in clock ticks.
  ticks_of(pid) {
    const [utime, stime] = stat_of(pid).slice(11, 13).map(Number);
    return utime + stime;
  }

  /// Interrupts the supervisor as Ctrl-C does and gives how it ended.
  interrupt(timeout_ms = 20_000) {
    this.supervisor.kill('SIGINT');
    return within(timeout_ms, 'the supervisor to end', this.supervisor.ended);
  }

  /// Whether the process is a descendant of the supervisor.
  is_ours(pid) {
    for (let at = pid; at > 1; at = parent_of(at)) if (at === this.supervisor.pid) return true;
    return false;
  }

  /// Processes of this system that are alive, found by pid and, had they changed it, by the data folder they were given.
  left_over() {
    return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
      if (pid === process.pid || state_of(pid) === 'Z') return false;
      return this.pids_seen.has(pid) || command_of(pid).includes(this.data);
    });
  }

  /// Ends whatever a failed test left and removes the data.
  destroy() {
    if (!has_ended(this.supervisor)) this.supervisor.kill('SIGKILL');
    for (const pid of this.left_over()) {
      // Its command is looked at once more: a number that was seen may by now be somebody else's.
      const command = command_of(pid);
      if (command.includes(this.data) || command.includes(path.basename(weft))) process.kill(pid, 'SIGKILL');
    }
    fs.rmSync(this.data, { recursive: true, force: true });
  }
}

const make_folder = () => fs.mkdtempSync(path.join(os.tmpdir(), 'weft-faults-'));

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}

const command_of = (pid) => read(`/proc/${pid}/cmdline`);
/// Fields after the name, which is in brackets and may hold anything: state, parent, ...
const stat_of = (pid) => read(`/proc/${pid}/stat`).split(') ').at(-1).split(' ');
const state_of = (pid) => stat_of(pid)[0];
const parent_of = (pid) => Number(stat_of(pid)[1] ?? 0);
