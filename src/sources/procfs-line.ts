import type { Batch } from '../row/batch.js';
import {
  FAMILY,
  HAS_ICMP,
  HAS_MARK,
  HAS_ORIG_COUNTERS,
  HAS_ORIG_ZONE,
  HAS_PORTS,
  HAS_REPLY_COUNTERS,
  HAS_REPLY_ZONE,
  HAS_SCTP_STATE,
  HAS_START_ESTIMATE,
  HAS_STATUS_PART,
  HAS_TCP_STATE,
  HAS_TIMEOUT,
  MARK,
  ORIG_DPORT,
  ORIG_DST,
  ORIG_OCTETS,
  ORIG_PACKETS,
  ORIG_SPORT,
  ORIG_SRC,
  ORIG_ZONE,
  PRESENT,
  PROTOCOL,
  REPLY_DPORT,
  REPLY_DST,
  REPLY_OCTETS,
  REPLY_PACKETS,
  REPLY_SPORT,
  REPLY_SRC,
  REPLY_ZONE,
  START_NS,
  STATE,
  STATUS,
  TCP_STATES,
  TIMEOUT,
} from '../row/layout.generated.js';
import { SCTP_STATES } from '../row/conntrack.js';
import { IPPROTO_SCTP, IPPROTO_TCP } from '../row/protocol.js';
import { hashTuple } from '../row/tuple-hash.js';

const AF_INET = 2;
const AF_INET6 = 10;

// enum ip_conntrack_status, include/uapi/linux/netfilter/nf_conntrack_common.h
const IPS_SEEN_REPLY = 1 << 1;
const IPS_ASSURED = 1 << 2;
const IPS_CONFIRMED = 1 << 3;
const IPS_OFFLOAD = 1 << 14;
/** The status bits that a line shows. */
export const PROCFS_STATUS = IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | IPS_OFFLOAD;

const SPACE = 0x20;
const BRACKET = 0x5b;
const COLON = 0x3a;
const DOT = 0x2e;
const EQUALS = 0x3d;
const ZERO = 0x30;
const LOWER_A = 0x61;
const LOWER_X = 0x78;

const U8_MAX = 0xff;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;
const TWO_32 = 2 ** 32;

// What was read of a direction.
const SEEN_SRC = 1 << 0;
const SEEN_DST = 1 << 1;
const SEEN_SPORT = 1 << 2;
const SEEN_DPORT = 1 << 3;
const SEEN_TYPE = 1 << 4;
const SEEN_CODE = 1 << 5;
const SEEN_ID = 1 << 6;
const SEEN_PACKETS = 1 << 7;
const SEEN_BYTES = 1 << 8;
const ADDRESSES = SEEN_SRC | SEEN_DST;
const PORTS = SEEN_SPORT | SEEN_DPORT;
const ICMP = SEEN_TYPE | SEEN_CODE | SEEN_ID;
const COUNTERS = SEEN_PACKETS | SEEN_BYTES;

/** A word that is looked up by its bytes. */
interface Word<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

const KEY_NAMES = [
  ...(['src', 'dst', 'sport', 'dport', 'packets', 'bytes', 'mark', 'zone', 'delta-time'] as const),
  ...(['type', 'code', 'id', 'srckey', 'dstkey', 'zone-orig', 'zone-reply'] as const),
];
type Key = (typeof KEY_NAMES)[number];

/** The keys by {@link slotOf}: no two have both length and first letter in common. */
const KEYS: (Word<Key> | undefined)[] = Array<undefined>(16 * 32).fill(undefined);
for (const name of KEY_NAMES) KEYS[slotOf(name.length, name.charCodeAt(0))] = word(name, name);
const TCP_WORDS = TCP_STATES.map((name, state) => word(name, state));
const SCTP_WORDS = SCTP_STATES.map((name, state) => word(name, state));
const UNREPLIED = 0;
const LABEL_WORDS = [
  word('[UNREPLIED]', UNREPLIED),
  word('[ASSURED]', IPS_ASSURED),
  word('[OFFLOAD]', IPS_OFFLOAD),
  word('[HW_OFFLOAD]', IPS_OFFLOAD),
];

