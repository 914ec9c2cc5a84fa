// Clients of a gateway that go on until stopped, compare each answer with what the node itself says of the same block,
// and write down what no client should see.
import { setTimeout as pause } from 'node:timers/promises';
import { ethers } from 'ethers';
import { createPublicClient, http, toEventSelector, webSocket } from 'viem';
import { foundry, run } from './process.mjs';

/// Of the contract Probe.
export const changed_topic = toEventSelector('Changed(uint256,uint256,string)');
/// No call may take longer, whatever fails.
const call_ms_max = 10_000;

export class Load {
  /// @param truth   (method, ...params) -> what the node says
  /// @param target  {sender, sign(nonce) -> {raw, hash}} of transactions that make a log of `topic` at `address` each
  constructor(url, truth, target) {
    Object.assign(this, { url, truth, target });
    this.fault = 'none';
    this.latencies = new Map(); // fault -> [ms]
    this.wrong = [];
    this.sent = []; // hashes, by nonce
    this.mined = undefined; // a hash that is in the chain
    this.heads = [];
    this.logs = [];
    this.polled_blocks = [];
    this.polled_logs = [];
    this.calls = 0;
    this.is_stopped = false;
    this.truths = new Map();
  }

  complain(what) {
    this.wrong.push(`${this.fault}: ${what}`);
  }

  /// What went wrong, one of a kind, and how often.
  summary() {
    const kinds = new Map();
    for (const text of this.wrong) {
      const kind = text.replace(/0x[0-9a-f]+|\d{3,}/g, '#');
      const known = kinds.get(kind);
      if (known) ++known.count;
      else kinds.set(kind, { text, count: 1 });
    }
    return [...kinds.values()].map(({ text, count }) => `${text} (${count} times)`);
  }

  /// Does one call of a client; undefined if it failed, which is written down.
  async timed(what, call) {
    const { fault } = this;
    const begun = performance.now();
    let value;
    try {
      value = await call();
    } catch (error) {
      this.wrong.push(`${fault}: ${what} failed: ${(error.details ?? error.shortMessage ?? error.message).slice(0, 200)}`);
    }
    const ms = performance.now() - begun;
    if (ms > call_ms_max) this.wrong.push(`${fault}: ${what} took ${Math.round(ms)} ms`);
    if (!this.latencies.has(fault)) this.latencies.set(fault, []);
    this.latencies.get(fault).push(ms);
    ++this.calls;
    return value;
  }

  /// What the node says of a block; asked once.
  at(method, ...params) {
    const key = JSON.stringify([method, params]);
    if (!this.truths.has(key)) this.truths.set(key, this.truth(method, ...params));
    return this.truths.get(key);
  }

  expect(what, got, want) {
    if (got !== undefined && got !== want) this.complain(`${what} is ${got}, not ${want}`);
  }

  /// The balance of the newest block is that of a block between what the client was told of and the node's newest now.
  async expect_recent(what, got, first) {
    if (got === undefined) return;
    const last = Number(await this.truth('eth_blockNumber'));
    for (let number = first; number <= last; ++number) {
      if (BigInt(await this.at('eth_getBalance', this.target.sender, ethers.toQuantity(number))) === got) return;
    }
    this.complain(`${what} is ${got}, of no block from ${first} to ${last}`);
  }

  /// One client in a loop; `ask` has {number(), balance(at), hash(at), receipt_block(hash)}.
  async client(name, ask) {
    let head = 0;
    const address = this.target.sender;
    while (!this.is_stopped) {
      const number = await this.timed(`${name} block number`, () => ask.number());
      if (number === undefined) continue;
      if (number < head) this.complain(`${name} head went from ${head} back to ${number}`);
      if (number > Number(await this.truth('eth_blockNumber'))) this.complain(`${name} head ${number} is not there yet`);
      head = Math.max(head, number);
      const at = ethers.toQuantity(Math.max(head - (this.calls % 5), 0));
      const [balance, latest, hash] = await Promise.all([
        this.timed(`${name} balance`, () => ask.balance(at)),
        this.timed(`${name} latest balance`, () => ask.balance('latest')),
        this.timed(`${name} block`, () => ask.hash(ethers.toQuantity(head))),
      ]);
      this.expect(`${name} balance at ${at}`, balance, BigInt(await this.at('eth_getBalance', address, at)));
      await this.expect_recent(`${name} latest balance`, latest, number);
      const block = await this.at('eth_getBlockByNumber', ethers.toQuantity(head), false);
      this.expect(`${name} hash of ${head}`, hash, block?.hash);
      const { mined } = this;
      if (mined) {
        const found = await this.timed(`${name} receipt`, () => ask.receipt_block(mined));
        const receipt = await this.at('eth_getTransactionReceipt', mined);
        this.expect(`${name} block of ${mined}`, found, receipt.blockHash);
      }
      await pause(10);
    }
  }

