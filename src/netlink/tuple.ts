import { HAS_ICMP, HAS_KEYS, HAS_PORTS, PROTOCOL } from '../row/layout.generated.js';
import { HOST_LITTLE_ENDIAN } from '../common/u64.js';
import { ATTRIBUTE_HEADER, fits, lengthOf, spanOf, typeOf } from './attributes.js';
import type { Direction } from '../row/direction.js';
import { hasPorts, IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../row/protocol.js';
import type { EntryRow } from './entry-row.js';

// enum ctattr_tuple, ctattr_ip and ctattr_l4proto, include/uapi/linux/netfilter/nfnetlink_conntrack.h
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_TUPLE_ZONE = 3;

// each with its _DST behind it
const CTA_IP_V4_SRC = 1;
const CTA_IP_V6_SRC = 3;

const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMP_TYPE = 5;
const CTA_PROTO_ICMP_CODE = 6;
const CTA_PROTO_ICMPV6_ID = 7;
const CTA_PROTO_ICMPV6_TYPE = 8;
const CTA_PROTO_ICMPV6_CODE = 9;

// what was read of a tuple
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

/** Where a half of a word has its high byte. */
const HIGH_BYTE = HOST_LITTLE_ENDIAN ? 1 : 0;
/** The protocol stands above the SEEN_ bits. */
const PROTOCOL_SHIFT = 8;
const SEEN_MASK = (1 << PROTOCOL_SHIFT) - 1;
/** The tuple cannot be read. */
export const MALFORMED = -1;

/** The flag of what stands in the slots of the ports: 0 where nothing that the protocol has was read. @param tuple see {@link readTuple} */
export function slotFlag(tuple: number): number {
  const protocol = protocolOf(tuple);
  if ((tuple & PORTS) === PORTS) {
    if (hasPorts(protocol)) return HAS_PORTS;
    if (protocol === IPPROTO_GRE) return HAS_KEYS;
  }
  const icmp = protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
  return icmp && (tuple & ICMP) === ICMP ? HAS_ICMP : 0;
}

/** @param tuple see {@link readTuple} */
export function protocolOf(tuple: number): number {
  return tuple >> PROTOCOL_SHIFT;
}

/**
 * Reads CTA_TUPLE_ORIG or CTA_TUPLE_REPLY into the row: addresses of the entry's own family, ports and zone of one direction.
 * @param seen what an earlier attribute of the same direction gave, 0 for none
 * @returns SEEN_ bits and the protocol, see {@link protocolOf}; {@link MALFORMED}
 */
export function readTuple(row: EntryRow, start: number, end: number, direction: Direction, seen: number): number {
  let tuple = seen;
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return MALFORMED;
    const at = next + ATTRIBUTE_HEADER;
    const until = next + length;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_TUPLE_IP:
        tuple = readAddresses(row, at, until, direction, tuple);
        break;
      case CTA_TUPLE_PROTO:
        tuple = readProtocol(row, at, until, direction, tuple);
        break;
      case CTA_TUPLE_ZONE:
        if (!row.putU16(at, until - at, direction.zone, direction.hasZone)) return MALFORMED;
        break;
    }
    if (tuple < 0) return MALFORMED;
  }
  return tuple;
}

/** CTA_TUPLE_IP. */
function readAddresses(row: EntryRow, start: number, end: number, direction: Direction, seen: number): number {
  const { isIPv4 } = row;
  const size = isIPv4 ? 4 : 16;
  const sourceType = isIPv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
  let tuple = seen;
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return MALFORMED;
    const at = next + ATTRIBUTE_HEADER;
    next += spanOf(length);
    const which = typeOf(header) - sourceType;
    if (which >>> 0 > 1) continue;
    if (length < ATTRIBUTE_HEADER + size) return MALFORMED;
    row.putWords(at, size, which === 0 ? direction.source : direction.destination);
    tuple |= which === 0 ? SEEN_SOURCE : SEEN_DESTINATION;
  }
  return tuple;
}

/** CTA_TUPLE_PROTO: the protocol, with ports (GRE's keys come in their attributes) or with ICMP's type, code and identifier. */
function readProtocol(row: EntryRow, start: number, end: number, direction: Direction, seen: number): number {
  let tuple = seen;
  for (let next = start; end - next >= ATTRIBUTE_HEADER;) {
    const header = row.header(next);
    const length = lengthOf(header);
    if (!fits(length, end - next)) return MALFORMED;
    const at = next + ATTRIBUTE_HEADER;
    const size = length - ATTRIBUTE_HEADER;
    next += spanOf(length);
    switch (typeOf(header)) {
      case CTA_PROTO_NUM:
        if (!row.putU8(at, size, PROTOCOL, 0)) return MALFORMED;
        tuple = (tuple & SEEN_MASK) | SEEN_PROTOCOL | (row.expectByte(at) << PROTOCOL_SHIFT);
        break;
      case CTA_PROTO_SRC_PORT:
        if (!row.putU16(at, size, direction.sourcePort, 0)) return MALFORMED;
        tuple |= SEEN_SOURCE_PORT;
        break;
      case CTA_PROTO_DST_PORT:
        if (!row.putU16(at, size, direction.destinationPort, 0)) return MALFORMED;
        tuple |= SEEN_DESTINATION_PORT;
        break;
      case CTA_PROTO_ICMP_ID:
      case CTA_PROTO_ICMPV6_ID:
        if (!row.putU16(at, size, direction.sourcePort, 0)) return MALFORMED;
        tuple |= SEEN_ICMP_ID;
        break;
      case CTA_PROTO_ICMP_TYPE:
      case CTA_PROTO_ICMPV6_TYPE:
        if (!row.putU8(at, size, direction.destinationPort + HIGH_BYTE, 0)) return MALFORMED;
        tuple |= SEEN_ICMP_TYPE;
        break;
      case CTA_PROTO_ICMP_CODE:
      case CTA_PROTO_ICMPV6_CODE:
        if (!row.putU8(at, size, direction.destinationPort + 1 - HIGH_BYTE, 0)) return MALFORMED;
        tuple |= SEEN_ICMP_CODE;
        break;
    }
  }
  // they share a place in the row
  if (tuple & PORTS && tuple & ICMP) row.isOdd();
  return tuple;
}
