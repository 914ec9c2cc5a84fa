// weft's own methods about contracts, and limits as clients see them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rpc } from './lib/rpc.mjs';
import { until } from './lib/until.mjs';

const contract = '0x00000000000000000000000000000000000c0de5';

test('weft_contractStats and weft_topContracts count what a contract does', async () => {
  // Adds one to slot 0.
  await rpc('anvil_setCode', contract, '0x600160005401600055');
  const [from] = await rpc('eth_accounts');
  // The monitor takes a share of the time only and may skip blocks: what it has looked into is counted right.
  const stats = await until('a block that was looked into', async () => {
    await rpc('eth_sendTransaction', { from, to: contract, data: '0xa9059cbb' });
    const found = await rpc('weft_contractStats', contract);
    return found.contract && found;
  });
  assert.equal(stats.contract.address, contract);
  assert.equal(stats.contract.calls, stats.contract.transactions);
  assert.equal(stats.contract.selectors[0].selector, '0xa9059cbb');
  assert.equal(stats.contract.hotSlots[0].slot, `0x${'0'.repeat(64)}`);
  assert.equal(stats.contract.failures, '0x0');
  assert.ok(Number(stats.coverage.blocksExecuted) >= 1);
  const top = await rpc('weft_topContracts', '0x64', 'calls');
  assert.ok(top.contracts.some(({ address }) => address === contract));
  await assert.rejects(rpc('weft_topContracts', '0x1', 'beauty'), /must be gas, calls, failures or growth/);
});

test('the opcodeProfile tracer gives folded stacks that add up', async () => {
  const [from] = await rpc('eth_accounts');
  await rpc('anvil_setCode', contract, '0x600160005401600055');
  const hash = await rpc('eth_sendTransaction', { from, to: contract });
  const { gasUsed } = await rpc('eth_getTransactionReceipt', hash);
  const gas = await rpc('debug_traceTransaction', hash, { tracer: 'opcodeProfile' });
  assert.equal(gas.total + 21_000, Number(gasUsed));
  assert.ok(gas.folded.some((line) => line.startsWith(`${contract};SSTORE `)));
  const count = await rpc('debug_traceTransaction', hash, { tracer: 'opcodeProfile', tracerConfig: { by: 'count' } });
  assert.ok(count.folded.includes(`${contract};PUSH1 3`));
  const [block] = await rpc('debug_traceBlockByNumber', 'latest', { tracer: 'opcodeProfile' });
  assert.deepEqual(block.result, gas);
  assert.equal((await rpc('debug_traceCall', { from, to: contract }, 'latest', { tracer: 'opcodeProfile' })).by, 'gas');
});

test('a trace that grows without end is ended with an error, and the next call is answered', async () => {
  const bomb = '0x00000000000000000000000000000000000c0de6';
  await rpc('anvil_setCode', bomb, '0x5b600056');
  await assert.rejects(rpc('debug_traceCall', { to: bomb }, 'latest', {}), /trace is too large|execution timeout/);
  await assert.rejects(rpc('eth_call', { to: bomb, gas: '0x2faf080' }, 'latest'), /out of gas/);
  assert.equal(await rpc('eth_call', { to: '0x0000000000000000000000000000000000000004', data: '0x12' }), '0x12');
});
