// What most tests ask of a chain.
import { rpc } from './rpc.mjs';
import { until } from './until.mjs';

export function receipt_of(hash, timeout_ms = 10_000) {
  return until(`the receipt of ${hash}`, () => rpc('eth_getTransactionReceipt', hash), timeout_ms);
}

export async function block_number() {
  return Number(await rpc('eth_blockNumber'));
}

export async function balance_of(address, block = 'latest') {
  return BigInt(await rpc('eth_getBalance', address, block));
}

/// The address that the account delegates to by EIP-7702, if any.
export async function delegation_of(address) {
  const code = await rpc('eth_getCode', address, 'latest');
  return code.startsWith('0xef0100') ? `0x${code.slice(8)}` : undefined;
}
