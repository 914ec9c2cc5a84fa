// Programs started by tests: their output kept, their end awaited, by pid.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '..');

/// The binary that a @foundry-rs package ships for this machine.
export function foundry(tool) {
  return path.join(root, 'node_modules/@foundry-rs', `${tool}-linux-amd64`, 'bin', tool);
}

/// Starts a program; `child.output` grows as it prints, `child.ended` settles with {code, signal}.
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.output = '';
  child.stdout.on('data', (bytes) => { child.output += bytes; });
  child.stderr.on('data', (bytes) => { child.output += bytes; });
  child.ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return child;
}

/// With a code, or by a signal, as an assertion does.
export function has_ended(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

/// Runs a program to its end.
///
/// @return  {code, stdout, stderr}
/// @errors  It did not end in time (and was killed).
export async function run(program, args, { timeout_ms = 60_000, ...options } = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes) => { output.stdout += bytes; });
  child.stderr.on('data', (bytes) => { output.stderr += bytes; });
  let late = false;
  const timer = setTimeout(() => { late = true; child.kill('SIGKILL'); }, timeout_ms);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  if (late) throw new Error(`${program} ${args.join(' ')} ran over ${timeout_ms} ms\n${output.stdout}${output.stderr}`);
  return { code, ...output };
}

const given = new Set();
/// Above these the kernel gives ports to connections and to servers that take any.
const lowest_of_kernel = Number(fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0]);

/// A loopback port that nobody listens on, and that is nobody's by chance before it is used.
export async function free_port() {
  const lowest = 10_000;
  for (;;) {
    const port = lowest + randomInt(lowest_of_kernel - lowest);
    if (given.has(port)) continue;
    given.add(port);
    const server = net.createServer();
    const is_free = await new Promise((resolve) => {
      server.on('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!is_free) continue;
    await new Promise((resolve) => { server.close(resolve); });
    return port;
  }
}
