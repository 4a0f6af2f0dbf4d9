import type { Batch } from '../row/batch.js';
import {
  HAS_DCCP_STATE,
  HAS_EVENT_TIME,
  HAS_HELPER,
  HAS_ID,
  HAS_LABELS,
  HAS_MARK,
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
  PROTOCOL,
  START_NS,
  STATE,
  STATUS,
  STOP_NS,
  TCP_FLAGS,
  TIMEOUT,
} from '../row/layout.generated.js';
import { hashTuple } from '../row/tuple-hash.js';
import { Attributes } from './attributes.js';
import { type Direction, ORIGINAL, REPLY } from '../row/direction.js';
import { AF_INET, AF_INET6 } from '../row/protocol.js';
import { EntryRow } from './entry-row.js';
import { READABLE, slotFlag, TupleDecoder, type TupleDirection } from './tuple.js';

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

/**
 * Reads ctnetlink entries (nfgenmsg and attributes of IPCTNL_MSG_CT_NEW and _DELETE, as ctnetlink_fill_info of
 * net/netfilter/nf_conntrack_netlink.c writes them) into a row.
 *
 * Attribute headers are in the byte order of the recording host, payloads are big-endian.
 */
export class EntryDecoder {
  readonly #entry = new Attributes();
  readonly #outer = new Attributes();
  readonly #inner = new Attributes();
  readonly #original: TupleDirection = { ...ORIGINAL, seen: 0, protocol: 0 };
  readonly #reply: TupleDirection = { ...REPLY, seen: 0, protocol: 0 };
  readonly #row: EntryRow;
  readonly #tuples: TupleDecoder;

  /** @param batch the first row is overwritten by each call of {@link decode} */
  constructor(batch: Batch) {
    this.#row = new EntryRow(batch);
    this.#tuples = new TupleDecoder(this.#row);
  }

