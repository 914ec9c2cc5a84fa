// RLP: a list is an array, a string a Buffer.
import { fromRlp, numberToBytes, toRlp } from 'viem';

const buffers = (item) => (Array.isArray(item) ? item.map(buffers) : Buffer.from(item));

export const decode = (bytes) => buffers(fromRlp(bytes, 'bytes'));
export const encode = (item) => Buffer.from(toRlp(item, 'bytes'));
export const number = (value) => (value === 0 ? Buffer.alloc(0) : Buffer.from(numberToBytes(value)));
