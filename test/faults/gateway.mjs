// weft gateway under test: started on a free port, looked at through its own pages.
import { setTimeout as pause } from 'node:timers/promises';
import { start } from '../clients/lib/process.mjs';
import { until } from '../clients/lib/until.mjs';
import { weft } from './system.mjs';

const started = [];

export class Gateway {
  static async start(chosen, ...options) {
    const gateway = await Gateway.listening(chosen, ...options);
    await until('every upstream to be in use', async () => (await gateway.status()).upstreams
      .every(({ usable, head }) => usable && head > 0));
    return gateway;
  }

  /// One of which not all upstreams need be of use.
  static async listening(chosen, ...options) {
    const gateway = new Gateway();
    const urls = chosen.flatMap(({ url }) => ['--upstream', url]);
    gateway.process = start(weft, ['gateway', '--http', '127.0.0.1:0', ...urls, ...options]);
    started.push(gateway);
    const [, address] = await until('the gateway to listen', () => gateway.process.output.match(/^listening on (\S+)/m));
    gateway.url = `http://${address}`;
    return gateway;
  }

  async page(name) {
    return (await fetch(`${this.url}/${name}`)).text();
  }

  async status() {
    return JSON.parse(await this.page('status'));
  }

  /// How long the upstream was, or was not, in use until that changed; undefined if it did not.
  async time_until(index, usable, ms_max) {
    const begun = performance.now();
    while (performance.now() - begun < ms_max) {
      const status = await this.status();
      if (status.upstreams[index].usable === usable) return Math.round(performance.now() - begun);
      await pause(20);
    }
    return undefined;
  }

  /// One call; the reply as it is.
  async reply(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const headers = { 'content-type': 'application/json' };
    return (await fetch(this.url, { method: 'POST', headers, body })).json();
  }

  static end_all() {
    for (const { process: child } of started.splice(0)) child.kill('SIGKILL');
  }
}
