// Waits until the server at ENDPOINT, whose process is argv[2], answers; fails at once if that process ends.
import { rpc } from './rpc.mjs';
import { until } from './until.mjs';

const pid = Number(process.argv[2]);
await until('eth_chainId answers', async () => {
  process.kill(pid, 0);
  return rpc('eth_chainId').catch(() => undefined);
}, 60_000);
