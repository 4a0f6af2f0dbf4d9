import type { Batch } from '../batch.js';
import {
  FAMILY,
  HAS_HELPER,
  HAS_ICMP,
  HAS_ID,
  HAS_LABELS,
  HAS_MARK,
  HAS_ORIG_COUNTERS,
  HAS_ORIG_ZONE,
  HAS_PORTS,
  HAS_REPLY_COUNTERS,
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
  STOP_NS,
  TCP_FLAGS,
  TIMEOUT,
} from '../layout.generated.js';
import { hashTuple } from '../store/tuple-hash.js';
import { Attributes, NOTHING } from './attributes.js';

const AF_INET = 2;
const AF_INET6 = 10;
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

const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_TUPLE_ZONE = 3;

const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;

const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMP_TYPE = 5;
const CTA_PROTO_ICMP_CODE = 6;
const CTA_PROTO_ICMPV6_ID = 7;
const CTA_PROTO_ICMPV6_TYPE = 8;
const CTA_PROTO_ICMPV6_CODE = 9;

const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_SCTP = 3;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4; // struct nf_ct_tcp_flags: flags, mask
const CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
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

// What was seen of a direction's tuple.
const SEEN_SOURCE = 1 << 0;
const SEEN_DESTINATION = 1 << 1;
const SEEN_PROTOCOL = 1 << 2;
const SEEN_SOURCE_PORT = 1 << 3;
const SEEN_DESTINATION_PORT = 1 << 4;
const SEEN_ICMP_ID = 1 << 5;
const SEEN_ICMP_TYPE = 1 << 6;
const SEEN_ICMP_CODE = 1 << 7;
const READABLE = SEEN_SOURCE | SEEN_DESTINATION | SEEN_PROTOCOL;
const PORTS = SEEN_SOURCE_PORT | SEEN_DESTINATION_PORT;
const ICMP = SEEN_ICMP_ID | SEEN_ICMP_TYPE | SEEN_ICMP_CODE;

/** One direction of an entry: where its facts stand in the row, and what was seen of its tuple. */
interface Direction {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly zone: number;
  readonly hasZone: number;
  readonly packets: number;
  readonly octets: number;
  readonly hasCounters: number;
  seen: number;
  protocol: number;
}

function originalDirection(): Direction {
  return {
    source: ORIG_SRC,
    destination: ORIG_DST,
    sourcePort: ORIG_SPORT,
    destinationPort: ORIG_DPORT,
    zone: ORIG_ZONE,
    hasZone: HAS_ORIG_ZONE,
    packets: ORIG_PACKETS,
    octets: ORIG_OCTETS,
    hasCounters: HAS_ORIG_COUNTERS,
    seen: 0,
    protocol: 0,
  };
}

