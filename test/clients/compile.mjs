// Compiles contracts/ once with npm's solc, by both of its pipelines, into build/{legacy,ir}/NAME.json.
// Nothing is done when build/ is newer than every source, so that a second run starts at once.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const root = import.meta.dirname;
const sources = fs.readdirSync(path.join(root, 'contracts')).filter((name) => name.endsWith('.sol'));
const pipelines = { legacy: false, ir: true };

function input_for(via_ir) {
  return {
    language: 'Solidity',
    sources: Object.fromEntries(
      sources.map((name) => [name, { content: fs.readFileSync(path.join(root, 'contracts', name), 'utf8') }])),
    settings: {
      evmVersion: 'prague',
      viaIR: via_ir,
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
}

function read_import(name) {
  try {
    return { contents: fs.readFileSync(path.join(root, 'node_modules', name), 'utf8') };
  } catch (error) {
    return { error: error.message };
  }
}

function is_fresh() {
  const inputs = ['compile.mjs', 'package-lock.json', ...sources.map((name) => `contracts/${name}`)];
  const newest = Math.max(...inputs.map((name) => fs.statSync(path.join(root, name)).mtimeMs));
  const stamp = path.join(root, 'build/compiled');
  return fs.existsSync(stamp) && fs.statSync(stamp).mtimeMs >= newest;
}

function compile(solc, pipeline, via_ir) {
  const output = JSON.parse(solc.compile(JSON.stringify(input_for(via_ir)), { import: read_import }));
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error');
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'));
  fs.mkdirSync(path.join(root, 'build', pipeline), { recursive: true });
  for (const file of sources) {
    const name = path.basename(file, '.sol');
    const { abi, evm } = output.contracts[file][name];
    const artifact = {
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployed_bytecode: `0x${evm.deployedBytecode.object}`,
    };
    fs.writeFileSync(path.join(root, 'build', pipeline, `${name}.json`), JSON.stringify(artifact));
  }
}

if (!is_fresh()) {
  const solc = createRequire(import.meta.url)('solc');
  for (const [pipeline, via_ir] of Object.entries(pipelines)) compile(solc, pipeline, via_ir);
  fs.writeFileSync(path.join(root, 'build/compiled'), solc.version());
}
