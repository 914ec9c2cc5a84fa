// Upstreams of a gateway that fail on command, each a process of its own (fault_proxy.mjs) before one node, so that all
// tell of one chain.
import { fork } from 'node:child_process';
import path from 'node:path';
import { free_port } from '../clients/lib/process.mjs';
import { within } from '../clients/lib/until.mjs';

export class FaultyUpstream {
  static async start(node_url, scheme) {
    const upstream = Object.assign(new FaultyUpstream(), { node_url, port: await free_port() });
    upstream.url = `${scheme}://127.0.0.1:${upstream.port}`;
    await upstream.begin();
    return upstream;
  }

  async begin() {
    this.child = fork(path.join(import.meta.dirname, 'fault_proxy.mjs'), [this.node_url, String(this.port)]);
    this.ended = new Promise((resolve) => { this.child.on('exit', resolve); });
    await this.heard();
  }

  heard() {
    return within(20_000, 'a word of the upstream', new Promise((resolve) => { this.child.once('message', resolve); }));
  }

  /// Makes it fail so until heal(); `stopped` and `killed` are its process's, the others fault_proxy.mjs's modes.
  ///
  /// @param ms  how slow, or how long after the node's answer it is cut
  async fail(mode, ms = 0) {
    this.mode = mode;
    if (mode === 'stopped') {
      this.child.kill('SIGSTOP');
    } else if (mode === 'killed') {
      this.child.kill('SIGKILL');
      await this.ended;
    } else {
      await this.set(mode, ms);
    }
  }

  async heal() {
    if (this.mode === 'killed') await this.begin();
    else if (this.mode === 'stopped') this.child.kill('SIGCONT');
    else await this.set('healthy');
  }

  async set(mode, ms = 0) {
    this.child.send({ mode, ms });
    await this.heard();
  }

  async end() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
