import { Buffer, isUtf8 } from 'node:buffer';
import type { ElementType } from '../../ipfix/element.js';
import { formatIPv4, formatIPv6, formatMac } from '../../common/address.js';
import { DateTime } from './date-time.js';
import type { Value } from './value.js';
import { TWO_32 } from '../../common/unsigned.js';

/** Makes a value of `length` octets at `at`. Must not look beyond them. */
export type ScalarReader = (bytes: Uint8Array, at: number, length: number) => Value;

const SHORT_TEXT = 24;

/** The octets as they are, copied: a value outlives its message. */
export function readOctets(bytes: Uint8Array, at: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(at, at + length));
  return copy;
}

const readU8: ScalarReader = (bytes, at) => bytes[at];
const readU16: ScalarReader = (bytes, at) => (bytes[at] << 8) | bytes[at + 1];
const readU32: ScalarReader = (bytes, at) => u32(bytes, at);
const readU64: ScalarReader = (bytes, at) => u64(u32(bytes, at), u32(bytes, at + 4));

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function u64(high: number, low: number): number | bigint {
  return high <= 0x1fffff ? high * TWO_32 + low : (BigInt(high) << 32n) | BigInt(low);
}

/** 1 to 8 octets, as two words: the high one in front. */
function highWord(bytes: Uint8Array, at: number, length: number): number {
  let word = 0;
  for (let i = 0; i < length - 4; i++) word = word * 256 + bytes[at + i];
  return word;
}

function lowWord(bytes: Uint8Array, at: number, length: number): number {
  let word = 0;
  for (let i = Math.max(0, length - 4); i < length; i++) word = word * 256 + bytes[at + i];
  return word;
}

const readUnsigned: ScalarReader = (bytes, at, length) => u64(highWord(bytes, at, length), lowWord(bytes, at, length));

const readBig: ScalarReader = (bytes, at, length) => {
  let value = 0n;
  for (let i = at; i < at + length; i++) value = (value << 8n) | BigInt(bytes[i]);
  return value;
};

const readSigned: ScalarReader = (bytes, at, length) => {
  const low = lowWord(bytes, at, length);
  if (length <= 4) {
    const shift = 32 - length * 8;
    return (low << shift) >> shift;
  }
  const shift = 64 - length * 8;
  const high = (highWord(bytes, at, length) << shift) >> shift;
  const value = high * TWO_32 + low;
  return Number.isSafeInteger(value) ? value : BigInt(high) * BigInt(TWO_32) + BigInt(low);
};

const readFloat: ScalarReader = (bytes, at, length) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
  return length === 4 ? view.getFloat32(0) : view.getFloat64(0);
};

// RFC 7011 section 6.1.5: 1 is true, 2 is false.
const readBoolean: ScalarReader = (bytes, at, length) =>
  bytes[at] === 1 || bytes[at] === 2 ? bytes[at] === 1 : readOctets(bytes, at, length);

const readText: ScalarReader = (bytes, at, length) => {
  let ascii = true;
  for (let i = at; ascii && i < at + length; i++) ascii = bytes[i] < 0x80;
  if (ascii && length <= SHORT_TEXT) {
    let text = '';
    for (let i = at; i < at + length; i++) text += String.fromCharCode(bytes[i]);
    return text;
  }
  const part = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
  return isUtf8(part) ? part.toString('utf8') : readOctets(bytes, at, length);
};

const readPaddedText: ScalarReader = (bytes, at, length) => {
  let end = length;
  while (end > 0 && bytes[at + end - 1] === 0) end--;
  const text = readText(bytes, at, end);
  return typeof text === 'string' ? text : readOctets(bytes, at, length);
};

const readSeconds: ScalarReader = (bytes, at) => new DateTime(u32(bytes, at), 0, 0);

const readMilliseconds: ScalarReader = (bytes, at, length) =>
  DateTime.fromMilliseconds(u32(bytes, at) * TWO_32 + u32(bytes, at + 4)) ?? readOctets(bytes, at, length);

const readMicroseconds: ScalarReader = (bytes, at, length) =>
  DateTime.fromNtp(u32(bytes, at), u32(bytes, at + 4), 6) ?? readOctets(bytes, at, length);

const readNanoseconds: ScalarReader = (bytes, at, length) =>
  DateTime.fromNtp(u32(bytes, at), u32(bytes, at + 4), 9) ?? readOctets(bytes, at, length);

/**
 * The reader of a type for fields of exactly `length` octets; {@link readOctets} where the type has no such encoding.
 * Integers may have any length of 1 to 8 octets and floats 4 or 8: shorter than their type by RFC 7011 section 6.2, and
 * longer because some exporters do so and the number is the same.
 */
export function scalarReader(type: ElementType, length: number): ScalarReader {
  switch (type) {
    case 'unsigned8':
    case 'unsigned16':
    case 'unsigned32':
    case 'unsigned64':
      if (length === 1) return readU8;
      if (length === 2) return readU16;
      if (length === 4) return readU32;
      if (length === 8) return readU64;
      return length >= 1 && length <= 8 ? readUnsigned : readOctets;
    case 'unsigned256':
      return length >= 1 && length <= 32 ? readBig : readOctets;
    case 'signed8':
    case 'signed16':
    case 'signed32':
    case 'signed64':
      return length >= 1 && length <= 8 ? readSigned : readOctets;
    case 'float32':
    case 'float64':
      return length === 4 || length === 8 ? readFloat : readOctets;
    case 'boolean':
      return length === 1 ? readBoolean : readOctets;
    case 'string':
      return readPaddedText;
    case 'macAddress':
      return length === 6 ? formatMac : readOctets;
    case 'ipv4Address':
      return length === 4 ? formatIPv4 : readOctets;
    case 'ipv6Address':
      return length === 16 ? formatIPv6 : readOctets;
    case 'dateTimeSeconds':
      return length === 4 ? readSeconds : readOctets;
    case 'dateTimeMilliseconds':
      return length === 8 ? readMilliseconds : readOctets;
    case 'dateTimeMicroseconds':
      return length === 8 ? readMicroseconds : readOctets;
    case 'dateTimeNanoseconds':
      return length === 8 ? readNanoseconds : readOctets;
    default:
      return readOctets;
  }
}

/** The reader of identifiers, whose values are all of one type: in JSON, one collection of them must not mix two. */
export function identifierReader(length: number): ScalarReader {
  return length >= 1 && length <= 8 ? readBig : readOctets;
}

/** The reader of a type for fields of variable length. A string keeps every character. */
export function variableScalarReader(type: ElementType): ScalarReader {
  if (type === 'string') return readText;
  if (type === 'octetArray') return readOctets;
  return (bytes, at, length) => scalarReader(type, length)(bytes, at, length);
}
