// Validators in network namespaces of their own: real processes, real interfaces, a link that can be cut. Each node has
// a registry and a gateway beside it, as if each were on a machine of its own.
//
//     left -- wire -- right          two bridges, in a namespace of their own
//    |    |          |     |
//  node-0 node-1  node-2 node-3      each namespace has a second interface, for the tests
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { has_ended, run, start } from '../clients/lib/process.mjs';
import { until, within } from '../clients/lib/until.mjs';

const weft = path.resolve(process.env.WEFT_BIN ?? path.join(import.meta.dirname, '../../build/release/weft'));
const count = 4;
/// In the order in which they start.
export const services = ['registry', 'node', 'gateway'];

/// Why no namespace can be made here; undefined: they can.
export function why_not() {
  const name = `weft-try-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.error) return 'no program ip (Debian: iproute2)';
  if (made.status !== 0) return `ip netns add: ${made.stderr.trim()}`;
  // Some containers have namespaces and no interfaces to put into them.
  const link = spawnSync('ip', ['-n', name, 'link', 'add', 'weft-l', 'type', 'veth', 'peer', 'name',
    'weft-r'],
    { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', name]);
  return link.status === 0 ? undefined : `ip link add type veth: ${link.stderr.trim()}`;
}

async function must(program, ...args) {
  const { code, stderr } = await run(program, args, { timeout_ms: 20_000 });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
const ip = (...args) => must('ip', ...args);

export class Network {
  static async start() {
    const network = new Network();
    network.hub = `weft-${process.pid}-hub`;
    network.data = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-netns-'));
    // Not the network of another run.
    const subnet = 64 + process.pid % 190;
    network.nodes = Array.from({ length: count }, (_, i) => new Node(network, i, subnet));
    try {
      await network.make_links();
      const { code, stdout, stderr } = await run(weft, ['validator', 'init', '--data', network.data, '--at',
        network.nodes.map(({ p2p }) => p2p).join(',')]);
      if (code !== 0) throw new Error(`weft validator init: ${stdout}${stderr}`);
      for (const node of network.nodes) node.write_config();
      for (const node of network.nodes) for (const name of services) node.start(name);
    } catch (error) {
      await network.destroy();
      throw error;
    }
    return network;
  }

  async make_links() {
    await ip('netns', 'add', this.hub);
    for (const bridge of ['left', 'right']) {
      await ip('-n', this.hub, 'link', 'add', bridge, 'type', 'bridge');
      await ip('-n', this.hub, 'link', 'set', bridge, 'up');
    }
    await ip('-n', this.hub, 'link', 'add', 'wire-l', 'type', 'veth', 'peer', 'name', 'wire-r');
    await ip('-n', this.hub, 'link', 'set', 'wire-l', 'master', 'left', 'up');
    await ip('-n', this.hub, 'link', 'set', 'wire-r', 'master', 'right', 'up');
    for (const node of this.nodes) await node.make_links();
  }

  /// Cuts node-0 and node-1 from node-2 and node-3, without a word to either side.
  cut() {
    return ip('-n', this.hub, 'link', 'set', 'wire-l', 'down');
  }
  heal() {
    return ip('-n', this.hub, 'link', 'set', 'wire-l', 'up');
  }

  async destroy() {
    for (const node of this.nodes) for (const name of services) await node.kill(name);
    for (const { namespace } of this.nodes) await run('ip', ['netns', 'del', namespace]);
    await run('ip', ['netns', 'del', this.hub]);
    for (const { folder, is_mounted } of this.nodes) if (is_mounted) await run('umount', [folder]);
    fs.rmSync(this.data, { recursive: true, force: true });
  }
}

class Node {
  constructor(network, index, subnet) {
    Object.assign(this, { network, index, name: `node-${index}`, children: new Map(), is_mounted: false });
    this.namespace = `weft-${process.pid}-${index}`;
    this.p2p = `10.${subnet}.255.${index + 1}:30303`;
    this.outside = `10.${subnet}.${index}.1`;
    this.inside = `10.${subnet}.${index}.2`;
    this.url = `http://${this.inside}:8545`;
    this.folder = path.join(network.data, this.name);
    this.config = path.join(network.data, `${this.name}.yaml`);
  }

  async make_links() {
    const { hub } = this.network;
    const outer = `wf${process.pid}-${this.index}`; // at most 15 characters
    await ip('netns', 'add', this.namespace);
    await ip('-n', this.namespace, 'link', 'set', 'lo', 'up');
    await ip('-n', hub, 'link', 'add', this.name, 'type', 'veth', 'peer', 'name', 'p2p', 'netns', this.namespace);
    await ip('-n', hub, 'link', 'set', this.name, 'master', this.index < count / 2 ? 'left' : 'right', 'up');
    await ip('-n', this.namespace, 'address', 'add', `${this.p2p.split(':')[0]}/24`, 'dev', 'p2p');
    await ip('-n', this.namespace, 'link', 'set', 'p2p', 'up');
    await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'tests', 'netns', this.namespace);
    await ip('address', 'add', `${this.outside}/30`, 'dev', outer);
    await ip('link', 'set', outer, 'up');
    await ip('-n', this.namespace, 'address', 'add', `${this.inside}/30`, 'dev', 'tests');
    await ip('-n', this.namespace, 'link', 'set', 'tests', 'up');
  }

  write_config() {
    const text = fs.readFileSync(path.join(this.network.data, 'weft.yaml'), 'utf8');
    fs.writeFileSync(this.config, text.replace(/^http:.*$/m, `http: "${this.inside}:8545"`));
  }

  /// @param environment  for this process alone: what is preloaded into it
  start(name, environment = {}) {
    const args = ['netns', 'exec', this.namespace, weft, 'run', name, '--config', this.config, '--registry',
      '127.0.0.1:9000'];
    if (name === 'node') args.push('--id', this.name, '--p2p', this.p2p);
    this.children.set(name, start('ip', args, { env: { ...process.env, ...environment } }));
  }

  /// As a crash would; the child is `ip` become weft, so its pid is weft's.
  async kill(name) {
    const child = this.children.get(name);
    if (!child) return;
    child.kill('SIGKILL');
    await within(20_000, `${name} of ${this.name} to end`, child.ended);
  }

  async restart(name, environment) {
    await this.kill(name);
    this.start(name, environment);
  }

  /// @return  the reply's result, or {code, message} of its error as `error`
  async ask(method, params = [], headers = {}) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(15_000),
    });
    return response.json();
  }

  /// The newest block's number; undefined: the node does not answer now.
  async head() {
    const reply = await this.ask('eth_blockNumber').catch(() => ({}));
    return 'result' in reply ? Number(reply.result) : undefined;
  }

  async block(number) {
    const { result } = await this.ask('eth_getBlockByNumber', [`0x${number.toString(16)}`, false]);
    return result;
  }

  /// Waits until the node has a block of at least this number.
  reaches(number, timeout_ms) {
    return until(`${this.name} at block ${number}`, async () => {
      for (const [name, child] of this.children) {
        if (has_ended(child)) throw new Error(`${name} of ${this.name} ended:\n${child.output.slice(-2000)}`);
      }
      return await this.head() >= number;
    }, timeout_ms);
  }

  /// Puts the node's folder on a small disk of its own; the node must not run.
  async move_to_small_disk(mib) {
    const copy = `${this.folder}.copy`;
    fs.cpSync(this.folder, copy, { recursive: true });
    await must('mount', '-t', 'tmpfs', '-o', `size=${mib}m`, 'weft-small-disk', this.folder);
    this.is_mounted = true;
    fs.cpSync(copy, this.folder, { recursive: true });
    fs.rmSync(copy, { recursive: true });
  }
}
