import { writeNumber } from '../common/u64.js';
import type { Batch } from '../row/batch.js';
import { DCCP_STATES, SCTP_STATES } from '../row/conntrack.js';
import * as row from '../row/layout.generated.js';
import { AF_INET, AF_INET6, hasPorts, IPPROTO_DCCP, IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_TCP } from '../row/protocol.js';
import { hashTuple } from '../row/tuple-hash.js';
import { TWO_32, U16_MAX, U32_MAX, U8_MAX } from '../common/unsigned.js';

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

const U64_MAX = 2n ** 64n - 1n;

// what was read of a direction
const SRC = 1 << 0;
const DST = 1 << 1;
const SPORT = 1 << 2;
const DPORT = 1 << 3;
const TYPE = 1 << 4;
const CODE = 1 << 5;
const ID = 1 << 6;
const PACKETS = 1 << 7;
const BYTES = 1 << 8;

/** Words, found by their bytes. */
class Words<T> {
  /** By {@link slotOf}; few words have both length and first letter in common. */
  readonly #slots: { bytes: Uint8Array; value: T }[][] = Array.from({ length: 1024 }, () => []);

  constructor(words: readonly (readonly [string, T])[]) {
    for (const [text, value] of words) {
      const bytes = Buffer.from(text, 'latin1');
      this.#slots[slotOf(bytes.length, bytes[0])].push({ bytes, value });
    }
  }

  find(bytes: Uint8Array, from: number, to: number): T | undefined {
    const slot = this.#slots[slotOf(to - from, bytes[from])];
    for (let i = 0; i < slot.length; i++) {
      const word = slot[i];
      let same = 0;
      while (same < word.bytes.length && word.bytes[same] === bytes[from + same]) same++;
      if (same === to - from) return word.value;
    }
    return undefined;
  }
}

function slotOf(length: number, first: number): number {
  return ((length & 31) << 5) | (first & 31);
}

/** A value of a line: how it is written, and where it is stored. */
interface Fact {
  readonly kind: 'address' | 'u16' | 'hexadecimal' | 'u32' | 'u64' | 'age';
  /** Offsets in the row. */
  readonly original: number;
  readonly reply: number;
  readonly max: number;
  /** The value is multiplied by it. */
  readonly unit: number;
  /** What was read of the direction with it, and of the connection. */
  readonly seen: number;
  readonly flag: number;
}

function fact(kind: Fact['kind'], [original, reply]: readonly number[], more: Partial<Fact>): Fact {
  return { kind, original, reply, max: U16_MAX, unit: 1, seen: 0, flag: 0, ...more };
}

