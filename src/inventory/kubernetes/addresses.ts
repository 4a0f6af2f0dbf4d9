import { parseAddress } from '../../common/prefix.js';
import { AF_INET } from '../../row/protocol.js';

/** An address as a key of a Map: the number of one of IPv4, the octets of one of IPv6 in hexadecimal. */
export type AddressKey = number | string;

/** @returns undefined where the text is no address */
export function keyOfText(text: string): AddressKey | undefined {
  const address = parseAddress(text);
  if (!address) return undefined;
  return address.family === 4 ? Number(address.first) : address.first.toString(16).padStart(32, '0');
}

/** @param bytes holds the address in network byte order from `at` on */
export function keyOfRow(bytes: Uint8Array, at: number, family: number): AddressKey {
  if (family !== AF_INET) return Buffer.from(bytes.buffer, bytes.byteOffset + at, 16).toString('hex');
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
