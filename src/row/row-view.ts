import type { Batch } from './batch.js';
import { formatIPv4, formatIPv6 } from '../common/address.js';
import { type Direction, ORIGINAL, REPLY } from './direction.js';
import * as row from './layout.generated.js';
import { AF_INET6, protocolName } from './protocol.js';
import { DCCP_STATES, isOffloaded, SCTP_STATES, statusNames } from './conntrack.js';
import { nanosecondsToMilliseconds, readBigInt } from '../common/u64.js';

/** One direction of a connection for people and JSON; what is not known is absent. */
export interface DirectionView {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** GRE's, as conntrack has them: PPTP's call ids, 0 for other versions. */
  readonly sourceKey?: number;
  readonly destinationKey?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number;
  readonly zone?: number;
  readonly packets?: bigint;
  readonly octets?: bigint;
}

/** A row as an object, for commands that show connections; never on the way to a collector. */
export interface RowView {
  readonly family: 'ipv4' | 'ipv6';
  readonly protocol: string;
  readonly state?: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly original: DirectionView;
  readonly reply: DirectionView;
  readonly status?: readonly string[];
  /** Packets pass by the flow table, and not by the host's rules; where the status is known. */
  readonly offloaded?: boolean;
  readonly mark?: number;
  readonly id?: number;
  /** ISO 8601. */
  readonly start?: string;
  readonly labels?: string;
  readonly helper?: string;
}

/** The row of a batch as an object. */
export function viewRow(batch: Batch, index: number): RowView {
  const { bytes, u32 } = batch;
  const at = index * row.ROW_SIZE;
  const word = (offset: number): number => u32[(at + offset) >> 2];
  const present = word(row.PRESENT);
  const has = (flag: number): boolean => (present & flag) !== 0;
  const state = stateName(present, bytes[at + row.STATE]);
  return {
    family: bytes[at + row.FAMILY] === AF_INET6 ? 'ipv6' : 'ipv4',
    protocol: protocolName(bytes[at + row.PROTOCOL]),
    ...(state !== undefined && { state }),
    ...(has(row.HAS_TIMEOUT) && { timeout: word(row.TIMEOUT) }),
    original: viewDirection(batch, at, present, ORIGINAL),
    reply: viewDirection(batch, at, present, REPLY),
    ...(has(row.HAS_STATUS | row.HAS_STATUS_PART) && {
      status: statusNames(word(row.STATUS)),
      offloaded: isOffloaded(word(row.STATUS)),
    }),
    ...(has(row.HAS_MARK) && { mark: word(row.MARK) }),
    ...(has(row.HAS_ID) && { id: word(row.ID) }),
    ...(has(row.HAS_START | row.HAS_START_ESTIMATE) && {
      start: new Date(nanosecondsToMilliseconds(word(row.START_NS), word(row.START_NS + 4))).toISOString(),
    }),
    ...(has(row.HAS_LABELS) && {
      labels: Buffer.from(bytes.subarray(at + row.LABELS, at + row.HELPER)).toString('hex'),
    }),
    ...(has(row.HAS_HELPER) && { helper: paddedText(bytes, at + row.HELPER, 16) }),
  };
}

function viewDirection(batch: Batch, at: number, present: number, offsets: Direction): DirectionView {
  const { bytes, u16, u32 } = batch;
  const format = bytes[at + row.FAMILY] === AF_INET6 ? formatIPv6 : formatIPv4;
  const sourcePort = u16[(at + offsets.sourcePort) >> 1];
  const destinationPort = u16[(at + offsets.destinationPort) >> 1];
  return {
    source: format(bytes, at + offsets.source),
    destination: format(bytes, at + offsets.destination),
    ...(present & row.HAS_PORTS && { sourcePort, destinationPort }),
    ...(present & row.HAS_KEYS && { sourceKey: sourcePort, destinationKey: destinationPort }),
    ...(present & row.HAS_ICMP && {
      icmpType: destinationPort >> 8,
      icmpCode: destinationPort & 255,
      icmpId: sourcePort,
    }),
    ...(present & offsets.hasZone && { zone: u16[(at + offsets.zone) >> 1] }),
    ...(present & offsets.hasCounters && {
      packets: readBigInt(u32, (at + offsets.packets) >> 2),
      octets: readBigInt(u32, (at + offsets.octets) >> 2),
    }),
  };
}

/** The name of a state by the flags of its row; undefined where the protocol has none. */
export function stateName(present: number, state: number): string | undefined {
  if (present & row.HAS_TCP_STATE) return row.TCP_STATES[state] ?? String(state);
  if (present & row.HAS_SCTP_STATE) return SCTP_STATES[state] ?? String(state);
  if (present & row.HAS_DCCP_STATE) return DCCP_STATES[state] ?? String(state);
  return undefined;
}

function paddedText(bytes: Uint8Array, at: number, size: number): string {
  return Buffer.from(bytes.subarray(at, at + size))
    .toString('latin1')
    .replace(/\0.*$/s, '');
}
