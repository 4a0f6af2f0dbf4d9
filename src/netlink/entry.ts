import {
  HAS_DCCP_STATE,
  HAS_EVENT_TIME,
  HAS_HELPER,
  HAS_ID,
  HAS_LABELS,
  HAS_MARK,
  HAS_ORIG_ZONE,
  HAS_REPLY_ZONE,
  HAS_SCTP_STATE,
  HAS_START,
  HAS_STATUS,
  HAS_STOP,
  HAS_TCP_FLAGS,
  HAS_TCP_STATE,
  HAS_TIMEOUT,
  HELPER,
  ID,
  LABELS,
  MARK,
  ORIG_ZONE,
  PRESENT,
  REPLY_ZONE,
  START_NS,
  STATE,
  STATUS,
  STOP_NS,
  TCP_FLAGS,
  TIMEOUT,
} from '../row/layout.generated.js';
import { hashTuple } from '../row/tuple-hash.js';
import { ATTRIBUTE_HEADER, fits, lengthOf, spanOf, typeOf } from './attributes.js';
import { type Direction, ORIGINAL, REPLY } from '../row/direction.js';
import { AF_INET, AF_INET6 } from '../row/protocol.js';
import { EntryShape, ShapeNotes } from './entry-shape.js';
import type { EntryRow } from './entry-row.js';
import { protocolOf, READABLE, readTuple, slotFlag } from './tuple.js';

const NFGENMSG_SIZE = 4;

// enum ctattr_type and its nested kin, include/uapi/linux/netfilter/nfnetlink_conntrack.h
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_HELP = 5;
const CTA_TIMEOUT = 7;
const CTA_MARK = 8;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_TIMESTAMP = 20;
const CTA_LABELS = 22;
const CTA_TIMESTAMP_EVENT = 27;

const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_DCCP = 2;
const CTA_PROTOINFO_SCTP = 3;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4; // struct nf_ct_tcp_flags: flags, mask
const CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
const CTA_PROTOINFO_DCCP_STATE = 1;
const CTA_PROTOINFO_SCTP_STATE = 1;

const CTA_COUNTERS_PACKETS = 1;
const CTA_COUNTERS_BYTES = 2;
const CTA_COUNTERS32_PACKETS = 3; // before Linux 2.6.25
const CTA_COUNTERS32_BYTES = 4;

const CTA_TIMESTAMP_START = 1;
const CTA_TIMESTAMP_STOP = 2;

const CTA_HELP_NAME = 1;

const LABELS_SIZE = 16;
const HELPER_LENGTH = 15; // NF_CT_HELPER_NAME_LEN without its NUL

/** Bytes of an entry whose shape is learned at most; the kernel's have some 300. */
const LONGEST_LEARNED = 1024;
/** Shapes of one length. */
const SHAPES_A_LENGTH = 8;
const ALL_LEARNED: EntryShape[] = [];

/** By words of the entry; those of the other byte order apart. */
const shapes: EntryShape[][] = [];
const swappedShapes: EntryShape[][] = [];

/**
 * Reads the entry from `start` to `end` (nfgenmsg and attributes of IPCTNL_MSG_CT_NEW and _DELETE, as ctnetlink_fill_info of
 * net/netfilter/nf_conntrack_netlink.c writes them) into the row that begins at byte `to` and is zero everywhere. A later
 * attribute stands over an earlier one of the same type.
 *
 * Attribute headers are in the byte order of the recording host, payloads are big-endian.
 * @returns false where it is malformed: a family other than IPv4 and IPv6; a direction without both addresses of that
 * family or without a protocol; two protocols; a known attribute that is too short; an attribute that leaves its container.
 * The row is undefined then
 */
export function readEntry(row: EntryRow, start: number, end: number, to: number): boolean {
  const size = end - start;
  if (size < NFGENMSG_SIZE) return false;
  const { netlink, words } = row;
  const family = netlink[start];
  if (family !== AF_INET && family !== AF_INET6) return false;
  const known =
    size % 4 === 0 && size <= LONGEST_LEARNED
      ? ((row.swapped ? swappedShapes : shapes)[size >> 2] ??= [])
      : ALL_LEARNED;
  for (let i = 0; i < known.length; i++) {
    if (!known[i].fits(words, start)) continue;
    known[i].read(netlink, words, start, row, to);
    hashTuple(row, to);
    return true;
  }
  const notes = known.length < SHAPES_A_LENGTH && known !== ALL_LEARNED ? new ShapeNotes() : undefined;
  row.begin(start, to, notes);
  if (!readAttributes(row, start + NFGENMSG_SIZE, end, to)) return false;
  if (notes && !notes.odd) known.push(new EntryShape(notes, row.u32[(to + PRESENT) >> 2]));
  hashTuple(row, to);
  return true;
}

