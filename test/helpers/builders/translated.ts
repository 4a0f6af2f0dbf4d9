import { udp } from './connections.js';
import type { Counters, Facts } from './rows.js';

/** natEvent of a NAT44 session (IANA's registry "NAT Event Type"). */
export const CREATE = 4;
export const DELETE = 5;

/** A UDP exchange whose source is translated. @param started milliseconds since 1970 */
export function masqueraded(port: number, started: number, counters: Counters, more: Facts = {}): Facts {
  return udp(port, started, counters, {
    replyDestination: '203.0.113.1',
    replyDestinationPort: 50_000 + port,
    ...more,
  });
}
