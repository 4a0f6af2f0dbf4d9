import * as row from './layout.generated.js';

/** Where the facts of one direction stand in a row, or in a flow record, and the flags of the optional ones. */
export interface Direction {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly zone: number;
  readonly hasZone: number;
  readonly packets: number;
  readonly octets: number;
  readonly hasCounters: number;
  /** In a flow record alone. */
  readonly packetDelta: number;
  readonly octetDelta: number;
}

export const ORIGINAL: Direction = {
  source: row.ORIG_SRC,
  destination: row.ORIG_DST,
  sourcePort: row.ORIG_SPORT,
  destinationPort: row.ORIG_DPORT,
  zone: row.ORIG_ZONE,
  hasZone: row.HAS_ORIG_ZONE,
  packets: row.ORIG_PACKETS,
  octets: row.ORIG_OCTETS,
  hasCounters: row.HAS_ORIG_COUNTERS,
  packetDelta: row.ORIG_PACKET_DELTA,
  octetDelta: row.ORIG_OCTET_DELTA,
};

export const REPLY: Direction = {
  source: row.REPLY_SRC,
  destination: row.REPLY_DST,
  sourcePort: row.REPLY_SPORT,
  destinationPort: row.REPLY_DPORT,
  zone: row.REPLY_ZONE,
  hasZone: row.HAS_REPLY_ZONE,
  packets: row.REPLY_PACKETS,
  octets: row.REPLY_OCTETS,
  hasCounters: row.HAS_REPLY_COUNTERS,
  packetDelta: row.REPLY_PACKET_DELTA,
  octetDelta: row.REPLY_OCTET_DELTA,
};