function readAttributes(row: EntryRow, start: number, end: number, to: number): boolean {
  let original = 0;
  let reply = 0;
  let eventTime = -1;
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    const size = length - ATTRIBUTE_HEADER;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_TUPLE_ORIG:
        original = readTuple(row, at, at + size, ORIGINAL, original);
        if (original < 0) return false;
        break;
      case CTA_TUPLE_REPLY:
        reply = readTuple(row, at, at + size, REPLY, reply);
        if (reply < 0) return false;
        break;
      case CTA_STATUS:
        if (!row.putU32(at, size, STATUS, HAS_STATUS)) return false;
        break;
      case CTA_PROTOINFO:
        if (!readProtoInfo(row, at, at + size)) return false;
        break;
      case CTA_HELP:
        if (!readHelp(row, at, at + size)) return false;
        break;
      case CTA_TIMEOUT:
        if (!row.putU32(at, size, TIMEOUT, HAS_TIMEOUT)) return false;
        break;
      case CTA_MARK:
        if (!row.putU32(at, size, MARK, HAS_MARK)) return false;
        break;
      case CTA_COUNTERS_ORIG:
        if (!readCounters(row, at, at + size, ORIGINAL)) return false;
        break;
      case CTA_COUNTERS_REPLY:
        if (!readCounters(row, at, at + size, REPLY)) return false;
        break;
      case CTA_ID:
        if (!row.putU32(at, size, ID, HAS_ID)) return false;
        break;
      case CTA_ZONE:
        // NF_CT_DEFAULT_ZONE_DIR: one zone for both directions
        if (!row.putU16(at, size, ORIG_ZONE, HAS_ORIG_ZONE | HAS_REPLY_ZONE)) return false;
        row.putU16(at, size, REPLY_ZONE, 0);
        break;
      case CTA_TIMESTAMP:
        if (!readTimestamp(row, at, at + size)) return false;
        break;
      case CTA_LABELS:
        if (size < LABELS_SIZE) row.putBytes(at, size, LABELS, LABELS_SIZE);
        else row.putWords(at, LABELS_SIZE, LABELS);
        row.present |= HAS_LABELS;
        break;
      case CTA_TIMESTAMP_EVENT:
        // since Linux 6.14, where timestamps are on
        if (size < 8) return false;
        eventTime = at;
        break;
    }
  }
  if ((original & reply & READABLE) !== READABLE || protocolOf(original) !== protocolOf(reply)) return false;
  // the event of an end has both, and its stop time is the one that leaves out how late the kernel noticed
  if (eventTime >= 0 && (row.present & HAS_STOP) === 0) {
    row.putU64(eventTime, 8, STOP_NS);
    row.present |= HAS_EVENT_TIME;
  }
  row.u32[(to + PRESENT) >> 2] = row.present | slotFlag(original);
  return true;
}

function readProtoInfo(row: EntryRow, start: number, end: number): boolean {
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    const until = next + length;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_PROTOINFO_TCP:
        if (!readTcp(row, at, until)) return false;
        break;
      case CTA_PROTOINFO_DCCP:
        if (!readState(row, at, until, CTA_PROTOINFO_DCCP_STATE, HAS_DCCP_STATE)) return false;
        break;
      case CTA_PROTOINFO_SCTP:
        if (!readState(row, at, until, CTA_PROTOINFO_SCTP_STATE, HAS_SCTP_STATE)) return false;
        break;
    }
  }
  return true;
}

function readTcp(row: EntryRow, start: number, end: number): boolean {
  let original = -1;
  let reply = -1;
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    const size = length - ATTRIBUTE_HEADER;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_PROTOINFO_TCP_STATE:
        if (!row.putU8(at, size, STATE, HAS_TCP_STATE)) return false;
        break;
      case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
        if (size < 1) return false;
        original = at;
        break;
      case CTA_PROTOINFO_TCP_FLAGS_REPLY:
        if (size < 1) return false;
        reply = at;
        break;
    }
  }
  if (original >= 0 && reply >= 0) {
    row.putBoth(original, reply, TCP_FLAGS);
    row.present |= HAS_TCP_FLAGS;
  }
  return true;
}

/** The state alone. */
function readState(row: EntryRow, start: number, end: number, type: number, flag: number): boolean {
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    next += spanOf(length);
    if (typeOf(header) === type && !row.putU8(at, length - ATTRIBUTE_HEADER, STATE, flag)) return false;
  }
  return true;
}

function readHelp(row: EntryRow, start: number, end: number): boolean {
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    next += spanOf(length);
    if (typeOf(header) === CTA_HELP_NAME) readHelperName(row, at, length - ATTRIBUTE_HEADER);
  }
  return true;
}

function readHelperName(row: EntryRow, at: number, size: number): void {
  const { netlink, bytes } = row;
  const to = row.at + HELPER;
  bytes.fill(0, to, to + HELPER_LENGTH);
  const length = Math.min(size, HELPER_LENGTH);
  for (let i = 0; i < length; i++) {
    const byte = netlink[at + i];
    if (byte === 0) break;
    bytes[to + i] = byte >= 0x20 && byte <= 0x7e ? byte : 0x3f;
  }
  row.present |= HAS_HELPER;
  row.isOdd();
}

function readCounters(row: EntryRow, start: number, end: number, direction: Direction): boolean {
  let seen = 0;
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    const size = length - ATTRIBUTE_HEADER;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_COUNTERS_PACKETS:
        if (!row.putU64(at, size, direction.packets)) return false;
        seen |= 1;
        break;
      case CTA_COUNTERS_BYTES:
        if (!row.putU64(at, size, direction.octets)) return false;
        seen |= 2;
        break;
      case CTA_COUNTERS32_PACKETS:
        if (!row.putU32AsU64(at, size, direction.packets)) return false;
        seen |= 1;
        break;
      case CTA_COUNTERS32_BYTES:
        if (!row.putU32AsU64(at, size, direction.octets)) return false;
        seen |= 2;
        break;
    }
  }
  if (seen === 3) row.present |= direction.hasCounters;
  return true;
}

function readTimestamp(row: EntryRow, start: number, end: number): boolean {
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return false;
    const at = next + ATTRIBUTE_HEADER;
    const size = length - ATTRIBUTE_HEADER;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_TIMESTAMP_START:
        if (!row.putU64(at, size, START_NS)) return false;
        row.present |= HAS_START;
        break;
      case CTA_TIMESTAMP_STOP:
        if (!row.putU64(at, size, STOP_NS)) return false;
        row.present |= HAS_STOP;
        break;
    }
  }
  return true;
}