  viem(name, transport) {
    const client = createPublicClient({ transport });
    const address = this.target.sender;
    const block = (at) => (at === 'latest' ? { blockTag: at } : { blockNumber: BigInt(at) });
    return this.client(name, {
      number: async () => Number(await client.getBlockNumber({ cacheTime: 0 })),
      balance: (at) => client.getBalance({ address, ...block(at) }),
      hash: async (at) => (await client.getBlock(block(at))).hash,
      receipt_block: async (hash) => (await client.getTransactionReceipt({ hash })).blockHash,
    });
  }

  ethers(name, provider) {
    const address = this.target.sender;
    return this.client(name, {
      number: async () => Number(await provider.send('eth_blockNumber', [])),
      balance: (at) => provider.getBalance(address, at),
      hash: async (at) => (await provider.getBlock(at))?.hash,
      receipt_block: async (hash) => (await provider.getTransactionReceipt(hash))?.blockHash,
    });
  }

  async cast() {
    const cast = async (...args) => {
      const { code, stdout, stderr } = await run(foundry('cast'), [...args, '--rpc-url', this.url]);
      if (code !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    const address = this.target.sender;
    let head = 0;
    while (!this.is_stopped) {
      const number = Number(await this.timed('cast block-number', () => cast('block-number')) ?? head);
      if (number < head) this.complain(`cast head went from ${head} back to ${number}`);
      head = number;
      const balance = await this.timed('cast balance', () => cast('balance', address, '--block', String(head)));
      const want = BigInt(await this.at('eth_getBalance', address, ethers.toQuantity(head)));
      this.expect(`cast balance at ${head}`, balance === undefined ? undefined : BigInt(balance), want);
      await pause(300);
    }
  }

  async call(method, ...params) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const reply = await response.json();
    if (reply.error) throw new Error(JSON.stringify(reply.error));
    return reply.result;
  }

  /// One transaction after another, each sent once; what was sent is seen at once by who sent it.
  async sender() {
    for (let nonce = 0; !this.is_stopped; ++nonce) {
      const { raw, hash } = await this.target.sign(nonce);
      const got = await this.timed('send', () => this.call('eth_sendRawTransaction', raw));
      this.expect(`the hash of transaction ${nonce}`, got, hash);
      if (got === undefined) return; // the next one could not be mined
      this.sent.push(hash);
      const pending = await this.timed('pending nonce',
        () => this.call('eth_getTransactionCount', this.target.sender, 'pending'));
      this.expect(`the nonce after ${nonce}`, pending === undefined ? undefined : Number(pending), nonce + 1);
      const found = await this.timed('transaction', () => this.call('eth_getTransactionByHash', hash));
      if (found === null) this.complain(`transaction ${nonce} is not there after it was sent`);
      const old = this.sent.at(-20);
      if (old && await this.truth('eth_getTransactionReceipt', old)) this.mined = old;
      await pause(50);
    }
  }

  /// Blocks and logs as filters give them.
  async poller() {
    const filters = [
      [this.polled_blocks, await this.call('eth_newBlockFilter')],
      [this.polled_logs, await this.call('eth_newFilter', { address: this.target.address, topics: [this.target.topic] })],
    ];
    while (!this.is_draining) {
      for (const [seen, id] of filters) {
        seen.push(...await this.timed('filter', () => this.call('eth_getFilterChanges', id)) ?? []);
      }
      await pause(300);
    }
  }

  /// Blocks and logs as they are pushed; gives when both are subscribed.
  async subscribe() {
    this.socket = new WebSocket(this.url.replace(/^http/, 'ws'));
    this.socket.onclose = () => { if (!this.is_draining) this.complain('the subscriptions\' connection was closed'); };
    await new Promise((resolve, reject) => Object.assign(this.socket, { onopen: resolve, onerror: reject }));
    const ids = {};
    const subscribed = Promise.withResolvers();
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.id) ids[message.result] = message.id === 1 ? this.heads : this.logs;
      else ids[message.params.subscription].push(message.params.result);
      if (Object.keys(ids).length === 2) subscribed.resolve();
    };
    const subscribe = (id, ...params) =>
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_subscribe', params }));
    subscribe(1, 'newHeads');
    subscribe(2, 'logs', { address: this.target.address, topics: [this.target.topic] });
    await subscribed.promise;
  }

  async start() {
    await this.subscribe();
    this.polling = this.poller();
    const fresh = { cacheTimeout: -1 }; // its own cache would answer for the gateway
    this.web_socket = new ethers.WebSocketProvider(this.url.replace(/^http/, 'ws'), undefined, fresh);
    const over_http = new ethers.JsonRpcProvider(this.url, undefined, fresh);
    const patient = { retryCount: 0, timeout: call_ms_max * 2 };
    this.clients = Promise.all([
      this.viem('viem over HTTP', http(this.url, patient)),
      this.viem('viem over WebSocket', webSocket(this.url.replace(/^http/, 'ws'), patient)),
      this.ethers('ethers over HTTP', over_http),
      this.ethers('ethers over WebSocket', this.web_socket),
      this.cast(),
      this.sender(),
    ]);
  }

  /// Ends the calls, but not the subscriptions and filters.
  async stop() {
    this.is_stopped = true;
    await this.clients;
    await this.web_socket.destroy();
  }

  async end() {
    this.is_draining = true;
    await this.polling;
    this.socket.close();
  }
}
