// Errors exactly as geth spells them: client libraries recognise failures by these texts and codes.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { concat, encodeErrorResult, encodeFunctionData, fromRlp, serializeTransaction, toHex, toRlp } from 'viem';
import { dev_account, fresh_account, send, sign } from './lib/accounts.mjs';
import { receipt_of } from './lib/chain.mjs';
import { deploy } from './lib/contracts.mjs';
import { rpc, rpc_error } from './lib/rpc.mjs';

const gwei = 10n ** 9n;
const bob = dev_account(1).address;
const nobody = '0x00000000000000000000000000000000deadbeef';
let alice;

before(async () => { alice = await fresh_account(); });

async function assert_refused(raw, message, code = -32000) {
  const error = await rpc_error('eth_sendRawTransaction', await raw);
  if (message instanceof RegExp) assert.match(error.message, message);
  else assert.equal(error.message, message);
  assert.equal(error.code, code);
}

test('nonce too low', async () => {
  await receipt_of(await send(alice, { to: bob }));
  const nonce = Number(await rpc('eth_getTransactionCount', alice.address, 'latest'));
  await assert_refused(sign(alice, { to: bob, value: 5n, nonce: 0 }),
    `nonce too low: next nonce ${nonce}, tx nonce 0`);
});

test('insufficient funds for gas * price + value', async () => {
  const poor = await fresh_account('0');
  const cost = 21_000n * 100n * gwei + 3n;
  await assert_refused(sign(poor, { to: bob, value: 3n, maxFeePerGas: 100n * gwei, maxPriorityFeePerGas: gwei }),
    `insufficient funds for gas * price + value: balance 0, tx cost ${cost}, overshot ${cost}`);
});

test('intrinsic gas too low', async () => {
  await assert_refused(sign(alice, { to: bob, gas: 20_000n }),
    'intrinsic gas too low: gas 20000, minimum needed 21000');
  await assert_refused(sign(alice, { to: bob, gas: 21_015n, data: '0x01' }),
    'intrinsic gas too low: gas 21015, minimum needed 21016');
});

test('insufficient gas for floor data gas cost', async () => {
  const data = `0x${'01'.repeat(100)}`; // intrinsic 21000 + 16 * 100, floor 21000 + 40 * 100
  await assert_refused(sign(alice, { to: bob, data, gas: 24_000n }),
    'insufficient gas for floor data gas cost: gas 24000, minimum needed 25000');
});

test('tip above fee cap', async () => {
  // viem refuses to write such a transaction, so the two fees change places after its checks.
  const fees = { maxPriorityFeePerGas: gwei, maxFeePerGas: 50n * gwei };
  const serializer = (fields, signature) => {
    const bytes = serializeTransaction(fields, signature);
    const values = fromRlp(`0x${bytes.slice(4)}`);
    [values[2], values[3]] = [values[3], values[2]];
    return concat(['0x02', toRlp(values)]);
  };
  await assert_refused(alice.signTransaction({ chainId: 31337, to: bob, gas: 21_000n, nonce: 99, ...fees }, { serializer }),
    'max priority fee per gas higher than max fee per gas');
});

test('exceeds block gas limit', async () => {
  // Osaka's cap of 2^24 on one transaction (EIP-7825) is checked first where it is in force.
  await assert_refused(sign(alice, { to: bob, gas: 2_000_000_000n, maxFeePerGas: 2n * gwei }),
    /^(exceeds block gas limit|transaction gas limit too high \(cap: 16777216, tx: 2000000000\))$/);
});

test('max initcode size exceeded', async () => {
  await assert_refused(sign(alice, { data: `0x${'00'.repeat(49_153)}`, gas: 5_000_000n }),
    'max initcode size exceeded: code size 49153, limit 49152');
});

test('a transaction of another chain', async () => {
  await assert_refused(sign(alice, { to: bob, chainId: 1 }),
    /^invalid sender(: invalid chain id for signer: have 1 want 31337)?$/);
});

test('a transaction that any chain would take', async () => {
  await assert_refused(alice.signTransaction({ type: 'legacy', to: bob, gas: 21_000n, gasPrice: 10n * gwei, nonce: 99 }),
    'only replay-protected (EIP-155) transactions allowed over RPC');
});

