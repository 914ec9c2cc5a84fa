// With automine on, a transaction is in a block before its send returns, whatever else is sent at the same time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev_account, fresh_account, sign } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { rpc } from './lib/rpc.mjs';

const sender_count = 16;
const sends_each = 125;
const bob = dev_account(1).address;

async function signed_by(sender, count) {
  return Promise.all(Array.from({ length: count }, (_, nonce) => sign(sender, { to: bob, value: 1n, nonce })));
}

async function make_senders(count) {
  const senders = [];
  for (let i = 0; i < count; ++i) senders.push(await fresh_account());
  return senders;
}

async function assert_nothing_waits(senders, sent_each) {
  for (const { address } of senders) {
    assert.equal(Number(await rpc('eth_getTransactionCount', address, 'latest')), sent_each);
  }
  assert.deepEqual(await rpc('txpool_status'), { pending: '0x0', queued: '0x0' });
}

test('every one of 2,000 hashes from 16 senders has a receipt when its send returns', async (t) => {
  const senders = await make_senders(sender_count);
  const signed = await Promise.all(senders.map((sender) => signed_by(sender, sends_each)));
  let without_receipt = 0;
  const began = performance.now();
  await Promise.all(signed.map(async (raws) => {
    for (const raw of raws) {
      const hash = await rpc('eth_sendRawTransaction', raw);
      const receipt = await rpc('eth_getTransactionReceipt', hash);
      if (receipt?.status !== '0x1') ++without_receipt;
    }
  }));
  t.diagnostic(`${Math.round((sender_count * sends_each * 1000) / (performance.now() - began))} sends a second`);
  assert.equal(without_receipt, 0);
  await assert_nothing_waits(senders, sends_each);
});

test('transactions of one sender that arrive in any order are all mined', async () => {
  const [sender] = await make_senders(1);
  const raws = await signed_by(sender, 64);
  const hashes = await Promise.all(raws.toReversed().map((raw) => rpc('eth_sendRawTransaction', raw)));
  await Promise.all(hashes.map((hash) => receipt_of(hash)));
  await assert_nothing_waits([sender], 64);
});

test('the blocks hold each transaction once', async () => {
  const [sender] = await make_senders(1);
  const first = Number(await rpc('eth_blockNumber')) + 1;
  const hashes = [];
  for (const raw of await signed_by(sender, 10)) hashes.push(await rpc('eth_sendRawTransaction', raw));
  const mined = [];
  for (let number = first; number <= Number(await rpc('eth_blockNumber')); ++number) {
    mined.push(...(await rpc('eth_getBlockByNumber', `0x${number.toString(16)}`, false)).transactions);
  }
  assert.deepEqual(mined, hashes);
});
