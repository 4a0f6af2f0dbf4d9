import * as protocol from '../row/protocol.js';
import * as row from '../row/layout.generated.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  FAMILY,
  HAS_HELPER,
  HAS_ICMP,
  HAS_ID,
  HAS_MARK,
  HAS_ORIG_COUNTERS,
  HAS_ORIG_ZONE,
  HAS_PORTS,
  HAS_REPLY_COUNTERS,
  HAS_REPLY_ZONE,
  ORIG_DPORT,
  ORIG_DST_WORD,
  ORIG_SPORT,
  ORIG_SPORT_WORD,
  ORIG_SRC_WORD,
  PRESENT_WORD,
  REPLY_DPORT,
  REPLY_DST_WORD,
  REPLY_SPORT,
  REPLY_SPORT_WORD,
  REPLY_SRC_WORD,
  ROW_WORDS,
} = row;
const { AF_INET6 } = protocol;

/**
 * The shape of a record: which facts it has, as bits. Records of one shape share a template, so that nothing unknown is
 * ever sent as zero.
 */
export const IPV6 = 1 << 0;
export const PORTS = 1 << 1;
export const ICMP = 1 << 2;
export const SOURCE_NAT = 1 << 3;
export const DESTINATION_NAT = 1 << 4;
export const COUNTERS = 1 << 5;
export const REPLY_COUNTERS = 1 << 6;
/** The zone of both directions, or of the original one. */
export const ZONE = 1 << 7;
/** The zone of the reply direction alone. */
export const REPLY_ZONE = 1 << 8;
export const MARK = 1 << 9;
export const ID = 1 << 10;
export const HELPER = 1 << 11;
/** The reply direction as a record of its own. */
export const REVERSED = 1 << 12;
/** The TCP states that it went through. */
export const TCP_HISTORY = 1 << 13;
/** A packet of it was denied by a rule; not in the row. */
export const DENIED = 1 << 14;
/** Its duration does not fit into 32 bits of milliseconds; not in the row. */
export const LONG = 1 << 15;
/** The service behind the original destination is known; profile antrea alone. */
export const SERVICE = 1 << 16;
/** One end is this host; not in the row. */
export const ONE_END_LOCAL = 1 << 17;
/** The interfaces of the original direction; not in the row. */
export const INGRESS = 1 << 18;
export const EGRESS = 1 << 19;

/** What makes a difference to records of profile `standard`. */
export const STANDARD = 0xffff | ONE_END_LOCAL;

/** @param rows words; @param bytes the same memory; @param slot number of the row */
export function shapeOf(rows: Uint32Array, bytes: Uint8Array, slot: number): number {
  const at = slot * ROW_WORDS;
  const shape = bytes[at * 4 + FAMILY] === AF_INET6 ? IPV6 : 0;
  return shape | shapeOfPresent(rows[at + PRESENT_WORD]) | translationOf(rows, bytes, at);
}

/** What a NAT has translated of the connection whose row begins at word `at`: SOURCE_NAT and DESTINATION_NAT. */
export function translationOf(rows: Uint32Array, bytes: Uint8Array, at: number): number {
  let shape = 0;
  // the reply goes to the source of the request, unless that was translated; and the other way round
  if (rows[at + ORIG_SRC_WORD] !== rows[at + REPLY_DST_WORD]) shape |= SOURCE_NAT;
  if (rows[at + ORIG_DST_WORD] !== rows[at + REPLY_SRC_WORD]) shape |= DESTINATION_NAT;
  if (bytes[at * 4 + FAMILY] === AF_INET6) {
    if (differ(rows, at + ORIG_SRC_WORD, at + REPLY_DST_WORD, 4)) shape |= SOURCE_NAT;
    if (differ(rows, at + ORIG_DST_WORD, at + REPLY_SRC_WORD, 4)) shape |= DESTINATION_NAT;
  }
  if (rows[at + PRESENT_WORD] & HAS_PORTS) {
    const ports = rows[at + ORIG_SPORT_WORD];
    if (((ports << 16) | (ports >>> 16)) !== (rows[at + REPLY_SPORT_WORD] | 0)) shape |= portsTranslated(bytes, at * 4);
  }
  return shape;
}

const BOTH_COUNTERS = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS;
let lastPresent = 0;
let lastShape = 0;

/** Most connections of a table have the same facts. */
function shapeOfPresent(present: number): number {
  if (present === lastPresent) return lastShape;
  let shape = 0;
  if (present & HAS_PORTS) shape |= PORTS;
  if (present & HAS_ICMP) shape |= ICMP;
  if (present & HAS_ORIG_COUNTERS) shape |= COUNTERS;
  // the kernel sends both or none; a packet that was denied counts for its direction
  if ((present & BOTH_COUNTERS) === BOTH_COUNTERS) shape |= REPLY_COUNTERS;
  if (present & HAS_ORIG_ZONE) shape |= ZONE;
  else if (present & HAS_REPLY_ZONE) shape |= REPLY_ZONE;
  if (present & HAS_MARK) shape |= MARK;
  if (present & HAS_ID) shape |= ID;
  if (present & HAS_HELPER) shape |= HELPER;
  lastPresent = present;
  lastShape = shape;
  return shape;
}

function portsTranslated(bytes: Uint8Array, at: number): number {
  const source = portsDiffer(bytes, at + ORIG_SPORT, at + REPLY_DPORT) ? SOURCE_NAT : 0;
  return source | (portsDiffer(bytes, at + ORIG_DPORT, at + REPLY_SPORT) ? DESTINATION_NAT : 0);
}

function differ(rows: Uint32Array, a: number, b: number, words: number): boolean {
  for (let word = 0; word < words; word++) if (rows[a + word] !== rows[b + word]) return true;
  return false;
}

function portsDiffer(bytes: Uint8Array, a: number, b: number): boolean {
  return bytes[a] !== bytes[b] || bytes[a + 1] !== bytes[b + 1];
}