test('an empty authorization list', async () => {
  const fields = {
    chainId: 31337, type: 'eip7702', to: bob, gas: 50_000n, nonce: 99, authorizationList: [],
    maxFeePerGas: 10n * gwei, maxPriorityFeePerGas: gwei,
  };
  await assert_refused(alice.signTransaction(fields),
    'set code tx must have at least one authorization tuple');
});

test('bytes that are no transaction', async () => {
  await assert_refused('0x', 'typed transaction too short');
  await assert_refused('0x02', 'typed transaction too short');
  await assert_refused('0x7f01', 'transaction type not supported');
  await assert_refused('0xc0', /^rlp: /);
  await assert_refused(`${await sign(alice, { to: bob })}00`, /^rlp: /);
});

test('raw bytes that are no hex', async () => {
  await assert_refused('02ff', /^invalid argument 0: .*hex string without 0x prefix/, -32602);
  await assert_refused('0x2', /^invalid argument 0: .*hex string of odd length/, -32602);
  await assert_refused('0xzz', /^invalid argument 0: .*invalid hex string/, -32602);
});

test('already known, and a replacement that pays too little', async (t) => {
  await rpc('evm_setAutomine', false);
  t.after(async () => {
    await rpc('evm_mine');
    await rpc('evm_setAutomine', true);
  });
  const nonce = Number(await rpc('eth_getTransactionCount', alice.address, 'latest'));
  const fees = { maxFeePerGas: 20n * gwei, maxPriorityFeePerGas: 2n * gwei };
  const raw = await sign(alice, { to: bob, value: 1n, nonce, ...fees });
  await rpc('eth_sendRawTransaction', raw);
  await assert_refused(raw, 'already known');
  await assert_refused(sign(alice, { to: bob, value: 2n, nonce, ...fees }), 'replacement transaction underpriced');
  // Ten per cent more of both fees is enough.
  const paid = { maxFeePerGas: 22n * gwei, maxPriorityFeePerGas: 22n * gwei / 10n };
  const hash = await rpc('eth_sendRawTransaction', await sign(alice, { to: bob, value: 3n, nonce, ...paid }));
  assert.equal((await rpc('eth_getTransactionByHash', hash)).nonce, toHex(nonce));
});

test('reverts of eth_call and eth_estimateGas have code 3 and the data', async () => {
  const { address, abi } = await deploy(alice, 'Faults');
  const text = (message) => encodeErrorResult({
    abi: [{ type: 'error', name: 'Error', inputs: [{ type: 'string' }] }], args: [message] });
  const panic = (code) => encodeErrorResult({
    abi: [{ type: 'error', name: 'Panic', inputs: [{ type: 'uint256' }] }], args: [code] });
  const refused = encodeErrorResult({ abi, errorName: 'Refused', args: [42n, 'because'] });
  const cases = [
    ['text', [], 'execution reverted: out of luck', text('out of luck')],
    ['custom', [42n], 'execution reverted', refused],
    ['silent', [], 'execution reverted', '0x'],
    ['overflow', [1n], 'execution reverted: arithmetic underflow or overflow', panic(0x11n)],
    ['divide', [0n], 'execution reverted: division or modulo by zero', panic(0x12n)],
    ['index', [5n], 'execution reverted: out-of-bounds access of an array or bytesN', panic(0x32n)],
  ];
  for (const [functionName, args, message, data] of cases) {
    const call = { from: bob, to: address, data: encodeFunctionData({ abi, functionName, args }) };
    for (const method of ['eth_call', 'eth_estimateGas']) {
      const error = await rpc_error(method, call, 'latest');
      assert.equal(error.message, message, `${method} ${functionName}`);
      assert.equal(error.code, 3, `${method} ${functionName}`);
      assert.equal(error.data, data, `${method} ${functionName}`);
    }
  }
});

