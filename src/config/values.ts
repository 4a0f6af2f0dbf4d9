import { isIP } from 'node:net';
import { parseDuration } from '../common/duration.js';
import { formatDestination, parseDestination, type DestinationEndpoint } from '../common/destination-endpoint.js';
import { formatEndpoint } from '../common/endpoint.js';
import { nearest } from '../common/nearest.js';
import { FIELDS, OTHER_NAMES } from '../filter/fields.js';
import type { Interfaces } from '../ipfix/interfaces.js';
import { AGGREGATE_KEYS, type AggregateKey } from '../ipfix/profile-aggregate.js';
import { CtflowError } from '../common/errors.js';
import type { NatEventPair } from '../record/nat-log.js';
import type { Masked } from '../row/filter.js';
import { STATUS_BITS } from '../row/conntrack.js';
import { protocolNumber } from '../row/protocol.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';

/** Parsers for the values of settings; all throw CtflowError CTFLOW_USAGE that names the value and the form it wants. */

/** Where records go: a collector with a port of its own, not any, or a file. */
export function collectorAddress(text: string): DestinationEndpoint {
  const endpoint = parseDestination(text);
  if (endpoint.protocol === 'file' || endpoint.port > 0) return endpoint;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' has no port`,
    'Write the port that the collector listens on, from 1 to 65535',
  );
}

/** An address of a host, not its name. */
export function ipAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new CtflowError('CTFLOW_USAGE', `'${text}' is not an IP address`, 'Write an IPv4 or IPv6 address of this host');
}

/** Where to listen: an address of a host, not its name, and a port. */
export function listenAddress(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  if (isIP(host) === (bracketed === undefined ? 4 : 6) && Number(port) <= U16_MAX) return { host, port: Number(port) };
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not an address and a port`,
    'Write ADDRESS:PORT with an IP address of this host, an IPv6 address in brackets: 127.0.0.1:9469',
  );
}

/** An address as no other way of writing has it: `udp://[::1]:4739` for UDP://[0:0::1]. Names are not looked up. */
export function canonicalAddress(endpoint: DestinationEndpoint): string {
  if (endpoint.protocol === 'file') return formatDestination(endpoint);
  const { protocol, host, port } = endpoint;
  return formatEndpoint({ protocol, host: canonicalHost(host), port });
}

function canonicalHost(host: string): string {
  if (!host.includes(':')) return host.toLowerCase();
  const [address, zone] = host.split('%');
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  // the packets of an IPv4-mapped address are IPv4
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(plain) ?? [];
  if (high !== undefined)
    return [high, low]
      .map(half => parseInt(half, 16))
      .flatMap(half => [half >> 8, half & 0xff])
      .join('.');
  return zone === undefined ? plain : `${plain}%${zone}`;
}

/** Addresses that a collector may have without its name being looked up: localhost is that of IPv4 or of IPv6. */
export function possibleAddresses(endpoint: DestinationEndpoint): string[] {
  if (endpoint.protocol === 'file' || !/^localhost\.?$/i.test(endpoint.host)) return [canonicalAddress(endpoint)];
  const { protocol, port } = endpoint;
  return ['127.0.0.1', '::1'].map(host => formatEndpoint({ protocol, host, port }));
}

/** A field that connections can be summed up by. */
export function aggregateKey(text: string): AggregateKey {
  const key = AGGREGATE_KEYS.find(one => one === text);
  if (key !== undefined) return key;
  const what = FIELDS.has(text) ? 'is a field, but none to sum up by' : 'is not a field';
  const near = OTHER_NAMES[text.toLowerCase()] ?? nearest(text, AGGREGATE_KEYS);
  const meant = AGGREGATE_KEYS.find(one => one === near);
  const hint = meant !== undefined && meant !== text ? `Write ${meant}` : `Write some of ${AGGREGATE_KEYS.join(', ')}`;
  throw new CtflowError('CTFLOW_USAGE', `'${text}' ${what}`, hint);
}

/** Any text but none. */
export function text(value: string): string {
  if (value !== '') return value;
  throw new CtflowError('CTFLOW_USAGE', "'' is empty", 'Write a value, or leave it out');
}

/** Words of a switch. */
const ON: ReadonlySet<string> = new Set(['1', 'true', 'yes', 'on']);
const OFF: ReadonlySet<string> = new Set(['0', 'false', 'no', 'off']);

/** `on` or `off`. */
export function onOff(text: string): boolean {
  const word = text.toLowerCase();
  if (ON.has(word) || OFF.has(word)) return ON.has(word);
  throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a choice`, 'Write on or off');
}

/** One of these words. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return text => {
    const word = words.find(one => one === text);
    if (word !== undefined) return word;
    throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a choice`, `Allowed choices are ${words.join(', ')}`);
  };
}

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new CtflowError(
        'CTFLOW_USAGE',
        `'${text}' is out of range`,
        `Write a whole number from ${least} to ${most}`,
      );
    }
    return value;
  };
}

/** A whole number within bounds, or one of these words. */
export function numberOr<T extends string>(
  least: number,
  most: number,
  words: readonly T[],
): (text: string) => number | T {
  const number = wholeNumber(least, most);
  return text => {
    const word = words.find(one => one === text);
    if (word !== undefined) return word;
    if (/^\d/.test(text)) return number(text);
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${text}' is not a number`,
      `Write a whole number from ${least} to ${most}, or ${words.join(' or ')}`,
    );
  };
}

