import type { PrefixTable } from '../inventory/prefix-table.js';
import { HOST_LITTLE_ENDIAN, nanosecondsToMilliseconds } from '../common/u64.js';
import { TWO_32 } from '../common/unsigned.js';
import { isOffloaded, STATUS_BITS } from '../row/conntrack.js';
import { ORIGINAL, REPLY } from '../row/direction.js';
import * as row from '../row/layout.generated.js';
import { AF_INET6 } from '../row/protocol.js';
import {
  within,
  type AddressCondition,
  type Condition,
  type NumberCondition,
  type TextCondition,
} from './condition.js';
import { IPV4, IPV6 } from './fields.js';
import type { Matches } from './filter.js';

/** Rows of ROW_SIZE bytes in one buffer, as a batch and a table have them. A number of a row is what a test is about. */
export interface RowMemory {
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
}

type RowTest = Matches<number>;

/** Bits of the status that procfs shows. */
const PART_BITS = ['SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'OFFLOAD'].reduce(
  (all, name) => all | STATUS_BITS.get(name)!,
  0,
);
/** Of a row, and of a table of connections. */
export const HELPER_BYTES = 16;

/**
 * The test of a field that rows have wherever they stand, undefined for all others. Nothing is allocated for a row: so numbers
 * are read where they are compared, and never returned.
 */
export function rowTest(memory: RowMemory, field: string, condition: Condition): RowTest | undefined {
  switch (condition.kind) {
    case 'number':
      return numberTest(memory, field, condition);
    case 'address':
      return addressTest(memory, field, condition);
    case 'flag': {
      const test = flagTest(memory, field);
      return test && (condition.wanted ? test : subject => !test(subject));
    }
    case 'text':
      return undefined;
  }
}

/** A test of the number at an offset. @param needs flags of the row of which it must have one; 0 for none */
type NumberReader = (memory: RowMemory, offset: number, needs: number, condition: NumberCondition) => RowTest;

/** Where fields have their number, and what says that it is known. Each width has a reader of its own: one for all takes longer. */
const NUMBERS: Readonly<Record<string, readonly [read: NumberReader, offset: number, needs: number]>> = {
  protocol: [byteTest, row.PROTOCOL, 0],
  'tcp.state': [byteTest, row.STATE, row.HAS_TCP_STATE],
  'sctp.state': [byteTest, row.STATE, row.HAS_SCTP_STATE],
  'dccp.state': [byteTest, row.STATE, row.HAS_DCCP_STATE],
  'src.port': [halfTest, row.ORIG_SPORT, row.HAS_PORTS],
  'dst.port': [halfTest, row.ORIG_DPORT, row.HAS_PORTS],
  'nat.src.port': [halfTest, row.REPLY_DPORT, row.HAS_PORTS],
  'nat.dst.port': [halfTest, row.REPLY_SPORT, row.HAS_PORTS],
  // type * 256 + code, in the order of the host
  'icmp.type': [byteTest, row.ORIG_DPORT + (HOST_LITTLE_ENDIAN ? 1 : 0), row.HAS_ICMP],
  'icmp.code': [byteTest, row.ORIG_DPORT + (HOST_LITTLE_ENDIAN ? 0 : 1), row.HAS_ICMP],
  // the kernel leaves a mark of 0 out
  mark: [wordTest, row.MARK, 0],
};

/** Where a field has its counter, and what says that it is known; two counters for both directions together. */
const COUNTERS: Readonly<Record<string, readonly [needs: number, word: number, other?: number]>> = {
  bytes: [row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS, row.ORIG_OCTETS_WORD, row.REPLY_OCTETS_WORD],
  'bytes.original': [row.HAS_ORIG_COUNTERS, row.ORIG_OCTETS_WORD],
  'bytes.reply': [row.HAS_REPLY_COUNTERS, row.REPLY_OCTETS_WORD],
  packets: [row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS, row.ORIG_PACKETS_WORD, row.REPLY_PACKETS_WORD],
  'packets.original': [row.HAS_ORIG_COUNTERS, row.ORIG_PACKETS_WORD],
  'packets.reply': [row.HAS_REPLY_COUNTERS, row.REPLY_PACKETS_WORD],
};

function numberTest(memory: RowMemory, field: string, condition: NumberCondition): RowTest | undefined {
  if (field === 'family') return familyTest(memory, condition);
  if (field === 'zone') return zoneTest(memory, condition);
  if (field === 'status') return wordTest(memory, row.STATUS, statusFlags(condition.mask), condition);
  if (Object.hasOwn(NUMBERS, field)) {
    const [read, offset, needs] = NUMBERS[field];
    return read(memory, offset, needs, condition);
  }
  if (!Object.hasOwn(COUNTERS, field)) return undefined;
  const [needs, word, other] = COUNTERS[field];
  return other === undefined
    ? counterTest(memory, word, needs, condition)
    : sumTest(memory, word, other, needs, condition);
}

function familyTest(memory: RowMemory, { lows, highs }: NumberCondition): RowTest {
  const four = within(lows, highs, IPV4);
  const six = within(lows, highs, IPV6);
  return at => (memory.bytes[at * row.ROW_SIZE + row.FAMILY] === AF_INET6 ? six : four);
}

function byteTest(memory: RowMemory, offset: number, needs: number, { lows, highs }: NumberCondition): RowTest {
  return at => {
    if (needs !== 0 && (memory.u32[at * row.ROW_WORDS + row.PRESENT_WORD] & needs) === 0) return false;
    return within(lows, highs, memory.bytes[at * row.ROW_SIZE + offset]);
  };
}