/**
 * Reads lines of /proc/net/nf_conntrack (ct_seq_show of net/netfilter/nf_conntrack_standalone.c) into a row, byte by byte.
 *
 * A line is `ipv4 2 tcp 6 TIMEOUT STATE`, the original tuple with its counters, `[UNREPLIED]` or not, the reply tuple with
 * its counters, and then what concerns both. What the kernel leaves out stays unset: timeout and TCP state of an offloaded
 * entry, counters without nf_conntrack_acct, the age without nf_conntrack_timestamp. Unknown words are passed over.
 */
export class ProcfsLineParser {
  readonly #row: Batch;
  #bytes: Uint8Array = new Uint8Array(0);
  #from = 0; // of the current word
  #to = 0;
  #equals = -1; // the first = in it
  #end = 0;
  #present = 0;
  #status = 0;
  #seen = 0; // of the current direction
  #original = -1; // what was seen of the original direction, once the reply began

  /** @param row the first row is overwritten by each call of {@link parse} */
  constructor(row: Batch) {
    this.#row = row;
  }

  /**
   * Reads the line from `start` to `end`, without its newline.
   * @param now milliseconds since 1970, from which the age is taken off
   * @returns false where it is malformed: neither IPv4 nor IPv6, not both tuples, or a value that cannot be read
   */
  parse(bytes: Uint8Array, start: number, end: number, now: number): boolean {
    const row = this.#row;
    row.u32.fill(0);
    this.#bytes = bytes;
    this.#from = start;
    this.#to = start;
    this.#end = end;
    this.#present = HAS_STATUS_PART;
    this.#status = IPS_CONFIRMED | IPS_SEEN_REPLY;
    this.#seen = 0;
    this.#original = -1;
    const family = this.#next() && this.#next() ? this.#decimal(this.#from, U8_MAX) : -1;
    const protocol = this.#next() && this.#next() ? this.#decimal(this.#from, U8_MAX) : -1;
    if ((family !== AF_INET && family !== AF_INET6) || protocol < 0) return false;
    row.bytes[FAMILY] = family;
    row.bytes[PROTOCOL] = protocol;
    while (this.#next()) {
      if (!this.#word(now)) return false;
    }
    const original = this.#original;
    const reply = this.#seen;
    if (original < 0 || (original & reply & ADDRESSES) !== ADDRESSES) return false;
    if ((original & PORTS) === PORTS) this.#present |= HAS_PORTS;
    if ((original & ICMP) === ICMP) this.#present |= HAS_ICMP;
    if ((original & COUNTERS) === COUNTERS) this.#present |= HAS_ORIG_COUNTERS;
    if ((reply & COUNTERS) === COUNTERS) this.#present |= HAS_REPLY_COUNTERS;
    row.u32[STATUS >> 2] = this.#status;
    row.u32[PRESENT >> 2] = this.#present;
    hashTuple(row);
    return true;
  }

  /** Goes to the next word; words are parted by spaces. */
  #next(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let from = this.#to;
    while (from < end && bytes[from] === SPACE) from++;
    let to = from;
    let equals = -1;
    for (; to < end; to++) {
      const byte = bytes[to];
      if (byte === SPACE) break;
      if (byte === EQUALS && equals < 0) equals = to;
    }
    this.#from = from;
    this.#to = to;
    this.#equals = equals;
    return from < to;
  }

  #word(now: number): boolean {
    if (this.#bytes[this.#from] === BRACKET) {
      this.#label();
      return true;
    }
    if (this.#equals >= 0) return this.#fact(this.#equals, now);
    // Timeout and state stand before the first tuple.
    return this.#seen !== 0 || this.#original >= 0 || this.#column();
  }

  #label(): void {
    const label = find(LABEL_WORDS, this.#bytes, this.#from, this.#to);
    if (label === UNREPLIED) this.#status &= ~IPS_SEEN_REPLY;
    else if (label !== undefined) this.#status |= label;
  }