function replyDirection(): Direction {
  return {
    source: REPLY_SRC,
    destination: REPLY_DST,
    sourcePort: REPLY_SPORT,
    destinationPort: REPLY_DPORT,
    zone: REPLY_ZONE,
    hasZone: HAS_REPLY_ZONE,
    packets: REPLY_PACKETS,
    octets: REPLY_OCTETS,
    hasCounters: HAS_REPLY_COUNTERS,
    seen: 0,
    protocol: 0,
  };
}

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
  readonly #original = originalDirection();
  readonly #reply = replyDirection();
  readonly #row: Batch;
  #view: DataView = NOTHING;
  #littleEndian = true;
  #present = 0;

  /** @param row the first row is overwritten by each call of {@link decode} */
  constructor(row: Batch) {
    this.#row = row;
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
    row.u32.fill(0);
    row.bytes[FAMILY] = family;
    this.#view = view;
    this.#littleEndian = littleEndian;
    this.#present = 0;
    const original = this.#original;
    const reply = this.#reply;
    original.seen = 0;
    reply.seen = 0;
    const entry = this.#entry;
    entry.enter(view, littleEndian, start + NFGENMSG_SIZE, end);
    while (entry.next()) {
      const at = entry.payload;
      const size = entry.size;
      switch (entry.type) {
        case CTA_TUPLE_ORIG:
          if (!this.#tuple(at, at + size, original)) return false;
          break;
        case CTA_TUPLE_REPLY:
          if (!this.#tuple(at, at + size, reply)) return false;
          break;
        case CTA_STATUS:
          if (!this.#u32(at, size, STATUS, HAS_STATUS)) return false;
          break;
        case CTA_PROTOINFO:
          if (!this.#protoInfo(at, at + size)) return false;
          break;
        case CTA_HELP:
          if (!this.#help(at, at + size)) return false;
          break;
        case CTA_TIMEOUT:
          if (!this.#u32(at, size, TIMEOUT, HAS_TIMEOUT)) return false;
          break;
        case CTA_MARK:
          if (!this.#u32(at, size, MARK, HAS_MARK)) return false;
          break;
        case CTA_COUNTERS_ORIG:
          if (!this.#counters(at, at + size, original)) return false;
          break;
        case CTA_COUNTERS_REPLY:
          if (!this.#counters(at, at + size, reply)) return false;
          break;
        case CTA_ID:
          if (!this.#u32(at, size, ID, HAS_ID)) return false;
          break;
        case CTA_ZONE:
          // NF_CT_DEFAULT_ZONE_DIR: one zone for both directions
          if (!this.#zone(at, size, original) || !this.#zone(at, size, reply)) return false;
          break;
        case CTA_TIMESTAMP:
          if (!this.#timestamp(at, at + size)) return false;
          break;
        case CTA_LABELS:
          row.bytes.fill(0, LABELS, LABELS + LABELS_SIZE);
          this.#copy(at, Math.min(size, LABELS_SIZE), LABELS);
          this.#present |= HAS_LABELS;
          break;
      }
    }
    const readable = (original.seen & reply.seen & READABLE) === READABLE;
    if (entry.broken || !readable || original.protocol !== reply.protocol) return false;
    row.bytes[PROTOCOL] = original.protocol;
    if ((original.seen & PORTS) === PORTS) this.#present |= HAS_PORTS;
    if ((original.seen & ICMP) === ICMP) this.#present |= HAS_ICMP;
    row.u32[PRESENT >> 2] = this.#present;
    hashTuple(row);
    return true;
  }

  #tuple(start: number, end: number, direction: Direction): boolean {
    const outer = this.#outer;
    outer.enter(this.#view, this.#littleEndian, start, end);
    while (outer.next()) {
      const at = outer.payload;
      switch (outer.type) {
        case CTA_TUPLE_IP:
          if (!this.#addresses(at, at + outer.size, direction)) return false;
          break;
        case CTA_TUPLE_PROTO:
          if (!this.#protocol(at, at + outer.size, direction)) return false;
          break;
        case CTA_TUPLE_ZONE:
          if (!this.#zone(at, outer.size, direction)) return false;
          break;
      }
    }
    return !outer.broken;
  }

  /** CTA_TUPLE_IP: both addresses of the entry's own family. */
  #addresses(start: number, end: number, direction: Direction): boolean {
    const inner = this.#inner;
    const v4 = this.#row.bytes[FAMILY] === AF_INET;
    const length = v4 ? 4 : 16;
    const sourceType = v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
    const destinationType = v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
    inner.enter(this.#view, this.#littleEndian, start, end);
    while (inner.next()) {
      if (inner.type !== sourceType && inner.type !== destinationType) continue;
      if (inner.size < length) return false;
      if (inner.type === sourceType) {
        this.#copy(inner.payload, length, direction.source);
        direction.seen |= SEEN_SOURCE;
      } else {
        this.#copy(inner.payload, length, direction.destination);
        direction.seen |= SEEN_DESTINATION;
      }
    }
    return !inner.broken;
  }

  /** CTA_TUPLE_PROTO: the protocol, with ports (GRE's keys come as ports) or with ICMP's type, code and identifier. */
  #protocol(start: number, end: number, direction: Direction): boolean {
    const inner = this.#inner;
    const view = this.#view;
    const ports = this.#row.u16;
    const source = direction.sourcePort >> 1;
    const destination = direction.destinationPort >> 1;
    inner.enter(view, this.#littleEndian, start, end);
    while (inner.next()) {
      const at = inner.payload;
      switch (inner.type) {
        case CTA_PROTO_NUM:
          if (inner.size < 1) return false;
          direction.protocol = view.getUint8(at);
          direction.seen |= SEEN_PROTOCOL;
          break;
        case CTA_PROTO_SRC_PORT:
          if (inner.size < 2) return false;
          ports[source] = view.getUint16(at);
          direction.seen |= SEEN_SOURCE_PORT;
          break;
        case CTA_PROTO_DST_PORT:
          if (inner.size < 2) return false;
          ports[destination] = view.getUint16(at);
          direction.seen |= SEEN_DESTINATION_PORT;
          break;
        case CTA_PROTO_ICMP_ID:
        case CTA_PROTO_ICMPV6_ID:
          if (inner.size < 2) return false;
          ports[source] = view.getUint16(at);
          direction.seen |= SEEN_ICMP_ID;
          break;
        case CTA_PROTO_ICMP_TYPE:
        case CTA_PROTO_ICMPV6_TYPE:
          if (inner.size < 1) return false;
          ports[destination] = (view.getUint8(at) << 8) | (ports[destination] & 0xff);
          direction.seen |= SEEN_ICMP_TYPE;
          break;
        case CTA_PROTO_ICMP_CODE:
        case CTA_PROTO_ICMPV6_CODE:
          if (inner.size < 1) return false;
          ports[destination] = (ports[destination] & 0xff00) | view.getUint8(at);
          direction.seen |= SEEN_ICMP_CODE;
          break;
      }
    }
    return !inner.broken;
  }

  #protoInfo(start: number, end: number): boolean {
    const outer = this.#outer;
    outer.enter(this.#view, this.#littleEndian, start, end);
    while (outer.next()) {
      const at = outer.payload;
      if (outer.type === CTA_PROTOINFO_TCP && !this.#tcp(at, at + outer.size)) return false;
      if (outer.type === CTA_PROTOINFO_SCTP && !this.#sctp(at, at + outer.size)) return false;
    }
    return !outer.broken;
  }

  #tcp(start: number, end: number): boolean {
    const inner = this.#inner;
    let original = -1;
    let reply = -1;
    inner.enter(this.#view, this.#littleEndian, start, end);
    while (inner.next()) {
      switch (inner.type) {
        case CTA_PROTOINFO_TCP_STATE:
          if (!this.#u8(inner.payload, inner.size, STATE, HAS_TCP_STATE)) return false;
          break;
        case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
          if (inner.size < 1) return false;
          original = this.#view.getUint8(inner.payload);
          break;
        case CTA_PROTOINFO_TCP_FLAGS_REPLY:
          if (inner.size < 1) return false;
          reply = this.#view.getUint8(inner.payload);
          break;
      }
    }
    if (original >= 0 && reply >= 0) {
      this.#row.bytes[TCP_FLAGS] = original & reply;
      this.#present |= HAS_TCP_FLAGS;
    }
    return !inner.broken;
  }

  #sctp(start: number, end: number): boolean {
    const inner = this.#inner;
    inner.enter(this.#view, this.#littleEndian, start, end);
    while (inner.next()) {
      if (inner.type !== CTA_PROTOINFO_SCTP_STATE) continue;
      if (!this.#u8(inner.payload, inner.size, STATE, HAS_SCTP_STATE)) return false;
    }
    return !inner.broken;
  }

  #help(start: number, end: number): boolean {
    const outer = this.#outer;
    outer.enter(this.#view, this.#littleEndian, start, end);
    while (outer.next()) {
      if (outer.type === CTA_HELP_NAME) this.#helperName(outer.payload, outer.size);
    }
    return !outer.broken;
  }

  #helperName(at: number, size: number): void {
    const row = this.#row.bytes;
    row.fill(0, HELPER, HELPER + HELPER_LENGTH);
    const length = Math.min(size, HELPER_LENGTH);
    for (let i = 0; i < length; i++) {
      const byte = this.#view.getUint8(at + i);
      if (byte === 0) break;
      row[HELPER + i] = byte >= 0x20 && byte <= 0x7e ? byte : 0x3f;
    }
    this.#present |= HAS_HELPER;
  }

  #counters(start: number, end: number, direction: Direction): boolean {
    const outer = this.#outer;
    let seen = 0;
    outer.enter(this.#view, this.#littleEndian, start, end);
    while (outer.next()) {
      const at = outer.payload;
      switch (outer.type) {
        case CTA_COUNTERS_PACKETS:
          if (!this.#u64(at, outer.size, direction.packets)) return false;
          seen |= 1;
          break;
        case CTA_COUNTERS_BYTES:
          if (!this.#u64(at, outer.size, direction.octets)) return false;
          seen |= 2;
          break;
        case CTA_COUNTERS32_PACKETS:
          if (!this.#u32AsU64(at, outer.size, direction.packets)) return false;
          seen |= 1;
          break;
        case CTA_COUNTERS32_BYTES:
          if (!this.#u32AsU64(at, outer.size, direction.octets)) return false;
          seen |= 2;
          break;
      }
    }
    if (seen === 3) this.#present |= direction.hasCounters;
    return !outer.broken;
  }

  #timestamp(start: number, end: number): boolean {
    const outer = this.#outer;
    outer.enter(this.#view, this.#littleEndian, start, end);
    while (outer.next()) {
      if (outer.type === CTA_TIMESTAMP_START) {
        if (!this.#u64(outer.payload, outer.size, START_NS)) return false;
        this.#present |= HAS_START;
      } else if (outer.type === CTA_TIMESTAMP_STOP) {
        if (!this.#u64(outer.payload, outer.size, STOP_NS)) return false;
        this.#present |= HAS_STOP;
      }
    }
    return !outer.broken;
  }

  #zone(at: number, size: number, direction: Direction): boolean {
    if (size < 2) return false;
    this.#row.u16[direction.zone >> 1] = this.#view.getUint16(at);
    this.#present |= direction.hasZone;
    return true;
  }

  #u8(at: number, size: number, field: number, flag: number): boolean {
    if (size < 1) return false;
    this.#row.bytes[field] = this.#view.getUint8(at);
    this.#present |= flag;
    return true;
  }

  #u32(at: number, size: number, field: number, flag: number): boolean {
    if (size < 4) return false;
    this.#row.u32[field >> 2] = this.#view.getUint32(at);
    this.#present |= flag;
    return true;
  }

  #u64(at: number, size: number, field: number): boolean {
    if (size < 8) return false;
    this.#row.u32[field >> 2] = this.#view.getUint32(at + 4);
    this.#row.u32[(field >> 2) + 1] = this.#view.getUint32(at);
    return true;
  }

  #u32AsU64(at: number, size: number, field: number): boolean {
    if (size < 4) return false;
    this.#row.u32[field >> 2] = this.#view.getUint32(at);
    this.#row.u32[(field >> 2) + 1] = 0;
    return true;
  }

  #copy(at: number, length: number, field: number): void {
    const row = this.#row.bytes;
    for (let i = 0; i < length; i++) row[field + i] = this.#view.getUint8(at + i);
  }
}
