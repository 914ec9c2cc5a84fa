import { createRequire } from 'node:module';
import viem from '@nomicfoundation/hardhat-viem';
import { defineConfig } from 'hardhat/config';
import { mnemonic } from './lib/accounts.mjs';
import { genesis_time } from './lib/times.mjs';
import { http_url } from './lib/rpc.mjs';

export default defineConfig({
  plugins: [viem],
  paths: { sources: './contracts', cache: './build/hardhat/cache', artifacts: './build/hardhat/artifacts' },
  solidity: {
    version: '0.8.37',
    path: createRequire(import.meta.url).resolve('solc/soljson.js'), // else Hardhat downloads a compiler
    settings: { evmVersion: 'prague', optimizer: { enabled: true } },
  },
  networks: {
    weft: { type: 'http', url: http_url, chainId: 31337, accounts: { mnemonic } },
    // What `hardhat node` begins with, when it shall make the blocks that others make.
    twin: {
      type: 'edr-simulated', chainId: 31337, initialDate: new Date(genesis_time * 1_000), mining: { auto: false },
    },
    unlocked: { type: 'http', url: http_url, chainId: 31337, accounts: 'remote' },
  },
});
