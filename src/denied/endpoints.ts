import type { ConnectionTable } from '../store/connection-table.js';
import { type Direction, ORIGINAL, REPLY } from '../row/direction.js';
import { hasPorts, IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../row/protocol.js';
import {
  FAMILY,
  HAS_ICMP,
  HAS_PORTS,
  ORIG_DPORT,
  ORIG_DST,
  ORIG_SPORT,
  ORIG_SRC,
  PRESENT,
  PROTOCOL,
  REPLY_DPORT,
  REPLY_DST,
  REPLY_SPORT,
  REPLY_SRC,
  ROW_SIZE,
} from '../row/layout.generated.js';

/** Rows of one buffer, as {@link Batch} has them. */
export interface Rows {
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
}

export function rowsOf({ rows, bytes }: ConnectionTable): Rows {
  return { u32: rows, bytes, u16: new Uint16Array(rows.buffer, rows.byteOffset) };
}

/** Two endpoints, as {@link Direction} has them. */
interface View extends Pick<Direction, 'source' | 'sourcePort' | 'destination' | 'destinationPort'> {
  /** Where the identifier of ICMP stands, which is both ports. */
  readonly id: number;
}

/**
 * The endpoints of a connection as a packet of it can show them, in either direction: before NAT; with the destination translated and
 * the source not yet, as in the forward hook (and in the reply direction, the source translated back and the destination not yet);
 * after NAT. A packet of NFLOG has the first only.
 */
export const VIEWS: readonly View[] = [
  { ...ORIGINAL, id: ORIGINAL.sourcePort },
  { ...ORIGINAL, destination: REPLY.source, destinationPort: REPLY.sourcePort, id: ORIGINAL.sourcePort },
  {
    source: REPLY.destination,
    sourcePort: REPLY.destinationPort,
    destination: REPLY.source,
    destinationPort: REPLY.sourcePort,
    id: REPLY.sourcePort,
  },
];
const AS_IT_IS = VIEWS[0];

/**
 * Whether conntrack can hold a packet under its own tuple: not a fragment without ports or a capture that lacks them, nor an
 * error of ICMP, which belongs to the connection that it reports on.
 */
export function mayBeTracked({ bytes, u16, u32 }: Rows, row: number): boolean {
  const at = row * ROW_SIZE;
  const protocol = bytes[at + PROTOCOL];
  const present = u32[(at + PRESENT) >> 2];
  if (hasPorts(protocol)) return (present & HAS_PORTS) !== 0;
  if (protocol !== IPPROTO_ICMP && protocol !== IPPROTO_ICMPV6) return true;
  // only what can be answered has an inverse that differs
  return (present & HAS_ICMP) !== 0 && u16[(at + ORIG_DPORT) >> 1] !== u16[(at + REPLY_DPORT) >> 1];
}

/** How many of the views differ: the first alone where nothing is translated. */
export function viewsOf({ bytes, u16, u32 }: Rows, row: number): number {
  const at = row * ROW_SIZE;
  const icmp = bytes[at + PROTOCOL] === IPPROTO_ICMP || bytes[at + PROTOCOL] === IPPROTO_ICMPV6;
  const samePorts = icmp
    ? u16[(at + ORIG_SPORT) >> 1] === u16[(at + REPLY_SPORT) >> 1]
    : u16[(at + ORIG_SPORT) >> 1] === u16[(at + REPLY_DPORT) >> 1] &&
      u16[(at + ORIG_DPORT) >> 1] === u16[(at + REPLY_SPORT) >> 1];
  const same =
    samePorts &&
    sameAddress(u32, at + ORIG_SRC, u32, at + REPLY_DST) &&
    sameAddress(u32, at + ORIG_DST, u32, at + REPLY_SRC);
  return same ? 1 : VIEWS.length;
}

/** A hash of both ends in a view that does not depend on which is the source. */
export function hashEndpoints(rows: Rows, row: number, view: View): number {
  const at = row * ROW_SIZE;
  const ends =
    hashEnd(rows, at, view.source, portOf(rows, at, view.sourcePort, view.id)) +
    hashEnd(rows, at, view.destination, portOf(rows, at, view.destinationPort, view.id));
  return Math.imul(ends ^ (ends >>> 15), 0x2c1b3c6d) ^ rows.bytes[at + PROTOCOL];
}

/** Whether a packet has the ends of a connection in this view, in either direction. */
export function sameEndpoints(packets: Rows, packet: number, rows: Rows, row: number, view: View): boolean {
  const p = packet * ROW_SIZE;
  const r = row * ROW_SIZE;
  if (packets.bytes[p + FAMILY] !== rows.bytes[r + FAMILY]) return false;
  if (packets.bytes[p + PROTOCOL] !== rows.bytes[r + PROTOCOL]) return false;
  const from = portOf(packets, p, AS_IT_IS.sourcePort, AS_IT_IS.id);
  const to = portOf(packets, p, AS_IT_IS.destinationPort, AS_IT_IS.id);
  const source = portOf(rows, r, view.sourcePort, view.id);
  const destination = portOf(rows, r, view.destinationPort, view.id);
  return (
    (from === source &&
      to === destination &&
      sameAddress(packets.u32, p + ORIG_SRC, rows.u32, r + view.source) &&
      sameAddress(packets.u32, p + ORIG_DST, rows.u32, r + view.destination)) ||
    (from === destination &&
      to === source &&
      sameAddress(packets.u32, p + ORIG_SRC, rows.u32, r + view.destination) &&
      sameAddress(packets.u32, p + ORIG_DST, rows.u32, r + view.source))
  );
}

/** The port at `offset`, the identifier where it is ICMP, 0 where a packet shows none. */
function portOf({ bytes, u16 }: Rows, at: number, offset: number, id: number): number {
  const protocol = bytes[at + PROTOCOL];
  if (protocol === IPPROTO_GRE) return 0; // its keys, conntrack's ports, stand in no fixed place of the packet
  return u16[(at + (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6 ? id : offset)) >> 1];
}

function hashEnd({ u32 }: Rows, at: number, address: number, port: number): number {
  let hash = Math.imul(port ^ 0x9747b28c, 0x85ebca6b);
  for (let word = (at + address) >> 2, end = word + 4; word < end; word++) {
    hash = Math.imul(hash ^ u32[word], 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return Math.imul(hash, 0xc2b2ae35);
}

function sameAddress(a: Uint32Array, at: number, b: Uint32Array, bt: number): boolean {
  for (let word = 0; word < 4; word++) if (a[(at >> 2) + word] !== b[(bt >> 2) + word]) return false;
  return true;
}
