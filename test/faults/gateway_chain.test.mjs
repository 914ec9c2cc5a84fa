// weft gateway before anvils of several chains: clients are answered from one of them, whichever come and go.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { genesis_time } from '../clients/lib/times.mjs';
import { until } from '../clients/lib/until.mjs';
import { Gateway } from './gateway.mjs';
import { starts } from './nodes.mjs';

after(() => Gateway.end_all());

async function ask(url, method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return (await (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json()).result;
}

/// An anvil of this chain with so many blocks, which are no other chain's.
async function node_of(chain_id, blocks, port) {
  const node = await starts.anvil(['--chain-id', String(chain_id), '--timestamp', String(genesis_time + chain_id)], port);
  await ask(node.url, 'anvil_mine', `0x${blocks.toString(16)}`);
  return node;
}

const upstream_is = (gateway, index, usable, why) => until(`upstream ${index} to be ${usable ? 'used' : why}`, async () => {
  const one = (await gateway.status()).upstreams[index];
  return one.usable === usable && one.why === why;
}, 20_000);

test('two anvils of one chain, and a third of another that is longer', { timeout: 120_000 }, async (t) => {
  const nodes = [await node_of(5, 500), await node_of(31337, 20), await node_of(31337, 20)];
  t.after(() => nodes.forEach((node) => node.end()));
  const gateway = await Gateway.listening(nodes);
  let calls = 0;
  const assert_one_chain = async () => {
    for (let i = 0; i < 50; ++i) {
      assert.equal((await gateway.reply('eth_chainId')).result, '0x7a69');
      assert.equal((await gateway.reply('eth_blockNumber')).result, '0x14');
      // Code that returns its chain's id; no two calls are equal, so that none is answered by the gateway itself.
      const call = { data: '0x4660005260206000f3', gas: `0x${(100_000 + calls).toString(16)}` };
      assert.equal(Number((await gateway.reply('eth_call', call, 'latest')).result), 31337);
      calls += 3;
    }
  };
  await assert_one_chain();
  await upstream_is(gateway, 0, false, 'is of chain 5, not 31337');
  const port = (node) => Number(new URL(node.url).port);
  for (const [chain_id, why] of [[5, 'is of chain 5, not 31337'], [31337, undefined]]) {
    nodes[2].end();
    nodes[2] = await node_of(chain_id, 20, port(nodes[2]));
    await upstream_is(gateway, 2, why === undefined, why);
    await assert_one_chain();
  }
  t.diagnostic(`${calls} calls`);
});

test('no upstream is of the chain that is named', { timeout: 60_000 }, async (t) => {
  const node = await node_of(5, 1);
  t.after(() => node.end());
  const gateway = await Gateway.listening([node], '--chain-id', '1');
  const { error } = await gateway.reply('eth_getBalance', `0x${'1'.repeat(40)}`, 'latest');
  assert.equal(error.message, 'no upstream could answer: upstream-0 is of chain 5, not 1');
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
  assert.equal((await gateway.status()).upstreams[0].chain_id, 5);
});