const SPORTS = [row.ORIG_SPORT, row.REPLY_SPORT];
const DPORTS = [row.ORIG_DPORT, row.REPLY_DPORT];
const FACTS = new Words<Fact>([
  ['src', fact('address', [row.ORIG_SRC, row.REPLY_SRC], { seen: SRC })],
  ['dst', fact('address', [row.ORIG_DST, row.REPLY_DST], { seen: DST })],
  ['sport', fact('u16', SPORTS, { seen: SPORT })],
  ['dport', fact('u16', DPORTS, { seen: DPORT })],
  ['srckey', fact('hexadecimal', SPORTS, { seen: SPORT })], // GRE
  ['dstkey', fact('hexadecimal', DPORTS, { seen: DPORT })],
  ['type', fact('u16', DPORTS, { seen: TYPE, max: U8_MAX, unit: 256 })],
  ['code', fact('u16', DPORTS, { seen: CODE, max: U8_MAX })],
  ['id', fact('u16', SPORTS, { seen: ID })],
  ['packets', fact('u64', [row.ORIG_PACKETS, row.REPLY_PACKETS], { seen: PACKETS })],
  ['bytes', fact('u64', [row.ORIG_OCTETS, row.REPLY_OCTETS], { seen: BYTES })],
  ['zone-orig', fact('u16', [row.ORIG_ZONE, row.ORIG_ZONE], {})],
  ['zone-reply', fact('u16', [row.REPLY_ZONE, row.REPLY_ZONE], {})],
  ['zone', fact('u32', [row.ORIG_ZONE, row.ORIG_ZONE], { unit: 0x10001 })], // both are one word
  ['mark', fact('u32', [row.MARK, row.MARK], { max: U32_MAX, flag: row.HAS_MARK })],
  ['delta-time', fact('age', [row.START_NS, row.START_NS], { max: U32_MAX, flag: row.HAS_START_ESTIMATE })],
]);
const TIMEOUT = fact('u32', [row.TIMEOUT, row.TIMEOUT], { max: U32_MAX, flag: row.HAS_TIMEOUT });
/** By protocol: its states, and the flag of one. */
const STATES = new Map([
  [IPPROTO_TCP, { names: statesOf(row.TCP_STATES), flag: row.HAS_TCP_STATE }],
  [IPPROTO_SCTP, { names: statesOf(SCTP_STATES), flag: row.HAS_SCTP_STATE }],
  [IPPROTO_DCCP, { names: statesOf(DCCP_STATES), flag: row.HAS_DCCP_STATE }],
]);
/** The status bit that a label turns over. */
const LABELS = new Words([
  ['[UNREPLIED]', IPS_SEEN_REPLY],
  ['[ASSURED]', IPS_ASSURED],
  ['[OFFLOAD]', IPS_OFFLOAD],
  ['[HW_OFFLOAD]', IPS_OFFLOAD],
]);

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
  #now = 0;
  #present = 0;
  #seen = 0; // of the current direction
  #original = -1; // what was seen of the original direction, once the reply has begun

  /** @param batch the first row is overwritten by each call of {@link parse} */
  constructor(batch: Batch) {
    this.#row = batch;
  }

  /**
   * Reads the line from `start` to `end`, without its newline.
   * @param now milliseconds since 1970, from which the age is taken off
   * @returns false where it is malformed: neither IPv4 nor IPv6, not both tuples, or a value that cannot be read
   */
  parse(bytes: Uint8Array, start: number, end: number, now: number): boolean {
    const { bytes: octets, u16, u32 } = this.#row;
    u32.fill(0);
    this.#bytes = bytes;
    this.#to = start;
    this.#end = end;
    this.#now = now;
    this.#present = row.HAS_STATUS_PART;
    this.#seen = 0;
    this.#original = -1;
    const family = this.#column();
    const protocol = this.#column();
    if ((family !== AF_INET && family !== AF_INET6) || protocol < 0) return false;
    octets[row.FAMILY] = family;
    octets[row.PROTOCOL] = protocol;
    let status = IPS_CONFIRMED | IPS_SEEN_REPLY;
    while (this.#next()) {
      if (bytes[this.#from] === BRACKET) status ^= LABELS.find(bytes, this.#from, this.#to) ?? 0;
      else if (this.#equals >= 0) {
        const fact = FACTS.find(bytes, this.#from, this.#equals);
        if (fact !== undefined && !this.#read(fact, this.#equals + 1)) return false;
      } else if (this.#seen === 0 && this.#original < 0) {
        // timeout and state stand before the first tuple
        if (!isDigit(bytes[this.#from])) this.#state(protocol);
        else if (!this.#read(TIMEOUT, this.#from)) return false;
      }
    }
    const original = this.#original;
    const reply = this.#seen;
    if (original < 0 || !has(original & reply, SRC | DST)) return false;
    if (has(original, SPORT | DPORT)) this.#present |= slotFlag(protocol);
    if (has(original, TYPE | CODE | ID)) this.#present |= row.HAS_ICMP;
    if (has(original, PACKETS | BYTES)) this.#present |= row.HAS_ORIG_COUNTERS;
    if (has(reply, PACKETS | BYTES)) this.#present |= row.HAS_REPLY_COUNTERS;
    // the default zone is unset, as netlink leaves it out
    if (u16[row.ORIG_ZONE >> 1] > 0) this.#present |= row.HAS_ORIG_ZONE;
    if (u16[row.REPLY_ZONE >> 1] > 0) this.#present |= row.HAS_REPLY_ZONE;
    u32[row.STATUS_WORD] = status;
    u32[row.PRESENT_WORD] = this.#present;
    hashTuple(this.#row);
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

  /** The number after a name: `tcp 6`. */
  #column(): number {
    this.#next();
    this.#next();
    return this.#number(this.#from, 10, U8_MAX);
  }

  #state(protocol: number): void {
    const states = STATES.get(protocol);
    const state = states?.names.find(this.#bytes, this.#from, this.#to);
    if (state === undefined) return;
    this.#row.bytes[row.STATE] = state;
    this.#present |= states!.flag;
  }

  /** Reads the value from `at` to the end of the word. */
  #read(fact: Fact, at: number): boolean {
    if (this.#seen & fact.seen) {
      // a second src begins the reply tuple, nothing else comes twice
      if (fact.seen !== SRC || this.#original >= 0) return false;
      this.#original = this.#seen;
      this.#seen = 0;
    }
    this.#seen |= fact.seen;
    this.#present |= fact.flag;
    const offset = this.#original < 0 ? fact.original : fact.reply;
    if (fact.kind === 'address') return this.#address(at, offset);
    if (fact.kind === 'u64') return this.#counter(at, offset);
    const value = fact.kind === 'hexadecimal' ? this.#key(at) : this.#number(at, 10, fact.max);
    if (value < 0) return false;
    if (fact.kind === 'age') return this.#age(value);
    if (fact.kind === 'u32') this.#row.u32[offset >> 2] = value * fact.unit;
    else this.#row.u16[offset >> 1] |= value * fact.unit;
    return true;
  }

  /** The number from `at` to the end of the word; -1 where it is none or above `max`. */
  #number(at: number, radix: number, max: number): number {
    if (at === this.#to) return -1;
    let value = 0;
    for (; at < this.#to; at++) {
      const digit = digitOf(this.#bytes[at]);
      if (digit < 0 || digit >= radix) return -1;
      value = value * radix + digit;
      if (value > max) return -1;
    }
    return value;
  }

  /** A number with 0x in front. */
  #key(at: number): number {
    const prefixed = this.#bytes[at] === ZERO && this.#bytes[at + 1] === LOWER_X;
    return prefixed && at + 2 <= this.#to ? this.#number(at + 2, 16, U16_MAX) : -1;
  }

  #counter(at: number, offset: number): boolean {
    const value = this.#number(at, 10, Number(U64_MAX));
    if (value <= Number.MAX_SAFE_INTEGER) {
      if (value >= 0) writeNumber(this.#row.u32, offset >> 2, value);
      return value >= 0;
    }
    const exact = BigInt(String.fromCharCode(...this.#bytes.subarray(at, this.#to)));
    this.#row.u32[offset >> 2] = Number(exact & BigInt(U32_MAX));
    this.#row.u32[(offset >> 2) + 1] = Number(exact >> 32n);
    return exact <= U64_MAX;
  }

  #age(seconds: number): boolean {
    const start = this.#now - seconds * 1000;
    if (start < 0) return false;
    // 10^6 nanoseconds times either half of the milliseconds stay in the exact range of a double
    const low = (start % TWO_32) * 1e6;
    this.#row.u32[row.START_NS_WORD] = low % TWO_32;
    this.#row.u32[row.START_NS_WORD + 1] = Math.floor(start / TWO_32) * 1e6 + Math.floor(low / TWO_32);
    return true;
  }

  /** Four decimal groups, or eight hexadecimal ones: the kernel's %pI6 does not shorten. */
  #address(at: number, offset: number): boolean {
    const octets = this.#row.bytes;
    const ipv4 = octets[row.FAMILY] === AF_INET;
    const separator = ipv4 ? DOT : COLON;
    const radix = ipv4 ? 10 : 16;
    const end = offset + (ipv4 ? 4 : 16);
    let digits = 0;
    let value = 0;
    for (; at <= this.#to; at++) {
      const byte = at < this.#to ? this.#bytes[at] : separator;
      if (byte !== separator) {
        const digit = digitOf(byte);
        if (digit < 0 || digit >= radix || ++digits > 4) return false;
        value = value * radix + digit;
      } else {
        if (digits === 0 || offset === end || (ipv4 && (digits > 3 || value > U8_MAX))) return false;
        if (!ipv4) octets[offset++] = value >> 8;
        octets[offset++] = value;
        digits = 0;
        value = 0;
      }
    }
    return offset === end;
  }
}

function statesOf(names: readonly string[]): Words<number> {
  return new Words(names.map((name, state) => [name, state]));
}

/** The flag of what a line has as ports or keys. */
function slotFlag(protocol: number): number {
  if (protocol === IPPROTO_GRE) return row.HAS_KEYS;
  return hasPorts(protocol) ? row.HAS_PORTS : 0;
}

function has(seen: number, bits: number): boolean {
  return (seen & bits) === bits;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** The value of a decimal or lower-case hexadecimal digit, -1 for another byte. */
function digitOf(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  return byte >= LOWER_A && byte <= LOWER_A + 5 ? byte - LOWER_A + 10 : -1;
}