/** A duration within bounds, or none (`0s`), as milliseconds. */
export function durationOrNone(least: string, most: string): (text: string) => number {
  const any = duration('0s', most);
  return text => {
    const value = any(text);
    if (value === 0 || value >= parseDuration(least)) return value;
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${text}' is out of range`,
      `Write 0s, or a duration from ${least} to ${most}`,
    );
  };
}

/** A duration within bounds, as milliseconds. @param orElse what else the hint of an error names */
export function duration(least: string, most: string, orElse = ''): (text: string) => number {
  return text => {
    const hint = `Write a duration from ${least} to ${most}, such as 5s or 1m30s${orElse}`;
    let value: number;
    try {
      value = parseDuration(text);
    } catch (error) {
      throw new CtflowError('CTFLOW_USAGE', (error as Error).message, hint, error);
    }
    if (value >= parseDuration(least) && value <= parseDuration(most)) return value;
    throw new CtflowError('CTFLOW_USAGE', `'${text}' is out of range`, hint);
  };
}

/** A duration within bounds, as milliseconds, or one of these words. */
export function durationOr<T extends string>(
  least: string,
  most: string,
  words: readonly T[],
): (text: string) => number | T {
  const time = duration(least, most, `, or ${words.join(' or ')}`);
  return text => words.find(one => one === text) ?? time(text);
}

/** `none`, `route`, or IN,OUT: two interface numbers. */
export function interfaces(text: string): Interfaces {
  if (text === 'none' || text === 'route') return text;
  const [ingress, egress] = text.split(',').map(number => (/^\d{1,10}$/.test(number) ? Number(number) : 0));
  if (text.split(',').length === 2 && [ingress, egress].every(number => number >= 1 && number <= U32_MAX)) {
    return { ingress, egress };
  }
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not a choice`,
    'Write none, route, or the numbers of two interfaces, IN,OUT: 2,3 (ip link shows them)',
  );
}

/** CREATE,DELETE: two different values of natEvent. */
export function natEvents(text: string): NatEventPair {
  const [create, remove] = text.split(',').map(number => (/^\d{1,3}$/.test(number) ? Number(number) : 0));
  const isEvent = (number: number): boolean => number >= 1 && number <= 255;
  if (text.split(',').length === 2 && isEvent(create) && isEvent(remove) && create !== remove) return [create, remove];
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not a pair of events`,
    'Write the natEvent of a created session and that of a deleted one, from 1 to 255: 6,7',
  );
}

/** `VALUE` or `VALUE/MASK`. */
export function masked(text: string): Masked {
  const [value, mask = '0xffffffff', ...rest] = text.split('/');
  const number = wholeNumber(0, U32_MAX);
  if (rest.length > 0) throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a mark`, 'Write VALUE or VALUE/MASK');
  return checkMask(text, number(value), number(mask));
}

/** Names as `conntrack -L` has them, joined by commas, `!` in front of what must not be; or VALUE/MASK. */
export function status(text: string): Masked {
  if (/^[\dx]/i.test(text)) return masked(text);
  let value = 0;
  let mask = 0;
  for (const word of text.split(',').map(word => word.trim())) {
    const wanted = !word.startsWith('!');
    const bit = STATUS_BITS.get(word.replace(/^!/, '').toUpperCase());
    if (bit === undefined) {
      const names = [...STATUS_BITS.keys()].join(', ');
      throw new CtflowError('CTFLOW_USAGE', `'${word}' is not a status`, `The status bits are ${names}; '!' negates`);
    }
    if (mask & bit && ((value & bit) !== 0) !== wanted) {
      throw new CtflowError('CTFLOW_USAGE', `'${text}' can never match`, `${word} is both required and excluded`);
    }
    mask |= bit;
    if (wanted) value |= bit;
  }
  return { value, mask };
}

/** `tcp` or `47` as a number. */
export function protocol(word: string): number {
  const number = protocolNumber(word.trim());
  if (number !== undefined) return number;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${word}' is not a protocol`,
    'Write names, or numbers from 0 to 255: tcp,udp,icmp,47',
  );
}

/** `kernel`, `procfs`, `ovs`, `ovs:DATAPATH` or `replay:FILE`. */
export function source(word: string): string {
  if (/^(kernel|procfs|ovs(:.+)?|replay:.+)$/.test(text(word))) return word;
  throw new CtflowError('CTFLOW_USAGE', `'${word}' is not a source`, 'Write kernel, procfs, ovs or replay:FILE');
}

/** `4`, `6`, `ipv4` or `ipv6` as AF_INET or AF_INET6. */
export function family(text: string): 2 | 10 {
  const digit = /^(?:ipv)?([46])$/i.exec(text)?.[1];
  if (!digit) throw new CtflowError('CTFLOW_USAGE', `'${text}' is not an address family`, 'Write 4 or 6');
  return digit === '4' ? 2 : 10;
}

function checkMask(text: string, value: number, mask: number): Masked {
  if ((value & ~mask) !== 0) {
    throw new CtflowError('CTFLOW_USAGE', `'${text}' can never match`, 'The value has bits outside the mask');
  }
  return { value, mask };
}
