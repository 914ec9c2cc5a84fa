// EthereumJS: an EVM that shares no code with revm, geth or weft.

import { Common, Mainnet } from '@ethereumjs/common';
import { createBlock } from '@ethereumjs/block';
import { SimpleStateManager } from '@ethereumjs/statemanager';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address, bytesToHex, createAddressFromString, hexToBytes } from '@ethereumjs/util';
import { createVM, runTx } from '@ethereumjs/vm';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { kzg } from './kzg.mjs';

const hardforks = {
  Frontier: 'chainstart', Homestead: 'homestead', EIP150: 'tangerineWhistle', EIP158: 'spuriousDragon',
  Byzantium: 'byzantium', Constantinople: 'constantinople', ConstantinopleFix: 'petersburg', Istanbul: 'istanbul',
  Berlin: 'berlin', London: 'london', Paris: 'paris', Shanghai: 'shanghai', Cancun: 'cancun', Prague: 'prague',
  Osaka: 'osaka',
};

/** State in maps with a list of what to undo: the one that comes with the EVM copies everything at every call. */
class State extends SimpleStateManager {
  accounts = new Map();
  codes = new Map();
  slots = new Map(); // of address, then of key
  undo = [];
  marks = [];

  set(map, key, value) {
    const before = map.get(key);
    this.undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
  async getAccount(address) {
    const found = this.accounts.get(address.toString());
    return found && Object.assign(Object.create(Object.getPrototypeOf(found)), found);
  }
  async putAccount(address, account) {
    this.set(this.accounts, address.toString(),
      account && Object.assign(Object.create(Object.getPrototypeOf(account)), account));
  }
  async deleteAccount(address) {
    const key = address.toString();
    this.set(this.accounts, key, undefined);
    this.set(this.codes, key, undefined);
    this.set(this.slots, key, undefined);
  }
  async getCode(address) { return this.codes.get(address.toString()) ?? new Uint8Array(); }
  async putCode(address, value) {
    this.set(this.codes, address.toString(), value);
    if (this.accounts.get(address.toString()) === undefined) await this.putAccount(address, new Account());
    await this.modifyAccountFields(address, { codeHash: keccak_256(value) });
  }
  async getStorage(address, key) {
    return this.slots.get(address.toString())?.get(bytesToHex(key)) ?? new Uint8Array();
  }
  async putStorage(address, key, value) {
    const owner = address.toString();
    if (!this.slots.has(owner)) this.set(this.slots, owner, new Map());
    this.set(this.slots.get(owner), bytesToHex(key), value);
  }
  async clearStorage(address) { this.set(this.slots, address.toString(), undefined); }
  async checkpoint() { this.marks.push(this.undo.length); }
  async commit() { this.marks.pop(); }
  async revert() {
    const mark = this.marks.pop();
    while (this.undo.length > mark) this.undo.pop()();
  }

  async getStateRoot() { return new Uint8Array(32); } // for receipts before Byzantium, which nobody looks at

  async load(pre) {
    for (const map of [this.accounts, this.codes, this.slots]) map.clear();
    this.originalStorageCache.clear();
    for (const [text, { balance, nonce, code, storage }] of Object.entries(pre)) {
      const address = createAddressFromString(text);
      await this.putAccount(address, new Account(BigInt(nonce), BigInt(balance)));
      if (code !== '0x') await this.putCode(address, hexToBytes(code));
      for (const [key, value] of Object.entries(storage))
        await this.putStorage(address, word(key), word(value));
    }
    this.undo = [];
    this.marks = [];
  }
  dump() {
    const out = {};
    for (const [address, account] of this.accounts) {
      const storage = {};
      for (const [key, value] of this.slots.get(address) ?? []) {
        const number = BigInt(bytesToHex(value).padEnd(3, '0'));
        if (number !== 0n) storage[quantity(key)] = quantity(number);
      }
      const code = bytesToHex(this.codes.get(address) ?? new Uint8Array());
      out[address] = { balance: quantity(account.balance), nonce: quantity(account.nonce), code, storage };
    }
    return out;
  }
}

const quantity = (value) => `0x${BigInt(value).toString(16)}`;
const word = (text) => hexToBytes(`0x${BigInt(text).toString(16).padStart(64, '0')}`);

const chain = {
  async getBlock(number) { return { hash: () => keccak_256(new TextEncoder().encode(String(number))) }; },
  async putBlock() {},
  shallowCopy() { return this; },
};

export async function open() {
  const machines = new Map();
  const machine = async (fork) => {
    if (!machines.has(fork)) {
      const common = new Common({ chain: Mainnet, hardfork: hardforks[fork], customCrypto: { kzg } });
      const state = new State({ common });
      machines.set(fork, { common, state, vm: await createVM({ common, stateManager: state, blockchain: chain }) });
    }
    return machines.get(fork);
  };

  async function run(subject, on_step) {
    const { common, state, vm } = await machine(subject.fork);
    await state.load(subject.pre);
    const { env } = subject;
    const merged = common.gteHardfork('paris');
    const header = {
      coinbase: createAddressFromString(env.currentCoinbase), number: BigInt(env.currentNumber),
      timestamp: BigInt(env.currentTimestamp), gasLimit: BigInt(env.currentGasLimit),
      difficulty: merged ? 0n : BigInt(env.currentDifficulty),
    };
    if (merged) header.mixHash = hexToBytes(env.currentRandom);
    if (common.gteHardfork('london')) header.baseFeePerGas = BigInt(env.currentBaseFee);
    if (common.gteHardfork('cancun')) header.excessBlobGas = BigInt(env.currentExcessBlobGas);
    const block = createBlock({ header }, { common, skipConsensusFormatValidation: true });
    if (on_step) vm.evm.events.on('step', on_step);
    try {
      const tx = createTxFromRLP(hexToBytes(subject.txbytes), { common, freeze: false });
      // Recovering it takes as long as many a case. That weft signs right is for the fixtures to show.
      tx.getSenderAddress = () => createAddressFromString(subject.transaction.sender);
      const result = await runTx(vm, { tx, block, skipHardForkValidation: true });
      const { execResult } = result;
      return {
        refused: false,
        success: execResult.exceptionError === undefined,
        status: execResult.exceptionError?.error ?? 'success',
        gasUsed: Number(result.totalGasSpent),
        output: bytesToHex(execResult.returnValue),
        logs: result.receipt.logs.map(([address, topics, data]) => ({
          address: bytesToHex(address), topics: topics.map((topic) => bytesToHex(topic)), data: bytesToHex(data),
        })),
        post: state.dump(),
      };
    } catch (error) {
      if (!is_refusal(error)) throw error;
      return { refused: true, reason: error.message, post: state.dump() };
    } finally {
      if (on_step) vm.evm.events.off('step', on_step);
    }
  }

  return {
    name: 'ethereumjs',
    run: (subject) => run(subject),
    async trace(subject) {
      const steps = [];
      await run(subject, ({ depth, pc, opcode, gasLeft, stack }) => {
        if (steps.length < 100_000)
          steps.push([depth, pc, opcode.name, Number(gasLeft), stack.length ? quantity(stack[stack.length - 1]) : '']);
      });
      return steps;
    },
    traces: true,
    stop() {},
  };
}

/** Its own words for a transaction that is none; anything else it throws is a failure of its own. */
const refusals = [/nonce/, /balance/, /gas limit/, /gasLimit/, /base fee/, /baseFee/, /maxFeePerGas/, /maxPriorityFee/,
  /MAX_INTEGER/, /intrinsic gas/, /code/, /[Bb]lob/, /[Aa]uthorization/, /signature/, /yParity/,
  /not enabled/, /not activated/];
const is_refusal = (error) => !/^(Type|Range|Reference)Error$/.test(error.constructor.name) &&
  refusals.some((words) => words.test(error.message));
