// The compiled contracts, and a way to deploy one without a client library.
import fs from 'node:fs';
import path from 'node:path';
import { encodeDeployData } from 'viem';
import { send } from './accounts.mjs';
import { receipt_of } from './chain.mjs';

/// @param pipeline  legacy or ir: which of solc's code generators made it.
/// @return          {abi, bytecode, deployed_bytecode}
export function artifact(name, pipeline = 'legacy') {
  const file = path.join(import.meta.dirname, '../build', pipeline, `${name}.json`);
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

/// Deploys and gives the contract's address and abi.
export async function deploy(account, name, ...args) {
  const { abi, bytecode } = artifact(name);
  const data = encodeDeployData({ abi, bytecode, args });
  const receipt = await receipt_of(await send(account, { data, gas: 3_000_000n }));
  if (receipt.status !== '0x1') throw new Error(`deploying ${name} failed`);
  return { address: receipt.contractAddress, abi, receipt };
}
