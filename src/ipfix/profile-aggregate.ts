import { ORIGINAL, REPLY } from '../row/direction.js';
import * as row from '../row/layout.generated.js';
import {
  address4,
  address6,
  constant32,
  constant8,
  unsigned16,
  unsigned32,
  unsigned64,
  unsigned8,
  widened16,
} from './fields.js';
import type { FixedInterfaces } from './interfaces.js';
import type { Profile } from './profile.js';
import type { Biflow } from './profile-standard.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

/** What connections can be summed up by; filters have the same names. */
export const AGGREGATE_KEYS = [
  'family',
  'protocol',
  'src',
  'dst',
  'src.port',
  'dst.port',
  'nat.src',
  'nat.dst',
  'nat.src.port',
  'nat.dst.port',
  'zone',
  'mark',
] as const;
export type AggregateKey = (typeof AGGREGATE_KEYS)[number];

/** A key of IPv4 or of IPv6: with one of them, no sum has both families. */
const OF_A_FAMILY: readonly AggregateKey[] = ['family', 'src', 'dst', 'nat.src', 'nat.dst'];
const PORTS: readonly AggregateKey[] = ['src.port', 'dst.port', 'nat.src.port', 'nat.dst.port'];

// a sum's row has its own facts where the row of a connection has others
/** The remainder stands where others have a helper. */
export const REMAINDER_FLAG = row.HAS_HELPER;
const REMAINDER = shape.HELPER;
/** deltaFlowCount (IE 3), 64 bits. */
export const SUM_FLOWS = row.STOP_NS;
/** biflowDirection (IE 239): one byte. */
export const SUM_DIRECTION = row.STATUS;

/** Records of sums over connections: their keys, times and deltas. No totals, flowId or end reason: a sum has none (RFC 7015). */
export function aggregateProfile(
  keys: readonly AggregateKey[],
  biflow: Biflow,
  interfaces: FixedInterfaces | undefined,
): Profile {
  const has = new Set(keys);
  const some = (list: readonly AggregateKey[]): boolean => list.some(key => has.has(key));
  let shapes = shape.COUNTERS | shape.REPLY_COUNTERS | shape.LONG | REMAINDER;
  if (some(OF_A_FAMILY)) shapes |= shape.IPV6;
  if (some(PORTS)) shapes |= shape.PORTS;
  if (has.has('zone')) shapes |= shape.ZONE | shape.REPLY_ZONE;
  if (has.has('mark')) shapes |= shape.MARK;
  return {
    name: 'standard',
    templatesApart: false,
    zeroDeltas: 'none',
    uniflows: biflow === 'two-uniflows',
    directed: true,
    shapes: shapes | shape.DENIED,
    details: [],
    always: interfaces ? shape.INGRESS | shape.EGRESS : 0,
    fieldsOf: bits => aggregateFields(has, some(OF_A_FAMILY), bits, biflow, interfaces),
  };
}

function aggregateFields(
  keys: ReadonlySet<AggregateKey>,
  hasFamily: boolean,
  bits: number,
  biflow: Biflow,
  interfaces: FixedInterfaces | undefined,
): Field[] {
  const reversed = (bits & shape.REVERSED) !== 0;
  const fields: Field[] = [];
  if ((bits & REMAINDER) === 0) {
    fields.push(...keyFields(keys, bits, reversed));
    if (hasFamily) fields.push(constant8('ipVersion', bits & shape.IPV6 ? 6 : 4));
  }
  // everything so far is a key
  for (const [i, field] of fields.entries()) fields[i] = { ...field, key: true };
  fields.push(unsigned64('flowStartMilliseconds', row.FLOW_START_MS));
  fields.push(unsigned64('flowEndMilliseconds', row.FLOW_END_MS));
  if ((bits & shape.LONG) === 0) fields.push(unsigned32('flowDurationMilliseconds', row.FLOW_DURATION_MS));
  const here = reversed ? REPLY : ORIGINAL;
  if (bits & (reversed ? shape.REPLY_COUNTERS : shape.COUNTERS)) {
    fields.push(unsigned64('packetDeltaCount', here.packetDelta), unsigned64('octetDeltaCount', here.octetDelta));
  }
  if (biflow === 'reverse') {
    if (bits & shape.REPLY_COUNTERS) {
      fields.push(unsigned64('reversePacketDeltaCount', REPLY.packetDelta));
      fields.push(unsigned64('reverseOctetDeltaCount', REPLY.octetDelta));
    }
    fields.push(unsigned8('biflowDirection', SUM_DIRECTION));
  }
  // a connection is counted once, whatever its directions
  if (!reversed) fields.push(unsigned64('deltaFlowCount', SUM_FLOWS));
  if (bits & shape.DENIED) fields.push(constant8('firewallEvent', 3));
  if (interfaces) {
    const { ingress, egress } = interfaces;
    fields.push(constant32('ingressInterface', reversed ? egress : ingress));
    fields.push(constant32('egressInterface', reversed ? ingress : egress));
  }
  return fields;
}

/** The keys turned round for the reply direction: it begins at the destination after NAT, and ends at the source before it. */
function keyFields(keys: ReadonlySet<AggregateKey>, bits: number, reversed: boolean): Field[] {
  const v6 = (bits & shape.IPV6) !== 0;
  const address = v6 ? address6 : address4;
  const family = v6 ? 'IPv6' : 'IPv4';
  const fields: Field[] = [];
  const add = (make: (name: string, offset: number) => Field, name: string, offset: number | undefined): void => {
    if (offset !== undefined) fields.push(make(name, offset));
  };
  const end = (key: AggregateKey, before: number, natKey: AggregateKey, after: number): (number | undefined)[] => {
    const own = keys.has(key) ? before : undefined;
    const nat = keys.has(natKey) ? after : undefined;
    if (!reversed) return [own, nat];
    return nat === undefined ? [own, undefined] : [nat, own];
  };
  const source = end('src', ORIGINAL.source, 'nat.src', REPLY.destination);
  const destination = end('dst', ORIGINAL.destination, 'nat.dst', REPLY.source);
  const sourcePort = end('src.port', ORIGINAL.sourcePort, 'nat.src.port', REPLY.destinationPort);
  const destinationPort = end('dst.port', ORIGINAL.destinationPort, 'nat.dst.port', REPLY.sourcePort);
  const [from, to] = reversed ? [destination, source] : [source, destination];
  const [fromPort, toPort] = reversed ? [destinationPort, sourcePort] : [sourcePort, destinationPort];
  add(address, `source${family}Address`, from[0]);
  add(address, `destination${family}Address`, to[0]);
  if (bits & shape.PORTS) {
    add(unsigned16, 'sourceTransportPort', fromPort[0]);
    add(unsigned16, 'destinationTransportPort', toPort[0]);
  }
  if (keys.has('protocol')) fields.push(unsigned8('protocolIdentifier', row.PROTOCOL));
  add(address, `postNATSource${family}Address`, from[1]);
  add(address, `postNATDestination${family}Address`, to[1]);
  if (bits & shape.PORTS) {
    add(unsigned16, 'postNAPTSourceTransportPort', fromPort[1]);
    add(unsigned16, 'postNAPTDestinationTransportPort', toPort[1]);
  }
  if (bits & shape.ZONE) fields.push(widened16('ingressVRFID', row.ORIG_ZONE));
  if (bits & shape.REPLY_ZONE) fields.push(widened16('egressVRFID', row.REPLY_ZONE));
  if (bits & shape.MARK) fields.push(unsigned32('mark', row.MARK));
  return fields;
}
