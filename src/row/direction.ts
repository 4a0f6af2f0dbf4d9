import {
  HAS_ORIG_COUNTERS,
  HAS_ORIG_ZONE,
  HAS_REPLY_COUNTERS,
  HAS_REPLY_ZONE,
  ORIG_DPORT,
  ORIG_DST,
  ORIG_OCTETS,
  ORIG_PACKETS,
  ORIG_SPORT,
  ORIG_SRC,
  ORIG_ZONE,
  REPLY_DPORT,
  REPLY_DST,
  REPLY_OCTETS,
  REPLY_PACKETS,
  REPLY_SPORT,
  REPLY_SRC,
  REPLY_ZONE,
} from './layout.generated.js';

/** One direction of an entry: where its facts stand in the row, and what was seen of its tuple. */
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
  seen: number;
  protocol: number;
}

export function originalDirection(): Direction {
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

export function replyDirection(): Direction {
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
