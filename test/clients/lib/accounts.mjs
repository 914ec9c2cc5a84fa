// The dev accounts, and new ones for tests that want a nonce and a balance of their own.
import { keccak256, parseEther, toHex } from 'viem';
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
import { rpc } from './rpc.mjs';
import { receipt_of } from './chain.mjs';

export const mnemonic = 'test test test test test test test test test test test junk';
export const chain_id = 31337;

export function dev_account(index) {
  return mnemonicToAccount(mnemonic, { addressIndex: index });
}

export function private_key_of(account) {
  return toHex(account.getHdKey().privateKey);
}

/// A new key whose account holds `ether`, paid by the last of the ten dev accounts.
export async function fresh_account(ether = '100') {
  const private_key = generatePrivateKey();
  const account = Object.assign(privateKeyToAccount(private_key), { private_key });
  if (ether !== '0') await receipt_of(await send(dev_account(9), { to: account.address, value: parseEther(ether) }));
  return account;
}

/// Fills in what is missing, signs here, sends the raw transaction; gives its hash.
export async function send(account, fields) {
  return rpc('eth_sendRawTransaction', await sign(account, fields));
}

export async function sign(account, fields) {
  const nonce = fields.nonce ?? Number(await rpc('eth_getTransactionCount', account.address, 'pending'));
  const fees = 'gasPrice' in fields || 'maxFeePerGas' in fields
    ? {} : { maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n };
  return account.signTransaction({ chainId: chain_id, gas: 21_000n, ...fees, ...fields, nonce });
}

/// The signed transaction with the hash that the server must give for it.
export async function sign_with_hash(account, fields) {
  const raw = await sign(account, fields);
  return { raw, hash: keccak256(raw) };
}