  /**
   * Reads the entry from `start` to `end`, nfgenmsg first. A later attribute stands over an earlier one of the same type.
   * @returns false where it is malformed: a family other than IPv4 and IPv6; a direction without both addresses of that
   * family or without a protocol; two protocols; a known attribute that is too short; an attribute that leaves its container
   */
  decode(view: DataView, littleEndian: boolean, start: number, end: number): boolean {
    const row = this.#row;
    if (end - start < NFGENMSG_SIZE) return false;
    const family = view.getUint8(start);
    if (family !== AF_INET && family !== AF_INET6) return false;
    row.begin(view, littleEndian, family);
    const original = this.#original;
    const reply = this.#reply;
    original.seen = 0;
    reply.seen = 0;
    let eventTime = -1;
    const entry = this.#entry;
    entry.enter(view, littleEndian, start + NFGENMSG_SIZE, end);
    while (entry.next()) {
      const at = entry.payload;
      const size = entry.size;
      switch (entry.type) {
        case CTA_TUPLE_ORIG:
          if (!this.#tuples.decode(at, at + size, original)) return false;
          break;
        case CTA_TUPLE_REPLY:
          if (!this.#tuples.decode(at, at + size, reply)) return false;
          break;
        case CTA_STATUS:
          if (!row.putU32(at, size, STATUS, HAS_STATUS)) return false;
          break;
        case CTA_PROTOINFO:
          if (!this.#protoInfo(at, at + size)) return false;
          break;
        case CTA_HELP:
          if (!this.#help(at, at + size)) return false;
          break;
        case CTA_TIMEOUT:
          if (!row.putU32(at, size, TIMEOUT, HAS_TIMEOUT)) return false;
          break;
        case CTA_MARK:
          if (!row.putU32(at, size, MARK, HAS_MARK)) return false;
          break;
        case CTA_COUNTERS_ORIG:
          if (!this.#counters(at, at + size, original)) return false;
          break;
        case CTA_COUNTERS_REPLY:
          if (!this.#counters(at, at + size, reply)) return false;
          break;
        case CTA_ID:
          if (!row.putU32(at, size, ID, HAS_ID)) return false;
          break;
        case CTA_ZONE:
          // NF_CT_DEFAULT_ZONE_DIR: one zone for both directions
          if (!row.putU16(at, size, original.zone, original.hasZone)) return false;
          if (!row.putU16(at, size, reply.zone, reply.hasZone)) return false;
          break;
        case CTA_TIMESTAMP:
          if (!this.#timestamp(at, at + size)) return false;
          break;
        case CTA_LABELS:
          row.batch.bytes.fill(0, LABELS, LABELS + LABELS_SIZE);
          row.putBytes(at, Math.min(size, LABELS_SIZE), LABELS);
          row.present |= HAS_LABELS;
          break;
        case CTA_TIMESTAMP_EVENT:
          // since Linux 6.14, where timestamps are on
          if (size < 8) return false;
          eventTime = at;
          break;
      }
    }
    const readable = (original.seen & reply.seen & READABLE) === READABLE;
    if (entry.broken || !readable || original.protocol !== reply.protocol) return false;
    row.batch.bytes[PROTOCOL] = original.protocol;
    row.present |= slotFlag(original);
    // the event of an end has both, and its stop time is the one that leaves out how late the kernel noticed
    if (eventTime >= 0 && (row.present & HAS_STOP) === 0) {
      row.putU64(eventTime, 8, STOP_NS);
      row.present |= HAS_EVENT_TIME;
    }
    row.end();
    hashTuple(row.batch);
    return true;
  }

  #protoInfo(start: number, end: number): boolean {
    const row = this.#row;
    const outer = this.#outer;
    row.enter(outer, start, end);
    while (outer.next()) {
      const at = outer.payload;
      if (outer.type === CTA_PROTOINFO_TCP && !this.#tcp(at, at + outer.size)) return false;
      if (outer.type === CTA_PROTOINFO_DCCP) {
        if (!this.#state(at, at + outer.size, CTA_PROTOINFO_DCCP_STATE, HAS_DCCP_STATE)) return false;
      } else if (outer.type === CTA_PROTOINFO_SCTP) {
        if (!this.#state(at, at + outer.size, CTA_PROTOINFO_SCTP_STATE, HAS_SCTP_STATE)) return false;
      }
    }
    return !outer.broken;
  }

  #tcp(start: number, end: number): boolean {
    const row = this.#row;
    const inner = this.#inner;
    let original = -1;
    let reply = -1;
    row.enter(inner, start, end);
    while (inner.next()) {
      switch (inner.type) {
        case CTA_PROTOINFO_TCP_STATE:
          if (!row.putU8(inner.payload, inner.size, STATE, HAS_TCP_STATE)) return false;
          break;
        case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
          if (inner.size < 1) return false;
          original = row.view.getUint8(inner.payload);
          break;
        case CTA_PROTOINFO_TCP_FLAGS_REPLY:
          if (inner.size < 1) return false;
          reply = row.view.getUint8(inner.payload);
          break;
      }
    }
    if (original >= 0 && reply >= 0) {
      row.batch.bytes[TCP_FLAGS] = original & reply;
      row.present |= HAS_TCP_FLAGS;
    }
    return !inner.broken;
  }

  /** The state alone. */
  #state(start: number, end: number, type: number, flag: number): boolean {
    const row = this.#row;
    const inner = this.#inner;
    row.enter(inner, start, end);
    while (inner.next()) {
      if (inner.type === type && !row.putU8(inner.payload, inner.size, STATE, flag)) return false;
    }
    return !inner.broken;
  }

  #help(start: number, end: number): boolean {
    const row = this.#row;
    const outer = this.#outer;
    row.enter(outer, start, end);
    while (outer.next()) {
      if (outer.type === CTA_HELP_NAME) this.#helperName(outer.payload, outer.size);
    }
    return !outer.broken;
  }

  #helperName(at: number, size: number): void {
    const row = this.#row;
    const { bytes } = row.batch;
    bytes.fill(0, HELPER, HELPER + HELPER_LENGTH);
    const length = Math.min(size, HELPER_LENGTH);
    for (let i = 0; i < length; i++) {
      const byte = row.view.getUint8(at + i);
      if (byte === 0) break;
      bytes[HELPER + i] = byte >= 0x20 && byte <= 0x7e ? byte : 0x3f;
    }
    row.present |= HAS_HELPER;
  }

  #counters(start: number, end: number, direction: Direction): boolean {
    const row = this.#row;
    const outer = this.#outer;
    let seen = 0;
    row.enter(outer, start, end);
    while (outer.next()) {
      const at = outer.payload;
      switch (outer.type) {
        case CTA_COUNTERS_PACKETS:
          if (!row.putU64(at, outer.size, direction.packets)) return false;
          seen |= 1;
          break;
        case CTA_COUNTERS_BYTES:
          if (!row.putU64(at, outer.size, direction.octets)) return false;
          seen |= 2;
          break;
        case CTA_COUNTERS32_PACKETS:
          if (!row.putU32AsU64(at, outer.size, direction.packets)) return false;
          seen |= 1;
          break;
        case CTA_COUNTERS32_BYTES:
          if (!row.putU32AsU64(at, outer.size, direction.octets)) return false;
          seen |= 2;
          break;
      }
    }
    if (seen === 3) row.present |= direction.hasCounters;
    return !outer.broken;
  }

  #timestamp(start: number, end: number): boolean {
    const row = this.#row;
    const outer = this.#outer;
    row.enter(outer, start, end);
    while (outer.next()) {
      if (outer.type === CTA_TIMESTAMP_START) {
        if (!row.putU64(outer.payload, outer.size, START_NS)) return false;
        row.present |= HAS_START;
      } else if (outer.type === CTA_TIMESTAMP_STOP) {
        if (!row.putU64(outer.payload, outer.size, STOP_NS)) return false;
        row.present |= HAS_STOP;
      }
    }
    return !outer.broken;
  }
}
