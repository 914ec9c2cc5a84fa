// hardhat_reset and anvil_reset put the chain back to its genesis. They have a file of their own because nothing that
// another test made outlives them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev_account, send } from './lib/accounts.mjs';
import { balance_of, block_number, receipt_of } from './lib/chain.mjs';
import { rpc } from './lib/rpc.mjs';

for (const method of ['hardhat_reset', 'anvil_reset']) {
  test(`${method} begins a new chain with the funded accounts`, async () => {
    const bob = dev_account(1).address;
    const hash = await send(dev_account(0), { to: bob, value: 1n });
    await receipt_of(hash);
    const genesis = await rpc('eth_getBlockByNumber', '0x0', false);

    await rpc(method);
    assert.equal(await block_number(), 0);
    assert.equal((await rpc('eth_getBlockByNumber', '0x0', false)).stateRoot, genesis.stateRoot);
    assert.equal(await rpc('eth_getTransactionReceipt', hash), null);
    assert.equal(await balance_of(bob), 10_000n * 10n ** 18n);
    assert.equal(await rpc('eth_getTransactionCount', dev_account(0).address, 'latest'), '0x0');
    assert.equal(await rpc('eth_chainId'), '0x7a69');

    const receipt = await receipt_of(await send(dev_account(0), { to: bob, value: 1n }));
    assert.equal(receipt.blockNumber, '0x1');
  });
}