  #column(): boolean {
    const row = this.#row;
    if (isDigit(this.#bytes[this.#from])) return this.#u32(this.#from, TIMEOUT, HAS_TIMEOUT);
    const protocol = row.bytes[PROTOCOL];
    const names = protocol === IPPROTO_TCP ? TCP_WORDS : protocol === IPPROTO_SCTP ? SCTP_WORDS : undefined;
    const state = names && find(names, this.#bytes, this.#from, this.#to);
    if (state !== undefined) {
      row.bytes[STATE] = state;
      this.#present |= protocol === IPPROTO_TCP ? HAS_TCP_STATE : HAS_SCTP_STATE;
    }
    return true;
  }

  #fact(equals: number, now: number): boolean {
    const value = equals + 1;
    const key = this.#key(equals);
    if (key === 'src' && this.#seen & SEEN_SRC) {
      if (this.#original >= 0) return false;
      this.#original = this.#seen;
      this.#seen = 0;
    }
    const reply = this.#original >= 0;
    switch (key) {
      case 'src':
        return this.#address(value, reply ? REPLY_SRC : ORIG_SRC, SEEN_SRC);
      case 'dst':
        return this.#address(value, reply ? REPLY_DST : ORIG_DST, SEEN_DST);
      case 'sport':
        return this.#u16(this.#decimal(value, U16_MAX), reply ? REPLY_SPORT : ORIG_SPORT, SEEN_SPORT);
      case 'dport':
        return this.#u16(this.#decimal(value, U16_MAX), reply ? REPLY_DPORT : ORIG_DPORT, SEEN_DPORT);
      case 'srckey': // GRE
        return this.#u16(this.#hexadecimal(value), reply ? REPLY_SPORT : ORIG_SPORT, SEEN_SPORT);
      case 'dstkey':
        return this.#u16(this.#hexadecimal(value), reply ? REPLY_DPORT : ORIG_DPORT, SEEN_DPORT);
      case 'id':
        return this.#u16(this.#decimal(value, U16_MAX), reply ? REPLY_SPORT : ORIG_SPORT, SEEN_ID);
      case 'type':
        return this.#icmp(this.#decimal(value, U8_MAX), 8, reply ? REPLY_DPORT : ORIG_DPORT, SEEN_TYPE);
      case 'code':
        return this.#icmp(this.#decimal(value, U8_MAX), 0, reply ? REPLY_DPORT : ORIG_DPORT, SEEN_CODE);
      case 'packets':
        return this.#u64(value, reply ? REPLY_PACKETS : ORIG_PACKETS, SEEN_PACKETS);
      case 'bytes':
        return this.#u64(value, reply ? REPLY_OCTETS : ORIG_OCTETS, SEEN_BYTES);
      case 'mark':
        return this.#u32(value, MARK, HAS_MARK);
      case 'zone':
        return this.#zone(value, ORIG_ZONE, HAS_ORIG_ZONE) && this.#zone(value, REPLY_ZONE, HAS_REPLY_ZONE);
      case 'zone-orig':
        return this.#zone(value, ORIG_ZONE, HAS_ORIG_ZONE);
      case 'zone-reply':
        return this.#zone(value, REPLY_ZONE, HAS_REPLY_ZONE);
      case 'delta-time':
        return this.#age(value, now);
      case undefined:
        return true;
    }
  }

  #key(equals: number): Key | undefined {
    const key = KEYS[slotOf(equals - this.#from, this.#bytes[this.#from])];
    if (key === undefined || key.bytes.length !== equals - this.#from) return undefined;
    return isAt(key.bytes, this.#bytes, this.#from) ? key.value : undefined;
  }

  #u16(value: number, field: number, seen: number): boolean {
    if (value < 0) return false;
    this.#row.u16[field >> 1] = value;
    this.#seen |= seen;
    return true;
  }

  #icmp(value: number, shift: number, field: number, seen: number): boolean {
    return this.#u16(value < 0 ? value : this.#row.u16[field >> 1] | (value << shift), field, seen);
  }

  #u32(at: number, field: number, flag: number): boolean {
    const value = this.#decimal(at, U32_MAX);
    if (value < 0) return false;
    this.#row.u32[field >> 2] = value;
    this.#present |= flag;
    return true;
  }

  /** The kernel's default zone is unset, as netlink leaves it out. */
  #zone(at: number, field: number, flag: number): boolean {
    const value = this.#decimal(at, U16_MAX);
    if (value < 0) return false;
    this.#row.u16[field >> 1] = value;
    if (value > 0) this.#present |= flag;
    return true;
  }

  #age(at: number, now: number): boolean {
    const seconds = this.#decimal(at, U32_MAX);
    const start = now - seconds * 1000;
    if (seconds < 0 || start < 0) return false;
    // 10^6 nanoseconds times either half of the milliseconds stay in the exact range of a double
    const low = (start % TWO_32) * 1e6;
    this.#row.u32[START_NS >> 2] = low % TWO_32;
    this.#row.u32[(START_NS >> 2) + 1] = Math.floor(start / TWO_32) * 1e6 + Math.floor(low / TWO_32);
    this.#present |= HAS_START_ESTIMATE;
    return true;
  }