test('calls that fail without a revert', async () => {
  const { address, abi } = await deploy(alice, 'Faults');
  const call = (functionName, more = {}) => (
    { from: bob, to: address, data: encodeFunctionData({ abi, functionName }), ...more });
  const cases = [
    ['eth_call', call('invalid'), 'invalid opcode: INVALID'],
    ['eth_call', call('spin', { gas: '0x186a0' }), 'out of gas'],
    ['eth_call', { to: address, data: '0x', gas: '0x5207' },
      /^(err: )?intrinsic gas too low: have 20999, want 21000( \(supplied gas 20999\))?$/],
    ['eth_estimateGas', call('spin', { gas: '0x186a0' }), 'gas required exceeds allowance (100000)'],
    ['eth_call', { from: nobody, to: bob, value: '0x1' },
      /^(err: )?insufficient funds for gas \* price \+ value: address 0x00000000000000000000000000000000DeaDBeef have 0 want 1( \(supplied gas \d+\))?$/],
    ['eth_call', { from: bob, to: bob, maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x0' },
      /^(err: )?max fee per gas less than block base fee: address 0x\w{40}, maxFeePerGas: 1, baseFee: \d+( \(supplied gas \d+\))?$/],
    ['eth_call', { from: bob, to: bob, gasPrice: '0x1', maxFeePerGas: '0x1' },
      'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified'],
  ];
  for (const [method, params, message] of cases) {
    const error = await rpc_error(method, params, 'latest');
    if (message instanceof RegExp) assert.match(error.message, message);
    else assert.equal(error.message, message);
    assert.equal(error.code, -32000, error.message);
  }
});

test('what is not there', async () => {
  const far = '0xffffffff';
  assert.equal(await rpc('eth_getBlockByNumber', far, false), null);
  assert.equal(await rpc('eth_getTransactionReceipt', toHex(7n, { size: 32 })), null);
  for (const [method, ...params] of [
    ['eth_getBalance', bob, far],
    ['eth_getCode', bob, far],
    ['eth_getTransactionCount', bob, far],
    ['eth_getStorageAt', bob, '0x0', far],
    ['eth_call', { to: bob }, far],
  ]) {
    const error = await rpc_error(method, ...params);
    assert.equal(error.message, 'header not found', method);
    assert.equal(error.code, -32000, method);
  }
  const filter = await rpc_error('eth_getFilterChanges', '0xdead');
  assert.deepEqual([filter.code, filter.message], [-32000, 'filter not found']);
  assert.equal(await rpc('eth_uninstallFilter', '0xdead'), false);
  const account = await rpc_error('eth_sendTransaction', { from: nobody, to: bob });
  assert.deepEqual([account.code, account.message], [-32000, 'unknown account']);
});

test('arguments that are wrong', async () => {
  const cases = [
    ['eth_getBalance', [], /^missing value for required argument 0$/],
    ['eth_getBalance', [bob, 'latest', 1], /^too many arguments, want at most 2$/],
    ['eth_getBalance', ['bob', 'latest'], /^invalid argument 0: json: cannot unmarshal hex string without 0x prefix/],
    ['eth_getBalance', ['0x12', 'latest'], /^invalid argument 0: hex string has length 2, want 40 for common\.Address$/],
    ['eth_getBalance', [bob, 'newest'], /^invalid argument 1: hex string without 0x prefix$/],
    ['eth_getBlockByNumber', ['0x01', false], /^invalid argument 0: hex number with leading zero digits$/],
    ['eth_getBlockByNumber', ['0x', false], /^invalid argument 0: hex string "0x"$/],
    ['eth_getBlockByNumber', ['0x10000000000000000', false], /^invalid argument 0: hex number > 64 bits$/],
    ['eth_getBlockByNumber', ['0x1', 'yes'], /^invalid argument 1: json: cannot unmarshal string into Go value of type bool$/],
    ['eth_getLogs', [{ fromBlock: '0x5', toBlock: '0x1' }], /^invalid block range params$/],
  ];
  for (const [method, params, message] of cases) {
    const error = await rpc_error(method, ...params);
    assert.match(error.message, message);
    assert.equal(error.code, -32602, error.message);
  }
});

test('methods that do not exist', async () => {
  for (const method of ['eth_doTheLaundry', 'nonsense', 'no_such']) {
    const error = await rpc_error(method);
    assert.equal(error.code, -32601);
    assert.equal(error.message, `the method ${method} does not exist/is not available`);
  }
});
