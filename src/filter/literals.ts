import { formatIPv4, formatIPv6 } from '../common/address.js';
import { parseDuration } from '../common/duration.js';
import { nearest } from '../common/nearest.js';
import { parseAddress, parsePrefix, prefix, type Prefix } from '../common/prefix.js';
import type { Interval } from '../inventory/prefix-table.js';
import type { NumberRange } from './condition.js';
import type { FieldType } from './fields.js';
import { printable, type Token } from './tokens.js';

type NumberType = Extract<FieldType, { kind: 'number' }>;

/** A value that cannot be used: what is wrong with it, and what to write. */
export class BadValue extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};
const SIZE_HINT = 'Write a number of bytes, or a size such as 500kB, 1MB or 1MiB';
const TIME_HINT = 'Write a time with its unit, such as 250ms, 5s, 1m30s or 2h';
const ADDRESS_HINT =
  'Write 192.0.2.1 or 2001:db8::1; behind in also a prefix (10.0.0.0/8) or a range (10.0.0.1-10.0.0.9)';

/** A single number. @throws BadValue */
export function numberValue(type: NumberType, { kind, text }: Token): number {
  const shown = `'${printable(text)}'`;
  const value = kind === 'string' ? undefined : valueOf(type, text);
  if (value === undefined) throw notOne(type, text, shown);
  if (value > type.most) throw new BadValue(`${shown} is out of range`, `The largest value is ${type.most}`);
  return value;
}

/** A number or a range of numbers. @throws BadValue */
export function numberRange(type: NumberType, token: Token): NumberRange {
  const dash = type.unordered ? -1 : token.text.indexOf('-', 1);
  if (dash < 0 || token.kind === 'string') {
    const value = numberValue(type, token);
    return [value, value];
  }
  const low = numberValue(type, { ...token, text: token.text.slice(0, dash) });
  const high = numberValue(type, { ...token, text: token.text.slice(dash + 1) });
  if (low <= high) return [low, high];
  throw new BadValue(`'${printable(token.text)}' ends before it begins`, 'Write the smaller value first');
}

/** A single address. @throws BadValue */
export function addressValue(token: Token): Prefix {
  const address = token.kind === 'string' ? undefined : parseAddress(token.text);
  if (address) return address;
  const shown = `'${printable(token.text)}'`;
  if (/[/-]/.test(token.text)) throw new BadValue(`${shown} is more than one address`, `Write in, and not == or !=`);
  throw new BadValue(`${shown} is not an address`, ADDRESS_HINT);
}

/** An address, a prefix or a range of addresses. @throws BadValue */
export function addressRange(token: Token): Interval {
  const { kind, text } = token;
  const shown = `'${printable(text)}'`;
  if (kind === 'string') throw new BadValue(`${shown} is not an address`, 'Write it without quotes');
  const [from, to, ...rest] = text.split('-').map(parseAddress);
  if (to && from && rest.length === 0) {
    if (from.family !== to.family) {
      throw new BadValue(`${shown} has addresses of IPv4 and IPv6`, 'Write two addresses of one family');
    }
    if (from.first > to.first) throw new BadValue(`${shown} ends before it begins`, 'Write the smaller address first');
    return { family: from.family, first: from.first, last: to.last };
  }
  const found = parsePrefix(text);
  if (found) return found;
  throw badPrefix(text, shown);
}

/** A text, or the word that stands for one. @throws BadValue */
export function textValue({ text }: Token): string {
  if (text !== '') return text;
  throw new BadValue("'' is empty", 'Write a name');
}

function valueOf({ names, closed, unit, bits }: NumberType, text: string): number | undefined {
  const named = names?.get(text.toLowerCase());
  if (named !== undefined || closed) return named;
  if (unit === 'duration') return durationOf(text);
  if (/^\d{1,20}$/.test(text)) return Number(text);
  if (/^0x[\da-f]{1,16}$/i.test(text)) return Number(text);
  if (unit === 'bytes') return sizeOf(text);
  return bits && names ? joined(text, names) : undefined;
}

/** Names with `|` between them, as the bits of all. */
function joined(text: string, names: ReadonlyMap<string, number>): number | undefined {
  const values = text.split('|').map(name => names.get(name.toLowerCase()));
  return values.length > 1 && values.every(value => value !== undefined)
    ? values.reduce((all, bit) => all | bit, 0) >>> 0
    : undefined;
}

function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

function sizeOf(text: string): number | undefined {
  const [, whole, fraction = '', unit] = /^(\d{1,16})(?:\.(\d{1,16}))?([A-Za-z]{1,3})$/.exec(text) ?? [];
  if (unit === undefined || UNITS[unit] === undefined) return undefined;
  // as numbers, 2.01 * 1000 are not 2010
  const value = BigInt(whole + fraction) * BigInt(UNITS[unit]);
  const parts = 10n ** BigInt(fraction.length);
  return value % parts === 0n ? Number(value / parts) : undefined;
}

function notOne(type: NumberType, text: string, shown: string): BadValue {
  const { names, unit, most } = type;
  if (unit === 'bytes') return new BadValue(`${shown} is not a size`, SIZE_HINT);
  if (unit === 'duration') return new BadValue(`${shown} is not a time`, TIME_HINT);
  if (!names) return new BadValue(`${shown} is not a number`, `Write a whole number from 0 to ${most}`);
  const near = nearest(text, names.keys());
  const all = [...names.keys()].join(', ');
  const also = type.closed ? '' : `, or a number from 0 to ${most}`;
  return new BadValue(`${shown} is not a value`, near === undefined ? `Write ${all}${also}` : `Write ${near}`);
}

function badPrefix(text: string, shown: string): BadValue {
  const [head, length, ...rest] = text.split('/');
  const address = parseAddress(head);
  if (!address || length === undefined || rest.length > 0)
    return new BadValue(`${shown} is not an address`, ADDRESS_HINT);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Infinity;
  if (bits > address.length) {
    return new BadValue(`${shown} is not a prefix`, `Write a length from 0 to ${address.length} behind the /`);
  }
  const whole = prefix(address.family, address.first, bits);
  return new BadValue(`${shown} has bits behind its length`, `Write ${formatFirst(whole)}/${bits}`);
}

/** The first address of a prefix. */
function formatFirst({ family, first }: Prefix): string {
  const octets = Uint8Array.from({ length: family === 4 ? 4 : 16 }, (_, i) =>
    Number((first >> BigInt(8 * ((family === 4 ? 3 : 15) - i))) & 0xffn),
  );
  return family === 4 ? formatIPv4(octets, 0) : formatIPv6(octets, 0);
}