  /** The decimal number from `at` to the end of the word; -1 where it is none or above `max`. */
  #decimal(at: number, max: number): number {
    if (at === this.#to) return -1;
    let value = 0;
    for (; at < this.#to; at++) {
      const byte = this.#bytes[at];
      if (!isDigit(byte)) return -1;
      value = value * 10 + (byte - ZERO);
      if (value > max) return -1;
    }
    return value;
  }

  /** A number of up to 16 bits with 0x in front; -1 where it is none. */
  #hexadecimal(at: number): number {
    if (this.#to - at < 3 || this.#bytes[at] !== ZERO || this.#bytes[at + 1] !== LOWER_X) return -1;
    let value = 0;
    for (at += 2; at < this.#to; at++) {
      const digit = hexDigit(this.#bytes[at]);
      if (digit < 0) return -1;
      value = value * 16 + digit;
      if (value > U16_MAX) return -1;
    }
    return value;
  }

  #u64(at: number, field: number, seen: number): boolean {
    if (at === this.#to) return false;
    let low = 0;
    let high = 0;
    for (; at < this.#to; at++) {
      const byte = this.#bytes[at];
      if (!isDigit(byte)) return false;
      low = low * 10 + (byte - ZERO);
      const carry = Math.floor(low / TWO_32);
      low -= carry * TWO_32;
      high = high * 10 + carry;
      if (high >= TWO_32) return false;
    }
    this.#row.u32[field >> 2] = low;
    this.#row.u32[(field >> 2) + 1] = high;
    this.#seen |= seen;
    return true;
  }

  #address(at: number, field: number, seen: number): boolean {
    this.#seen |= seen;
    return this.#row.bytes[FAMILY] === AF_INET ? this.#ipv4(at, field) : this.#ipv6(at, field);
  }

  #ipv4(at: number, field: number): boolean {
    let octet = 0;
    let digits = 0;
    let value = 0;
    for (; at <= this.#to; at++) {
      const byte = at < this.#to ? this.#bytes[at] : DOT;
      if (byte === DOT) {
        if (digits === 0 || octet > 3) return false;
        this.#row.bytes[field + octet++] = value;
        digits = 0;
        value = 0;
      } else {
        value = value * 10 + (byte - ZERO);
        if (!isDigit(byte) || ++digits > 3 || value > U8_MAX) return false;
      }
    }
    return octet === 4;
  }

  /** Eight groups of hexadecimal digits, the kernel's %pI6; it does not shorten. */
  #ipv6(at: number, field: number): boolean {
    let group = 0;
    let digits = 0;
    let value = 0;
    for (; at <= this.#to; at++) {
      const byte = at < this.#to ? this.#bytes[at] : COLON;
      if (byte === COLON) {
        if (digits === 0 || group > 7) return false;
        this.#row.bytes[field + group * 2] = value >> 8;
        this.#row.bytes[field + group * 2 + 1] = value;
        group++;
        digits = 0;
        value = 0;
      } else {
        const digit = hexDigit(byte);
        if (digit < 0 || ++digits > 4) return false;
        value = (value << 4) | digit;
      }
    }
    return group === 8;
  }
}

function word<T>(text: string, value: T): Word<T> {
  return { bytes: Buffer.from(text, 'latin1'), value };
}

function slotOf(length: number, first: number): number {
  return ((length & 15) << 5) | (first & 31);
}

function find<T>(words: readonly Word<T>[], bytes: Uint8Array, from: number, to: number): T | undefined {
  for (const word of words) {
    if (word.bytes.length === to - from && isAt(word.bytes, bytes, from)) return word.value;
  }
  return undefined;
}

function isAt(text: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text[i]) return false;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** The value of a lower-case hexadecimal digit, -1 for another byte. */
function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  return byte >= LOWER_A && byte <= LOWER_A + 5 ? byte - LOWER_A + 10 : -1;
}
