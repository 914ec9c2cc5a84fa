// Nodes of each kind, with an empty chain and no mining of their own: {url, end()}.
import { foundry, free_port, root, start } from '../clients/lib/process.mjs';
import { genesis_time } from '../clients/lib/times.mjs';
import { until } from '../clients/lib/until.mjs';
import { System } from './system.mjs';

export const starts = {
  async weft() {
    const system = await System.start();
    await system.serving();
    return { url: system.url, end: () => system.destroy() };
  },
  /// @param of  with more of its options: an empty chain of its own, or what another node has by now
  /// @param port  in the place of one that has ended
  async anvil(of = ['--timestamp', String(genesis_time)], port = undefined) {
    port ??= await free_port();
    const child = start(foundry('anvil'), ['--port', String(port), '--no-mining', ...of]);
    await until('anvil to listen', () => /Listening on/.test(child.output), 60_000);
    return { url: `http://127.0.0.1:${port}`, end: () => child.kill('SIGKILL') };
  },
  async hardhat() {
    const port = await free_port();
    const args = ['node_modules/hardhat/dist/src/cli.js', 'node', '--network', 'twin', '--port', String(port)];
    const child = start(process.execPath, [...args, '--hostname', '127.0.0.1'], { cwd: root });
    await until('hardhat to listen', () => /Started HTTP/.test(child.output), 60_000);
    return { url: `http://127.0.0.1:${port}`, end: () => child.kill('SIGKILL') };
  },
};
