import { FAMILY, HAS_ICMP, HAS_KEYS, HAS_PORTS } from '../row/layout.generated.js';
import { Attributes } from './attributes.js';
import type { Direction } from '../row/direction.js';
import { AF_INET, hasPorts, IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../row/protocol.js';
import type { EntryRow } from './entry-row.js';

// enum ctattr_tuple, ctattr_ip and ctattr_l4proto, include/uapi/linux/netfilter/nfnetlink_conntrack.h
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

// TupleDirection.seen
const SEEN_SOURCE = 1 << 0;
const SEEN_DESTINATION = 1 << 1;
const SEEN_PROTOCOL = 1 << 2;
const SEEN_SOURCE_PORT = 1 << 3;
const SEEN_DESTINATION_PORT = 1 << 4;
const SEEN_ICMP_ID = 1 << 5;
const SEEN_ICMP_TYPE = 1 << 6;
const SEEN_ICMP_CODE = 1 << 7;
/** A tuple without these is malformed. */
export const READABLE = SEEN_SOURCE | SEEN_DESTINATION | SEEN_PROTOCOL;
const PORTS = SEEN_SOURCE_PORT | SEEN_DESTINATION_PORT;
const ICMP = SEEN_ICMP_ID | SEEN_ICMP_TYPE | SEEN_ICMP_CODE;

/** One direction of an entry, and what was read of its tuple. */
export interface TupleDirection extends Direction {
  /** SEEN_ bits. */
  seen: number;
  protocol: number;
}

/** The flag of what stands in the slots of the ports: 0 where nothing that the protocol has was read. */
export function slotFlag({ seen, protocol }: TupleDirection): number {
  if ((seen & PORTS) === PORTS) {
    if (hasPorts(protocol)) return HAS_PORTS;
    if (protocol === IPPROTO_GRE) return HAS_KEYS;
  }
  const icmp = protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
  return icmp && (seen & ICMP) === ICMP ? HAS_ICMP : 0;
}

/** Reads CTA_TUPLE_ORIG and CTA_TUPLE_REPLY: addresses, protocol, ports and zone of one direction. */
export class TupleDecoder {
  readonly #outer = new Attributes();
  readonly #inner = new Attributes();
  readonly #row: EntryRow;

  constructor(row: EntryRow) {
    this.#row = row;
  }

  /** @returns false where it is malformed */
  decode(start: number, end: number, direction: TupleDirection): boolean {
    const row = this.#row;
    const outer = this.#outer;
    row.enter(outer, start, end);
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
          if (!row.putU16(at, outer.size, direction.zone, direction.hasZone)) return false;
          break;
      }
    }
    return !outer.broken;
  }

  /** CTA_TUPLE_IP: both addresses of the entry's own family. */
  #addresses(start: number, end: number, direction: TupleDirection): boolean {
    const row = this.#row;
    const inner = this.#inner;
    const v4 = row.batch.bytes[FAMILY] === AF_INET;
    const length = v4 ? 4 : 16;
    const sourceType = v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
    const destinationType = v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
    row.enter(inner, start, end);
    while (inner.next()) {
      if (inner.type !== sourceType && inner.type !== destinationType) continue;
      if (inner.size < length) return false;
      if (inner.type === sourceType) {
        row.putBytes(inner.payload, length, direction.source);
        direction.seen |= SEEN_SOURCE;
      } else {
        row.putBytes(inner.payload, length, direction.destination);
        direction.seen |= SEEN_DESTINATION;
      }
    }
    return !inner.broken;
  }

  /** CTA_TUPLE_PROTO: the protocol, with ports (GRE's keys come in their attributes) or with ICMP's type, code and identifier. */
  #protocol(start: number, end: number, direction: TupleDirection): boolean {
    const row = this.#row;
    const inner = this.#inner;
    const view = row.view;
    const ports = row.batch.u16;
    const source = direction.sourcePort >> 1;
    const destination = direction.destinationPort >> 1;
    row.enter(inner, start, end);
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
}
