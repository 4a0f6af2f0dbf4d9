import { type Direction, ORIGINAL, REPLY } from '../row/direction.js';
import * as row from '../row/layout.generated.js';
import {
  address4,
  address6,
  constant32,
  constant8,
  denied,
  tcpHistory,
  tcpState,
  text,
  unsigned16,
  unsigned32,
  unsigned64,
  unsigned8,
  widened16,
} from './fields.js';
import type { Interfaces } from './interfaces.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

/** How the reply direction is exported: RFC 5103's reverse elements, or a record of its own. */
export type Biflow = 'reverse' | 'two-uniflows';

/**
 * The profile `standard`: IANA's elements and RFC 5103's reverse ones; the addresses before NAT in the flow key, those
 * after it in the postNAT elements.
 */
export function standardFields(bits: number, biflow: Biflow, interfaces: Interfaces = 'none'): Field[] {
  const reversed = (bits & shape.REVERSED) !== 0;
  const [here, there] = reversed ? [REPLY, ORIGINAL] : [ORIGINAL, REPLY];
  const v6 = (bits & shape.IPV6) !== 0;
  const fields: Field[] = [...addresses(v6, here)];
  if (bits & shape.PORTS) {
    fields.push(unsigned16('sourceTransportPort', here.sourcePort));
    fields.push(unsigned16('destinationTransportPort', here.destinationPort));
  }
  fields.push(unsigned8('protocolIdentifier', row.PROTOCOL));
  if (bits & shape.ICMP) fields.push(unsigned16(v6 ? 'icmpTypeCodeIPv6' : 'icmpTypeCodeIPv4', here.destinationPort));
  fields.push(unsigned64('flowStartMilliseconds', row.FLOW_START_MS));
  fields.push(unsigned64('flowEndMilliseconds', row.FLOW_END_MS));
  if (bits & (reversed ? shape.REPLY_COUNTERS : shape.COUNTERS)) fields.push(...counters('', here));
  if (biflow === 'reverse' && bits & shape.REPLY_COUNTERS) fields.push(...counters('reverse', there));
  fields.push(unsigned8('flowEndReason', row.END_REASON));
  if (biflow === 'reverse') fields.push(unsigned8('biflowDirection', row.BIFLOW_DIRECTION));
  if (bits & (shape.SOURCE_NAT | shape.DESTINATION_NAT)) fields.push(...translation(v6, bits, there));
  fields.push(unsigned64('flowId', row.FLOW_ID));
  if (bits & shape.ZONE) fields.push(widened16('ingressVRFID', row.ORIG_ZONE));
  if (bits & shape.REPLY_ZONE) fields.push(widened16('egressVRFID', row.REPLY_ZONE));
  if (bits & shape.HELPER) fields.push(text('applicationName', row.HELPER, 16));
  if (bits & shape.DENIED) fields.push(...denied(1));
  if (bits & shape.MARK) fields.push(unsigned32('mark', row.MARK));
  if (bits & shape.ID) fields.push(unsigned32('conntrack_id', row.ID));
  fields.push(constant8('ipVersion', v6 ? 6 : 4));
  if ((bits & shape.LONG) === 0) fields.push(unsigned32('flowDurationMilliseconds', row.FLOW_DURATION_MS));
  fields.push(...interfaceFields(bits, reversed, interfaces));
  if (bits & shape.ONE_END_LOCAL)
    fields.push(unsigned8('flowDirection', reversed ? row.REVERSE_FLOW_DIRECTION : row.FLOW_DIRECTION));
  if (bits & shape.TCP_HISTORY) {
    fields.push(tcpState('tcpState', row.STATE), tcpHistory('tcpStatePrevList', row.TCP_STATE_HISTORY));
  }
  return fields;
}

/** The reply direction comes in where the original one goes out. */
function interfaceFields(bits: number, reversed: boolean, interfaces: Interfaces): Field[] {
  const [comesIn, goesOut] = reversed
    ? ['egressInterface', 'ingressInterface']
    : ['ingressInterface', 'egressInterface'];
  let ingress: Field[] = [];
  let egress: Field[] = [];
  if (interfaces === 'route') {
    if (bits & shape.INGRESS) ingress = [unsigned32(comesIn, row.INGRESS_INTERFACE)];
    if (bits & shape.EGRESS) egress = [unsigned32(goesOut, row.EGRESS_INTERFACE)];
  } else if (interfaces !== 'none') {
    ingress = [constant32(comesIn, interfaces.ingress)];
    egress = [constant32(goesOut, interfaces.egress)];
  }
  return reversed ? [...egress, ...ingress] : [...ingress, ...egress];
}

function addresses(v6: boolean, direction: Direction): Field[] {
  return v6
    ? [address6('sourceIPv6Address', direction.source), address6('destinationIPv6Address', direction.destination)]
    : [address4('sourceIPv4Address', direction.source), address4('destinationIPv4Address', direction.destination)];
}

/** Totals before deltas: nfdump keeps both in one place, and the last one stays. */
function counters(prefix: '' | 'reverse', direction: Direction): Field[] {
  const name = (forward: string): string => (prefix ? prefix + forward[0].toUpperCase() + forward.slice(1) : forward);
  return [
    unsigned64(name('packetTotalCount'), direction.packets),
    unsigned64(name('octetTotalCount'), direction.octets),
    unsigned64(name('packetDeltaCount'), direction.packetDelta),
    unsigned64(name('octetDeltaCount'), direction.octetDelta),
  ];
}

/** After NAT, the source is the destination of the other direction, and the destination its source. */
function translation(v6: boolean, bits: number, there: Direction): Field[] {
  const address = v6 ? address6 : address4;
  const family = v6 ? 'IPv6' : 'IPv4';
  const fields = [
    address(`postNATSource${family}Address`, there.destination),
    address(`postNATDestination${family}Address`, there.source),
  ];
  if (bits & shape.PORTS) {
    fields.push(unsigned16('postNAPTSourceTransportPort', there.destinationPort));
    fields.push(unsigned16('postNAPTDestinationTransportPort', there.sourcePort));
  }
  fields.push(unsigned8('natType', row.NAT_TYPE));
  return fields;
}
