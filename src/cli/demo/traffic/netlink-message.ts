/** Netlink messages for a kernel to act on (linux/netlink.h): numbers are in this machine's order where nothing else is said. */
import { endianness } from 'node:os';

const LITTLE = endianness() === 'LE';
const HEADER = 16;
const REQUEST = 1;
const ACK = 4;
const CREATE = 0x400;
const NESTED = 0x8000;

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  if (LITTLE) bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (LITTLE) bytes.writeUInt32LE(value);
  else bytes.writeUInt32BE(value);
  return bytes;
}

export function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** 32 bits in network order, as nf_tables wants all numbers of its attributes. */
export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

/** A string with its final zero. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** One attribute, padded to four octets. */
export function attribute(type: number, value: Buffer): Buffer {
  const length = 4 + value.length;
  return Buffer.concat([u16(length), u16(type), value, Buffer.alloc(-length & 3)]);
}

/** An attribute made of attributes. */
export function nested(type: number, ...attributes: readonly Buffer[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(attributes));
}

/** A request to make something, acknowledged when done. */
export function request(type: number, ...body: readonly Buffer[]): Buffer {
  return message(type, REQUEST | ACK | CREATE, body);
}

/** An edge of a transaction, which is not acknowledged by itself. */
export function edge(type: number, ...body: readonly Buffer[]): Buffer {
  return message(type, REQUEST, body);
}

/** struct nlmsghdr and what follows, whose length is a multiple of four. */
function message(type: number, flags: number, body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, HEADER);
  return Buffer.concat([u32(length), u16(type), u16(flags), u32(0), u32(0), ...body]);
}
