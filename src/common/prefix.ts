import { isIP } from 'node:net';

/** A run of addresses with the same leading bits; a single address has all of them. */
export interface Prefix {
  readonly family: 4 | 6;
  /** Its first address, and its last one. */
  readonly first: bigint;
  readonly last: bigint;
  /** Leading bits that its addresses share. */
  readonly length: number;
}

/** `192.0.2.1` or `2001:db8::1`. @returns undefined for anything else; a zone (`%eth0`) is none of an address */
export function parseAddress(text: string): Prefix | undefined {
  const family = text.includes('%') ? 0 : isIP(text);
  if (family === 4) return prefix(4, value4(text), 32);
  return family === 6 ? prefix(6, value6(text), 128) : undefined;
}

/** `192.0.2.0/24`, `2001:db8::/32`, or an address. @returns undefined for anything else, and where bits stand behind the length */
export function parsePrefix(text: string): Prefix | undefined {
  const [head, tail, ...rest] = text.split('/');
  const address = parseAddress(head);
  if (!address || tail === undefined) return address;
  const length = /^\d{1,3}$/.test(tail) ? Number(tail) : Number.POSITIVE_INFINITY;
  if (rest.length > 0 || length > address.length) return undefined;
  const whole = prefix(address.family, address.first, length);
  return whole.first === address.first ? whole : undefined;
}

/** The prefix of that length around an address. */
export function prefix(family: 4 | 6, address: bigint, length: number): Prefix {
  const rest = BigInt((family === 4 ? 32 : 128) - length);
  const first = (address >> rest) << rest;
  return { family, first, last: first + (1n << rest) - 1n, length };
}

function value4(text: string): bigint {
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function value6(text: string): bigint {
  const dotted = /[\d.]+\.[\d.]+$/.exec(text)?.[0];
  const whole = dotted === undefined ? text : text.slice(0, -dotted.length) + asGroups(value4(dotted));
  const [head, tail] = whole.split('::').map(part => (part === '' ? [] : part.split(':')));
  const gap = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function asGroups(value: bigint): string {
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
