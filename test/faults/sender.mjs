// A client that sends one transaction after another and never gives one up: it sends the same signed bytes again until
// the server has acknowledged them, so that a transaction can be lost or doubled only by the server.
import { setTimeout as pause } from 'node:timers/promises';

/// No call may be without an answer, good or bad, for longer.
const call_ms_max = 10_000;
/// No transaction may go unacknowledged for longer, whatever is being killed.
const acknowledge_ms_max = 60_000;

export class Sender {
  /// @param sign  (nonce) -> signed raw transaction
  constructor(url, account, sign) {
    Object.assign(this, { url, account, sign });
    this.acknowledged = []; // hashes, by nonce
    this.faults = []; // what no client should see: a call that hung, a reply that is no JSON-RPC
    this.retries = new Map(); // clean error -> count
    this.is_stopped = false;
  }

  async run() {
    for (let nonce = 0; !this.is_stopped; ++nonce) {
      const { raw, hash } = await this.sign(nonce);
      if (!await this.deliver(raw, hash)) return;
      this.acknowledged.push(hash);
    }
  }

  stop() {
    this.is_stopped = true;
  }

  /// Sends until acknowledged; false when the time for it is over.
  async deliver(raw, hash) {
    const deadline = Date.now() + acknowledge_ms_max;
    for (let attempt = 0; Date.now() < deadline; ++attempt) {
      const outcome = await this.call('eth_sendRawTransaction', raw);
      if (outcome.result === hash) return true;
      if ('result' in outcome) {
        this.faults.push(`the hash ${outcome.result} for ${hash}`);
        return false;
      }
      // An earlier attempt got in and only its answer was lost. The check at the end shows whether it truly did.
      if (attempt > 0 && /already known|nonce too low/.test(outcome.error)) return true;
      this.retries.set(outcome.error, (this.retries.get(outcome.error) ?? 0) + 1);
      await pause(20);
    }
    this.faults.push(`${hash} was not acknowledged within ${acknowledge_ms_max} ms`);
    return false;
  }

  /// @return  {result}, or {error} with a text for what went wrong
  async call(method, ...params) {
    let response, text;
    try {
      response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        signal: AbortSignal.timeout(call_ms_max),
      });
      text = await response.text();
    } catch (error) {
      if (error.name === 'TimeoutError') this.faults.push(`${method} hung for ${call_ms_max} ms`);
      return { error: error.cause?.code ?? error.name };
    }
    try {
      const reply = JSON.parse(text);
      if ('result' in reply) return { result: reply.result };
      if (typeof reply.error.code !== 'number') throw new Error('no code');
      return { error: `${reply.error.code} ${reply.error.message}` };
    } catch {
      this.faults.push(`HTTP ${response.status} with what is no JSON-RPC: ${text.slice(0, 100)}`);
      return { error: 'unclean reply' };
    }
  }
}