function halfTest(memory: RowMemory, offset: number, needs: number, { lows, highs }: NumberCondition): RowTest {
  return at => {
    if ((memory.u32[at * row.ROW_WORDS + row.PRESENT_WORD] & needs) === 0) return false;
    return within(lows, highs, memory.u16[(at * row.ROW_SIZE + offset) >> 1]);
  };
}

function wordTest(memory: RowMemory, offset: number, needs: number, condition: NumberCondition): RowTest {
  const { lows, highs, mask = 0xffff_ffff } = condition;
  const word = offset >> 2;
  return at => {
    const from = at * row.ROW_WORDS;
    if (needs !== 0 && (memory.u32[from + row.PRESENT_WORD] & needs) === 0) return false;
    return within(lows, highs, (memory.u32[from + word] & mask) >>> 0);
  };
}

/** That of the original direction, or where only the reply has one its; the kernel leaves zone 0 out. */
function zoneTest(memory: RowMemory, { lows, highs }: NumberCondition): RowTest {
  return at => {
    const has = (memory.u32[at * row.ROW_WORDS + row.PRESENT_WORD] & row.HAS_ORIG_ZONE) !== 0;
    return within(lows, highs, memory.u16[(at * row.ROW_SIZE + (has ? row.ORIG_ZONE : row.REPLY_ZONE)) >> 1]);
  };
}

/** Procfs shows some bits alone. */
function statusFlags(mask: number | undefined): number {
  const part = mask !== undefined && (mask & ~PART_BITS) === 0;
  return part ? row.HAS_STATUS | row.HAS_STATUS_PART : row.HAS_STATUS;
}

function counterTest(memory: RowMemory, word: number, needs: number, { lows, highs }: NumberCondition): RowTest {
  return at => {
    const { u32 } = memory;
    const from = at * row.ROW_WORDS;
    if ((u32[from + row.PRESENT_WORD] & needs) === 0) return false;
    return within(lows, highs, u32[from + word + 1] * TWO_32 + u32[from + word]);
  };
}

/** Both directions together; what one does not have is zero. */
function sumTest(
  memory: RowMemory,
  word: number,
  other: number,
  needs: number,
  { lows, highs }: NumberCondition,
): RowTest {
  return at => {
    const { u32 } = memory;
    const from = at * row.ROW_WORDS;
    if ((u32[from + row.PRESENT_WORD] & needs) === 0) return false;
    const high = u32[from + word + 1] + u32[from + other + 1];
    return within(lows, highs, high * TWO_32 + u32[from + word] + u32[from + other]);
  };
}

/** Where the address of a field begins. */
const ADDRESSES: Readonly<Record<string, number>> = {
  src: ORIGINAL.source,
  dst: ORIGINAL.destination,
  // the reply goes to the source of the request, unless that was translated
  'nat.src': REPLY.destination,
  'nat.dst': REPLY.source,
};

function addressTest(memory: RowMemory, field: string, { four, six, not }: AddressCondition): RowTest | undefined {
  const offset = ADDRESSES[field];
  if (offset === undefined) return undefined;
  const find = (table: PrefixTable, at: number): boolean => (table.find(memory.bytes, at) !== 0) !== not;
  return at => {
    const from = at * row.ROW_SIZE;
    return find(memory.bytes[from + row.FAMILY] === AF_INET6 ? six : four, from + offset);
  };
}

function flagTest(memory: RowMemory, field: string): RowTest | undefined {
  switch (field) {
    case 'snat':
      return at => differs(memory, at, ORIGINAL.source, REPLY.destination, ORIGINAL.sourcePort, REPLY.destinationPort);
    case 'dnat':
      return at => differs(memory, at, ORIGINAL.destination, REPLY.source, ORIGINAL.destinationPort, REPLY.sourcePort);
    case 'offloaded':
      return at => isOffloaded(memory.u32[at * row.ROW_WORDS + row.STATUS_WORD]);
    default:
      return undefined;
  }
}

/** Whether two addresses or ports of a row are not the same. */
function differs(memory: RowMemory, at: number, a: number, b: number, portA: number, portB: number): boolean {
  const { u16, u32 } = memory;
  const from = at * row.ROW_SIZE;
  for (let word = from >> 2, end = word + 4; word < end; word++)
    if (u32[word + (a >> 2)] !== u32[word + (b >> 2)]) return true;
  const ports = (u32[(from + row.PRESENT) >> 2] & row.HAS_PORTS) !== 0;
  return ports && u16[(from + portA) >> 1] !== u16[(from + portB) >> 1];
}

/** Whether the bytes from `from` to `to` are one of the texts; where there are none, it is not known. */
export function textTest({ texts, not }: TextCondition): (bytes: Uint8Array, from: number, to: number) => boolean {
  const wanted = texts.map(text => new TextEncoder().encode(text));
  return (bytes, from, to) => {
    if (from === to) return false;
    for (let i = 0; i < wanted.length; i++) if (same(wanted[i], bytes, from, to)) return !not;
    return not;
  };
}

function same(wanted: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (wanted.length !== to - from) return false;
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== bytes[from + i]) return false;
  return true;
}

/** Where a helper's name that begins at `from` ends. */
export function helperEnd(bytes: Uint8Array, from: number): number {
  let to = from;
  while (to < from + HELPER_BYTES && bytes[to] !== 0) to++;
  return to;
}

/** The start of a row as it is read, milliseconds since 1970; undefined where it is not known. */
export function startOf(u32: Uint32Array, at: number): number | undefined {
  const from = at * row.ROW_WORDS;
  if ((u32[from + row.PRESENT_WORD] & (row.HAS_START | row.HAS_START_ESTIMATE)) === 0) return undefined;
  return nanosecondsToMilliseconds(u32[from + row.START_NS_WORD], u32[from + row.START_NS_WORD + 1]);
}
