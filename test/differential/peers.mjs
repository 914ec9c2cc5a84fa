// Where the programs are, and the peers by name.

import { fileURLToPath } from 'node:url';
import * as anvil from './anvil.mjs';
import * as ethereumjs from './ethereumjs.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** weft's side. */
export const program =
  process.env.WEFT_DIFFERENTIAL ?? here('../../build/release/test/differential/weft_differential');
const anvil_program = here('../clients/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');

export async function open_peers(names) {
  const out = [];
  for (const name of names) {
    if (name === 'ethereumjs') out.push(await ethereumjs.open());
    else if (name === 'anvil') out.push(await anvil.open(anvil_program));
    else if (name !== 'none') throw new Error(`no such peer: ${name}`);
  }
  return out;
}
