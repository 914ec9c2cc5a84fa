// Clients of a gateway whose upstreams take blocks back: a subscriber, filters, and readers who hold every answer against
// what the subscriber had been told when they asked.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { logger, sink } from '../clients/lib/twins.mjs';

const readers = 4;
const hex = (number) => `0x${number.toString(16)}`;

export class BranchWatch {
  /// @param plan  whose balances tell blocks apart
  constructor(gateway, plan) {
    Object.assign(this, { gateway, plan });
    this.heads = [];
    this.logs = [];
    this.polled_heads = [];
    this.polled_logs = [];
    this.chain = new Map(); // number -> hash, as the subscriber was told
    this.replaced_at = new Map(); // hash -> when the subscriber was told of another in its place
    this.transactions = []; // hashes that are in the chain, some in another block than before
    this.wrong = [];
    this.calls = 0;
    this.slowest = 0;
    this.phase = 'the beginning';
  }

  told(head) {
    const number = Number(head.number);
    const now = performance.now();
    const parent = this.chain.get(number - 1);
    if (this.heads.length > 0 && parent !== head.parentHash) this.wrong.push(`head ${number} follows no block told before`);
    for (let at = number; this.chain.has(at); ++at) {
      this.replaced_at.set(this.chain.get(at), now);
      this.chain.delete(at);
    }
    this.chain.set(number, head.hash);
    this.replaced_at.delete(head.hash);
    this.heads.push(head);
  }

  /// An answer speaks of a block that the subscriber knew to be replaced before the question was sent.
  check(what, hash, asked_at) {
    const replaced = this.replaced_at.get(hash);
    if (replaced < asked_at) {
      const ms = Math.round(asked_at - replaced);
      this.wrong.push(`${this.phase}: ${what} is of a block that was replaced ${ms} ms before`);
    }
  }

  async ask(method, ...params) {
    const begun = performance.now();
    const { result, error } = await this.gateway.reply(method, ...params);
    this.slowest = Math.max(this.slowest, performance.now() - begun);
    ++this.calls;
    if (error) this.wrong.push(`${this.phase}: ${method} ${JSON.stringify(params)}: ${error.message}`);
    return result;
  }

  async reader(seed) {
    for (let turn = seed; !this.is_stopped; ++turn) {
      const head = Number(await this.ask('eth_blockNumber'));
      const number = Math.max(head - (turn * 7) % 9, 2);
      const asked_at = performance.now();
      const block = await this.ask('eth_getBlockByNumber', hex(number), false);
      if (block) this.check(`block ${number}`, block.hash, asked_at);
      const balance_asked_at = performance.now();
      const balance = await this.ask('eth_getBalance', sink, turn % 2 ? hex(number) : 'latest');
      if (balance) this.check(`balance at ${number}`, this.plan.by_balance.get(BigInt(balance))?.hash, balance_asked_at);
      const logs_asked_at = performance.now();
      const range = { address: logger, fromBlock: hex(number), toBlock: hex(number) };
      for (const log of await this.ask('eth_getLogs', range) ?? []) {
        this.check(`log of ${number}`, log.blockHash, logs_asked_at);
      }
      const transaction = this.transactions.at(-(turn % 8) - 1);
      const receipt_asked_at = performance.now();
      const receipt = transaction && await this.ask('eth_getTransactionReceipt', transaction);
      if (receipt) this.check('receipt', receipt.blockHash, receipt_asked_at);
      await pause(5);
    }
  }

  async poller() {
    const filters = [
      [this.polled_heads, await this.ask('eth_newBlockFilter')],
      [this.polled_logs, await this.ask('eth_newFilter', { address: logger })],
    ];
    while (!this.is_over) {
      for (const [seen, id] of filters) seen.push(...await this.ask('eth_getFilterChanges', id) ?? []);
      await pause(100);
    }
  }

  async start() {
    this.socket = new WebSocket(this.gateway.url.replace(/^http/, 'ws'));
    await new Promise((resolve, reject) => Object.assign(this.socket, { onopen: resolve, onerror: reject }));
    const subscribed = Promise.withResolvers();
    const ids = {};
    this.socket.onmessage = ({ data }) => {
      const { id, result, params } = JSON.parse(data);
      if (id) ids[result] = id;
      else if (ids[params.subscription] === 1) this.told(params.result);
      else this.logs.push(params.result);
      if (Object.keys(ids).length === 2) subscribed.resolve();
    };
    const subscribe = (id, ...params) =>
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_subscribe', params }));
    subscribe(1, 'newHeads');
    subscribe(2, 'logs', { address: logger });
    await subscribed.promise;
    this.polling = this.poller();
    this.reading = Promise.all(Array.from({ length: readers }, (_, seed) => this.reader(seed * 3)));
  }

  async stop() {
    this.is_stopped = true;
    await this.reading;
  }

  async end() {
    this.is_over = true;
    await this.polling;
    this.socket.close();
  }

  /// What was told, each thing taken back before another takes its place, comes to the chain that there is.
  ///
  /// @param tip  the planned block that the chain ends with
  async assert_comes_to(tip) {
    const want = new Map();
    for (let block = tip; block.number > 0; block = block.parent) want.set(block.number, block.hash);
    const first = Number(this.heads[0].number);
    assert.deepEqual([...this.chain], [...want].reverse().filter(([number]) => number >= first), 'newHeads');
    assert.equal(this.polled_heads.at(-1), tip.hash);
    const all = await this.ask('eth_getLogs', { address: logger, fromBlock: '0x0', toBlock: hex(tip.number) });
    for (const [what, logs] of [['pushed', this.logs], ['polled', this.polled_logs]]) {
      const standing = new Map();
      for (const { removed, ...log } of logs) {
        const key = `${log.blockHash} ${log.logIndex}`;
        assert.equal(standing.has(key), removed, `${what}: each log once, and taken back once (block ${log.blockNumber})`);
        if (removed) {
          assert.deepEqual(standing.get(key), log, `${what}: what is taken back is what was told`);
          standing.delete(key);
        } else {
          standing.set(key, log);
        }
      }
      const from = Math.min(...[...standing.values()].map(({ blockNumber }) => Number(blockNumber)));
      const there = all.filter(({ blockNumber }) => Number(blockNumber) >= from).map(({ removed, ...log }) => log);
      assert.deepEqual([...standing.values()], there, what);
    }
  }
}
