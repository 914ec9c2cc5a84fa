// weft gateway before two nodes of one chain that take blocks back, at different moments, while clients read: nobody is
// given an answer of a block of which the subscribers know that it is replaced, and what they were told comes to the chain
// that there is, each block and log once. And before a real node that stays behind, with its own words for it.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ancestor, Plan, sink, Twin } from '../clients/lib/twins.mjs';
import { until } from '../clients/lib/until.mjs';
import { BranchWatch } from './branch_watch.mjs';
import { Gateway } from './gateway.mjs';
import { starts } from './nodes.mjs';

const block_ms = 150;
/// How long the nodes are of two minds.
const apart_ms = 900;

after(() => Gateway.end_all());

/// Blocks at the pace of a chain, here and there at nearly the same time.
async function grow(twins, blocks) {
  for (const block of blocks) {
    for (const twin of twins) await twin.mine([block]);
    await pause(block_ms);
  }
}

/// One node takes back `depth` blocks for longer others and goes on; the other one does the same later.
async function reorganise(plan, [first, second], depth, longer) {
  const root = ancestor(first.at, depth);
  const branch = await plan.children(root, depth + longer + 2);
  await first.return_to(root);
  await first.mine(branch.slice(0, depth + longer));
  await pause(apart_ms);
  await grow([first], branch.slice(depth + longer));
  await second.return_to(root);
  await second.mine(branch);
  return branch;
}

/// One takes blocks back, but the other branch grows longer, so that it comes back.
async function come_back(plan, [first, second], depth) {
  const tip = first.at;
  const root = ancestor(tip, depth);
  const branch = await plan.children(root, depth + 1);
  await first.return_to(root);
  await first.mine(branch);
  await pause(apart_ms);
  const on = await plan.children(tip, 3);
  await second.mine(on);
  await pause(apart_ms);
  await first.return_to(root);
  const back = [];
  for (let block = on.at(-1); block !== root; block = block.parent) back.unshift(block);
  await first.mine(back);
}

for (const kind of ['anvil', 'hardhat', 'weft']) {
  test(`two ${kind} nodes take blocks back, one after the other`, { timeout: 120_000 }, async (t) => {
    const nodes = [];
    t.after(() => nodes.forEach((node) => node.end()));
    const plan = new Plan();
    const beginning = await plan.children(plan.root, 10);
    const twins = [];
    for (let i = 0; i < 2; ++i) {
      nodes.push(await starts[kind]());
      twins.push(await Twin.begin(nodes[i].url, plan));
      await twins[i].mine(beginning);
    }
    const [polled, telling] = twins;
    const gateway = await Gateway.start([polled, { url: telling.url.replace(/^http/, 'ws') }]);
    const watch = new BranchWatch(gateway, plan);
    await watch.start();
    const rounds = [[twins, 3, 1], [[telling, polled], 3, 1], [[telling, polled], 1, 1], [twins, 6, 2]];
    for (const [i, [pair, depth, longer]] of rounds.entries()) {
      watch.phase = `round ${i}`;
      await grow(pair, await plan.children(polled.at, 4));
      const branch = await reorganise(plan, pair, depth, longer);
      watch.transactions.push(...branch.flatMap(({ hashes }) => hashes));
    }
    for (const pair of [twins, [telling, polled]]) {
      watch.phase = `coming back, ${pair === twins ? 'the polled one' : 'the one that tells'}`;
      await grow(pair, await plan.children(polled.at, 4));
      await come_back(plan, pair, 2);
    }
    await grow(twins, await plan.children(polled.at, 4));
    const { hash } = polled.at;
    await until('the last block to be told of', () => watch.heads.at(-1).hash === hash && watch.polled_heads.at(-1) === hash
      && watch.logs.at(-1).blockHash === hash && watch.polled_logs.at(-1).blockHash === hash, 20_000).catch(() => {});
    await watch.stop();
    await watch.end();
    const taken_back = watch.logs.filter(({ removed }) => removed).length;
    t.diagnostic(`${watch.calls} calls, the slowest ${Math.round(watch.slowest)} ms; ${watch.heads.length} heads, `
      + `${watch.replaced_at.size} replaced; ${watch.logs.length} logs, ${taken_back} of them taken back`);
    assert.deepEqual([...new Set(watch.wrong)].slice(0, 20), [], `${watch.wrong.length} of ${watch.calls} calls`);
    await watch.assert_comes_to(polled.at);
    assert.ok(taken_back > 20);
  });
}

test('an anvil that stays where it forked off is asked for nothing that it has not', { timeout: 60_000 }, async (t) => {
  const nodes = [await starts.weft()];
  t.after(() => nodes.forEach((node) => node.end()));
  const plan = new Plan();
  const twin = await Twin.begin(nodes[0].url, plan);
  await twin.mine(await plan.children(plan.root, 10));
  nodes.push(await starts.anvil(['--fork-url', twin.url]));
  const gateway = await Gateway.start(nodes);
  let asked = 0;
  for (const block of await plan.children(twin.at, 30)) {
    await twin.mine([block]);
    const at = `0x${block.number.toString(16)}`;
    // Within 10 blocks it is behind as any node may be; after 16 it is left out.
    await until(`block ${block.number}`, async () => (await gateway.reply('eth_blockNumber')).result === at, 5_000);
    const result = async (...call) => (await gateway.reply(...call)).result;
    for (const tag of [at, 'latest']) {
      assert.equal((await result('eth_getBlockByNumber', tag, false))?.hash, block.hash, `${at} as ${tag}`);
      assert.equal(BigInt(await result('eth_getBalance', sink, tag)), block.balance, `${at} as ${tag}`);
    }
    assert.equal((await result('eth_getTransactionReceipt', block.hashes[0]))?.blockHash, block.hash, at);
    assert.equal((await result('eth_getLogs', { fromBlock: at, toBlock: at })).length, 1, at);
    asked += 6;
  }
  const { upstreams } = await gateway.status();
  assert.deepEqual(upstreams.map(({ usable }) => usable), [true, false]);
  t.diagnostic(`${asked} answers of the newest block, ${upstreams[1].calls} calls to the one that stayed behind`);
});
