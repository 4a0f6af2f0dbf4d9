import { isIPv6 } from 'node:net';
import { Batch } from '../../../src/row/batch.js';
import * as row from '../../../src/row/layout.generated.js';
import { hashTuple } from '../../../src/row/tuple-hash.js';

/** Four counters: packets and octets of the original direction, then of the reply direction. */
export type Counters = readonly [
  origPackets: bigint | number,
  origOctets: bigint | number,
  replyPackets: bigint | number,
  replyOctets: bigint | number,
];

/** A connection as the kernel may show it; absent facts are not known. */
export interface Facts {
  source?: string;
  destination?: string;
  replySource?: string;
  replyDestination?: string;
  protocol?: number;
  sourcePort?: number;
  destinationPort?: number;
  replySourcePort?: number;
  replyDestinationPort?: number;
  icmp?: { type: number; code: number; id: number; replyType: number };
  state?: number;
  sctpState?: number;
  dccpState?: number;
  tcpFlags?: number;
  /** Of a denied packet. */
  tcpHeader?: number;
  id?: number;
  status?: number;
  mark?: number;
  timeout?: number;
  zone?: number;
  originalZone?: number;
  replyZone?: number;
  counters?: Counters;
  /** Nanoseconds since 1970. */
  start?: bigint;
  stop?: bigint;
  startEstimate?: bigint;
  /** Milliseconds from the first packet to the last; not in the row. */
  lasts?: number;
  /** FROM_HOST or TO_HOST where one end is this host; not in the row. */
  hostEnd?: number;
  /** Microseconds that the handshake of TCP took; not in the row as it is read. */
  handshake?: number;
  helper?: string;
  /** 32 hexadecimal digits. */
  labels?: string;
  /** Of a NEW or UPDATE event, nanoseconds since 1970. */
  eventTime?: bigint | undefined;
  /** One of EVENT_*. */
  event?: number;
}

/** A batch of rows. */
export function rows(...connections: readonly Facts[]): Batch {
  const batch = new Batch(Math.max(connections.length, 1));
  const one = new Batch(1);
  for (const facts of connections) {
    one.u32.fill(0);
    fill(one, facts);
    hashTuple(one);
    batch.bytes.set(one.bytes, batch.count++ * row.ROW_SIZE);
  }
  return batch;
}

/** Milliseconds as the kernel's nanoseconds. */
export function nanoseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000_000n;
}

function fill(one: Batch, facts: Facts): void {
  const { source = '192.0.2.1', destination = '198.51.100.1', protocol = 6, counters } = facts;
  const { sourcePort, destinationPort, icmp } = facts;
  const { replySource = destination, replyDestination = source } = facts;
  const word = (offset: number, value: number): void => void (one.u32[offset >> 2] = value);
  const half = (offset: number, value: number): void => void (one.u16[offset >> 1] = value);
  let present = 0;
  const known = (flag: number, value: number | undefined, put: (value: number) => void): void => {
    if (value === undefined) return;
    present |= flag;
    put(value);
  };
  one.bytes[row.FAMILY] = isIPv6(source) ? 10 : 2;
  one.bytes[row.PROTOCOL] = protocol;
  one.bytes.set(addressBytes(source), row.ORIG_SRC);
  one.bytes.set(addressBytes(destination), row.ORIG_DST);
  one.bytes.set(addressBytes(replySource), row.REPLY_SRC);
  one.bytes.set(addressBytes(replyDestination), row.REPLY_DST);
  if (icmp) {
    present |= row.HAS_ICMP;
    half(row.ORIG_SPORT, icmp.id);
    half(row.ORIG_DPORT, icmp.type * 256 + icmp.code);
    half(row.REPLY_SPORT, icmp.id);
    half(row.REPLY_DPORT, icmp.replyType * 256 + icmp.code);
  } else if (sourcePort !== undefined && destinationPort !== undefined) {
    present |= protocol === 47 ? row.HAS_KEYS : row.HAS_PORTS;
    half(row.ORIG_SPORT, sourcePort);
    half(row.ORIG_DPORT, destinationPort);
    half(row.REPLY_SPORT, facts.replySourcePort ?? destinationPort);
    half(row.REPLY_DPORT, facts.replyDestinationPort ?? sourcePort);
  }
  known(row.HAS_TCP_STATE, facts.state, value => (one.bytes[row.STATE] = value));
  known(row.HAS_SCTP_STATE, facts.sctpState, value => (one.bytes[row.STATE] = value));
  known(row.HAS_DCCP_STATE, facts.dccpState, value => (one.bytes[row.STATE] = value));
  known(row.HAS_TCP_HEADER, facts.tcpHeader, value => (one.bytes[row.TCP_FLAGS] = value));
  known(row.HAS_TCP_FLAGS, facts.tcpFlags, value => (one.bytes[row.TCP_FLAGS] = value));
  known(row.HAS_ID, facts.id, value => word(row.ID, value));
  known(row.HAS_STATUS, facts.status, value => word(row.STATUS, value));
  known(row.HAS_MARK, facts.mark, value => word(row.MARK, value));
  known(row.HAS_TIMEOUT, facts.timeout, value => word(row.TIMEOUT, value));
  known(row.HAS_ORIG_ZONE, facts.zone ?? facts.originalZone, value => half(row.ORIG_ZONE, value));
  known(row.HAS_REPLY_ZONE, facts.zone ?? facts.replyZone, value => half(row.REPLY_ZONE, value));
  if (counters) {
    present |= row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS;
    [row.ORIG_PACKETS, row.ORIG_OCTETS, row.REPLY_PACKETS, row.REPLY_OCTETS].forEach((offset, i) =>
      putU64(one, offset, BigInt(counters[i])),
    );
  }
  if (facts.stop !== undefined) {
    present |= row.HAS_STOP;
    putU64(one, row.STOP_NS, facts.stop);
  } else if (facts.eventTime !== undefined) {
    present |= row.HAS_EVENT_TIME;
    putU64(one, row.STOP_NS, facts.eventTime);
  }
  if (facts.start !== undefined) {
    present |= row.HAS_START;
    putU64(one, row.START_NS, facts.start);
  } else if (facts.startEstimate !== undefined) {
    present |= row.HAS_START_ESTIMATE;
    putU64(one, row.START_NS, facts.startEstimate);
  }
  if (facts.labels !== undefined) {
    present |= row.HAS_LABELS;
    one.bytes.set(Buffer.from(facts.labels, 'hex'), row.LABELS);
  }
  if (facts.helper !== undefined) {
    present |= row.HAS_HELPER;
    one.bytes.set(Buffer.from(facts.helper, 'latin1'), row.HELPER);
  }
  word(row.PRESENT, present);
  word(row.EVENT, facts.event ?? row.EVENT_NONE);
}

function putU64(one: Batch, offset: number, value: bigint): void {
  one.u32[offset >> 2] = Number(value & 0xffff_ffffn);
  one.u32[(offset >> 2) + 1] = Number(value >> 32n);
}

function addressBytes(text: string): Uint8Array {
  if (!isIPv6(text)) return Uint8Array.from(text.split('.').map(Number));
  const [head, tail] = text.split('::');
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const gap = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  const all = tail === undefined ? groups(head) : [...groups(head), ...gap, ...groups(tail)];
  return Uint8Array.from(
    all.flatMap(group => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 255];
    }),
  );
}
