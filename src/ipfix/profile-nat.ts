import { type Detail, FIRST_DETAIL, TEST_PRESENT } from './details.js';
import { ORIGINAL, REPLY } from '../row/direction.js';
import * as row from '../row/layout.generated.js';
import { address4, address6, constant32, unsigned16, unsigned64, unsigned8, widened16 } from './fields.js';
import { type Biflow, standardFields } from './profile-standard.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

/** In what unit events of a NAT have their time: observationTimeMilliseconds (323), or observationTimeNanoseconds (325). */
export type NatTime = 'milliseconds' | 'nanoseconds';

/** An event, and no flow: the first detail of this profile. A stored event has the time of its event, and a flow has not. */
export const NAT_EVENT = 1 << FIRST_DETAIL;
export const NAT_DETAILS: readonly Detail[] = [{ test: TEST_PRESENT, argument: row.HAS_EVENT_TIME, name: 'NAT event' }];
/** Events have their time in nanoseconds: a choice of the destination. */
export const NANOSECONDS = NAT_EVENT << 1;
/** The bits of a shape that make a difference to its records. */
export const NAT_SHAPES =
  shape.IPV6 |
  shape.PORTS |
  shape.ICMP |
  shape.SOURCE_NAT |
  shape.DESTINATION_NAT |
  shape.COUNTERS |
  shape.REPLY_COUNTERS |
  shape.ZONE |
  shape.REPLY_ZONE |
  shape.LONG;

/**
 * The profile `nat`: RFC 8158's events of a NAT, and what a translated connection has counted, at its end. That is a flow of
 * profile `standard` in a template without natEvent, as some collectors (pmacct) take a record with it for one without counters.
 * @param instance natInstanceID; @param biflow of the ends
 */
export function natFields(bits: number, instance: number, biflow: Biflow): Field[] {
  return bits & NAT_EVENT ? eventFields(bits, instance) : standardFields(bits, biflow);
}

/**
 * A session that a NAT has created or deleted (RFC 8158). A stored event has its natEvent in place of the row's EVENT,
 * and its time as NTP's 64 bits in place of STOP_NS.
 */
function eventFields(bits: number, instance: number): Field[] {
  const v6 = (bits & shape.IPV6) !== 0;
  const address = v6 ? address6 : address4;
  const family = v6 ? 'IPv6' : 'IPv4';
  const fields = [
    bits & NANOSECONDS
      ? unsigned64('observationTimeNanoseconds', row.STOP_NS)
      : unsigned64('observationTimeMilliseconds', row.FLOW_END_MS),
    constant32('natInstanceID', instance),
    unsigned8('natEvent', row.EVENT),
    address(`source${family}Address`, ORIGINAL.source),
    address(`postNATSource${family}Address`, REPLY.destination),
    unsigned8('protocolIdentifier', row.PROTOCOL),
  ];
  // what a NAT translates of ICMP in place of a port is the identifier, which conntrack has in either direction's source port
  if (bits & shape.PORTS) {
    fields.push(unsigned16('sourceTransportPort', ORIGINAL.sourcePort));
    fields.push(unsigned16('postNAPTSourceTransportPort', REPLY.destinationPort));
  } else if (bits & shape.ICMP) {
    fields.push(unsigned16('sourceTransportPort', ORIGINAL.sourcePort));
    fields.push(unsigned16('postNAPTSourceTransportPort', REPLY.sourcePort));
    fields.push(unsigned16(v6 ? 'icmpTypeCodeIPv6' : 'icmpTypeCodeIPv4', ORIGINAL.destinationPort));
  }
  fields.push(address(`destination${family}Address`, ORIGINAL.destination));
  fields.push(address(`postNATDestination${family}Address`, REPLY.source));
  if (bits & shape.PORTS) {
    fields.push(unsigned16('destinationTransportPort', ORIGINAL.destinationPort));
    fields.push(unsigned16('postNAPTDestinationTransportPort', REPLY.sourcePort));
  }
  if (bits & shape.ZONE) fields.push(widened16('ingressVRFID', row.ORIG_ZONE));
  if (bits & shape.REPLY_ZONE) fields.push(widened16('egressVRFID', row.REPLY_ZONE));
  return fields;
}
