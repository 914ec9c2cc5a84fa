// run --seconds N --seed S [--against ethereumjs,anvil] [--fixtures FOLDER] [--found FOLDER]

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describe, Fuzzer } from './fuzz.mjs';
import { open_peers, program } from './peers.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    against: { type: 'string', default: 'ethereumjs,anvil' },
    fixtures: { type: 'string' },
    found: { type: 'string', default: fileURLToPath(new URL('../../build/found', import.meta.url)) },
  },
});

console.log(`seed ${values.seed}, ${values.seconds} s, against ${values.against}`);
const fuzzer = new Fuzzer({
  program, peers: await open_peers(values.against.split(',')), seed: values.seed, seconds: Number(values.seconds),
  fixtures: values.fixtures, folder: values.found,
});
const report = await fuzzer.run();
console.log(describe(report).join('\n'));
process.exit(report.found.length === 0 && report.cases > 0 ? 0 : 1);
