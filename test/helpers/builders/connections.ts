import { ESTABLISHED } from '../../../src/row/conntrack.js';
import { nanoseconds, type Counters, type Facts } from './rows.js';

export const IPS_ASSURED = 4;

/**
 * A TCP connection with all that netlink tells.
 * @param started milliseconds since 1970
 */
export function tcp(port: number, started: number, counters: Counters, more: Facts = {}): Facts {
  return {
    protocol: 6,
    sourcePort: port,
    destinationPort: 443,
    state: ESTABLISHED,
    id: 0x7700_0000 + port, // the kernel makes it of the tuple, too
    status: 0x1e,
    timeout: 432_000,
    start: nanoseconds(started),
    counters,
    ...more,
  };
}

/** A UDP exchange that the kernel calls assured. */
export function udp(port: number, started: number, counters: Counters, more: Facts = {}): Facts {
  return {
    protocol: 17,
    sourcePort: port,
    destinationPort: 53,
    id: 0x7800_0000 + port,
    status: 0xe | IPS_ASSURED,
    timeout: 120,
    start: nanoseconds(started),
    counters,
    ...more,
  };
}

/** An ICMP echo and its answers. */
export function ping(id: number, started: number, counters: Counters, more: Facts = {}): Facts {
  return {
    protocol: 1,
    icmp: { type: 8, code: 0, id, replyType: 0 },
    id: 79,
    status: 0xa,
    timeout: 30,
    start: nanoseconds(started),
    counters,
    ...more,
  };
}

/** The same without facts that only netlink and timestamps have. */
export function withoutStart(facts: Facts): Facts {
  const { start: _, id: __, ...rest } = facts;
  return rest;
}

/** What a NEW or UPDATE event tells of a connection: neither counters nor start. */
export function changed(event: number, facts: Facts): Facts {
  const { start: _, counters: __, stop: ___, ...rest } = facts;
  return { ...rest, event };
}
