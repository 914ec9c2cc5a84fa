// anvil, which is revm: each case is two calls of debug_traceCall, with its state, its block and the hashes of the
// blocks before it as overrides; one process a fork.
//
// It runs calls, not transactions: what makes a transaction none is not looked at, and such cases are not asked.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex } from '@ethereumjs/util';
import { free_port } from '../clients/lib/process.mjs';

const hardforks = {
  London: 'london', Paris: 'paris', Shanghai: 'shanghai', Cancun: 'cancun',
  Prague: 'prague', Osaka: 'osaka',
};

class Node {
  static async start(program, fork) {
    const node = new Node();
    const port = await free_port();
    node.url = `http://127.0.0.1:${port}`;
    node.child = spawn(program, ['--port', `${port}`, '--hardfork', hardforks[fork], '--chain-id', '1', '--silent',
      '--accounts', '1', '--disable-block-gas-limit', '--no-mining', '--memory-limit', `${1 << 30}`],
    { stdio: 'ignore' });
    for (let i = 0; ; ++i) {
      try {
        await node.call('eth_chainId', []);
        return node;
      } catch (error) {
        if (i === 200) throw error;
        await sleep(50);
      }
    }
  }
  async call(method, params) {
    const reply = await fetch(this.url, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    // A nonce is a number in a tracer's answer, and may be above 2^53.
    const { result, error } = JSON.parse((await reply.text()).replace(/"nonce":(\d+)/g, '"nonce":"$1"'));
    if (error) throw new Error(`anvil: ${error.message}`);
    return result;
  }
}

const word = (value) => `0x${BigInt(value).toString(16).padStart(64, '0')}`;
const quantity = (value) => `0x${BigInt(value).toString(16)}`;
const words = (storage) =>
  Object.fromEntries(Object.entries(storage).map(([key, value]) => [word(key), word(value)]));

function request(subject) {
  const tx = subject.transaction;
  const out = {
    from: tx.sender, gas: tx.gasLimit[0], value: tx.value[0], input: tx.data[0], nonce: tx.nonce,
  };
  if (tx.to) out.to = tx.to;
  for (const field of ['gasPrice', 'maxFeePerGas', 'maxPriorityFeePerGas', 'maxFeePerBlobGas', 'blobVersionedHashes'])
    if (tx[field] !== undefined) out[field] = tx[field];
  if (tx.accessLists) out.accessList = tx.accessLists[0];
  if (tx.authorizationList)
    out.authorizationList = tx.authorizationList.map(({ v, ...rest }) => ({ ...rest, yParity: v }));
  return out;
}

function overrides(subject, hashes) {
  const { env } = subject;
  const state = {};
  for (const [address, { balance, nonce, code, storage }] of Object.entries(subject.pre)) {
    state[address] = { balance, nonce };
    if (code !== '0x') state[address].code = code;
    if (Object.keys(storage).length) state[address].state = words(storage);
  }
  return {
    stateOverrides: state,
    blockOverrides: {
      number: env.currentNumber, time: env.currentTimestamp, gasLimit: env.currentGasLimit,
      coinbase: env.currentCoinbase, random: env.currentRandom, baseFee: env.currentBaseFee,
      difficulty: env.currentDifficulty, blobBaseFee: subject.blobBaseFee,
      blockHash: Object.fromEntries(hashes.map((number) =>
        [Number(number), bytesToHex(keccak_256(new TextEncoder().encode(String(BigInt(number)))))])),
    },
  };
}

/** The state before with a prestate tracer's difference. */
function applied(before, { pre, post }) {
  const out = structuredClone(before);
  for (const [address, was] of Object.entries(pre)) {
    const is = post[address];
    if (is === undefined) {
      delete out[address];
      continue;
    }
    for (const key of Object.keys(was.storage ?? {})) delete out[address]?.storage[quantity(key)];
  }
  for (const [address, is] of Object.entries(post)) {
    const account = (out[address] ??= { balance: '0x0', nonce: '0x0', code: '0x', storage: {} });
    if (is.balance !== undefined) account.balance = quantity(is.balance);
    if (is.nonce !== undefined) account.nonce = quantity(is.nonce);
    if (is.code !== undefined) account.code = is.code;
    for (const [key, value] of Object.entries(is.storage ?? {})) {
      if (BigInt(value) === 0n) delete account.storage[quantity(key)];
      else account.storage[quantity(key)] = quantity(value);
    }
  }
  return out;
}

/** A difference doesn't show that a delegation was taken back. */
function with_cleared_code(subject, post, ours) {
  for (const [address, account] of Object.entries(post)) {
    const was = subject.pre[address]?.code ?? '0x';
    if (subject.transaction.authorizationList && was.startsWith('0xef0100') && account.code === was &&
      ours.post[address]?.code === '0x') account.code = '0x';
  }
  return post;
}

function collect_logs(frame, into) {
  for (const log of frame.logs ?? []) into.push(log);
  for (const call of frame.calls ?? []) collect_logs(call, into);
  return into;
}

export async function open(program) {
  const nodes = new Map();
  const node = async (fork) => {
    if (!nodes.has(fork)) nodes.set(fork, await Node.start(program, fork));
    return nodes.get(fork);
  };

  async function run(subject, ours) {
    const at = await node(subject.fork);
    const given = overrides(subject, ours.blockHashes ?? []);
    const trace = (tracer, tracerConfig) =>
      at.call('debug_traceCall', [request(subject), 'latest', { tracer, tracerConfig, ...given }]);
    const [top, difference] = await Promise.all([
      trace('callTracer', { withLog: true }), trace('prestateTracer', { diffMode: true })]);
    const logs = collect_logs(top, []).sort((a, b) => Number(a.index) - Number(b.index));
    return {
      refused: false,
      success: top.error === undefined,
      status: top.error ?? 'success',
      gasUsed: Number(top.gasUsed),
      output: top.output ?? '0x',
      logs: top.error ? [] : logs.map(({ address, topics, data }) => ({ address, topics, data })),
      post: with_cleared_code(subject, applied(subject.pre, difference), ours),
    };
  }

  return {
    name: 'anvil',
    run,
    async trace(subject, ours) {
      const at = await node(subject.fork);
      const { structLogs } = await at.call('debug_traceCall',
        [request(subject), 'latest', { disableStorage: true, ...overrides(subject, ours?.blockHashes ?? []) }]);
      return structLogs.slice(0, 100_000).map(({ depth, pc, op, gas, stack }) =>
        [depth - 1, pc, op, gas, stack.length ? quantity(stack[stack.length - 1]) : '']);
    },
    // What its calls can't be told or see otherwise than a block would: the blob fee is always the lowest; every
    // account is there, so an authority that isn't brings EIP-7702's refund. As "istanbul" it charges Berlin's prices,
    // as "berlin" it refunds by London's rules (EIP-3529).
    asks: (subject, ours) => subject.fork in hardforks && !ours.refused && !ours.absentAuthorities &&
      BigInt(subject.blobBaseFee) <= 1n,
    stop() {
      for (const { child } of nodes.values()) child.kill('SIGKILL');
    },
  };
}
