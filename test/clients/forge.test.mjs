// forge: compiles with npm's solc, deploys with `create`, broadcasts a script over HTTP and over WebSocket, and runs
// Solidity tests on a fork of the server.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { dev_account, fresh_account, sign } from './lib/accounts.mjs';
import { block_number, delegation_of } from './lib/chain.mjs';
import { foundry, root, run } from './lib/process.mjs';
import { http_url, rpc, ws_url } from './lib/rpc.mjs';

const bob = dev_account(5).address;
let block_before, token, alice;

async function forge(args, env = {}) {
  const { code, stdout, stderr } = await run(foundry('forge'), args, {
    cwd: root, timeout_ms: 60_000, env: { ...process.env, ...env, FOUNDRY_DISABLE_NIGHTLY_WARNING: '1' },
  });
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

async function balance_of(address) {
  const data = `0x70a08231${address.slice(2).toLowerCase().padStart(64, '0')}`;
  return BigInt(await rpc('eth_call', { to: token, data }, 'latest'));
}

/// Broadcasts Client.s.sol and gives the receipts that forge wrote down.
async function broadcast(url, sender, ...options) {
  const nonce = Number(await rpc('eth_getTransactionCount', sender.address, 'latest'));
  const raw = await sign(sender, {
    to: bob, value: 1n, nonce: nonce + 3, gas: 50_000n, gasPrice: 10n ** 10n,
    accessList: [{ address: bob, storageKeys: [`0x${'00'.repeat(32)}`] }],
  });
  await forge(['script', 'forge/Client.s.sol', '--rpc-url', url, '--broadcast', '--non-interactive', ...options],
    { ALICE_KEY: sender.private_key, BOB: bob, RAW_2930: raw });
  const file = path.join(root, 'build/forge/broadcast/Client.s.sol/31337/run-latest.json');
  return JSON.parse(fs.readFileSync(file, 'utf8')).receipts;
}

async function check_broadcast(sender, receipts) {
  assert.equal(receipts.length, 5);
  assert.deepEqual(receipts.map((receipt) => receipt.status), Array(5).fill('0x1'));
  // Without --slow forge sends all at once, so it is the nonces that say which is which.
  const sent = await Promise.all(receipts.map((receipt) => rpc('eth_getTransactionByHash', receipt.transactionHash)));
  sent.sort((a, b) => Number(a.nonce) - Number(b.nonce));
  assert.deepEqual(sent.map((transaction) => transaction.type), ['0x2', '0x2', '0x2', '0x1', '0x4']);
  assert.equal(sent[3].accessList.length, 1);
  const create = receipts.find((receipt) => receipt.transactionHash === sent[0].hash);
  const delegate = receipts.find((receipt) => receipt.transactionHash === sent[2].hash);
  assert.equal(await delegation_of(sender.address), delegate.contractAddress.toLowerCase());
  return create.contractAddress;
}

before(async () => {
  alice = await fresh_account();
  block_before = await block_number();
});

test('compiles and deploys an ERC-20', async () => {
  const stdout = await forge(['create', 'contracts/Token.sol:Token', '--rpc-url', http_url, '--private-key',
    alice.private_key, '--broadcast', '--json', '--constructor-args', '1000']);
  const created = JSON.parse(stdout.slice(stdout.indexOf('{')));
  assert.equal(created.deployer.toLowerCase(), alice.address.toLowerCase());
  token = created.deployedTo;
  assert.equal(await balance_of(alice.address), 1000n);
});

test('sends 1559, 2930 and 7702 transactions from a script', async () => {
  token = await check_broadcast(alice, await broadcast(http_url, alice, '--slow'));
  assert.equal(await balance_of(bob), 7n);
});

test('sends the same over WebSocket, where it subscribes to learn of receipts', async () => {
  const carol = await fresh_account();
  await check_broadcast(carol, await broadcast(ws_url, carol));
});

test('reads balances, events, the custom error and the past through a fork', async () => {
  const stdout = await forge(['test', '--match-path', 'forge/Fork.t.sol', '--fork-url', http_url],
    { TOKEN: token, ALICE: alice.address, BOB: bob, BLOCK_BEFORE: String(block_before) });
  assert.match(stdout, /5 passed; 0 failed/);
});

test('a failing test on the fork fails forge', async () => {
  await assert.rejects(forge(['test', '--match-path', 'forge/Fork.t.sol', '--fork-url', http_url],
    { TOKEN: token, ALICE: bob, BOB: alice.address, BLOCK_BEFORE: String(block_before) }), /FAIL: alice.*2 passed; 3 failed/s);
});
