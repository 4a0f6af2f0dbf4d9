import { hostname } from 'node:os';
import { HOST_LITTLE_ENDIAN } from '../../common/u64.js';
import { type Direction, ORIGINAL, REPLY } from '../../row/direction.js';
import * as row from '../../row/layout.generated.js';
import { U16_MAX } from '../../common/unsigned.js';
import type { Detail } from '../details.js';
import {
  address4,
  address6,
  constant16,
  constant32,
  literal,
  microseconds,
  named,
  nanoseconds,
  seconds,
  tcpState,
  unsigned16,
  unsigned32,
  unsigned64,
  unsigned8,
} from '../fields.js';
import type { Interfaces } from '../interfaces.js';
import { standardFields, type Biflow } from '../profile-standard.js';
import * as shape from '../shape.js';
import type { Field } from '../template.js';
import {
  ADDRESSES,
  ANY_OWNER,
  DESTINATION_NODE,
  DESTINATION_OWNER,
  DESTINATION_POD,
  EGRESS_RULE,
  HANDSHAKE_SEEN,
  INGRESS_RULE,
  OFFLOAD_KNOWN,
  PODS,
  SOURCE_NODE,
  SOURCE_OWNER,
  SOURCE_POD,
  STATUS,
  TCP,
  TCP_STATE,
  TYPE,
  UDP,
} from './known-details.js';
import { OF_OWNER, where, type DetailedField } from './own-elements.js';

/** What the elements of a list are filled from, beside connections. */
export interface ListContext {
  readonly biflow: Biflow;
  readonly interfaces?: Interfaces;
  readonly observationDomain: number;
  /** Milliseconds. */
  readonly timeouts?: { readonly active: number; readonly idle: number };
  /** There is an inventory. */
  readonly inventory: boolean;
  /** Packets that rules deny are received. */
  readonly denied: boolean;
  /** Connections may have rules that allow. */
  readonly policies?: boolean;
  /** The TCP states of connections are kept. */
  readonly tcpStates: boolean;
  /** NEW and UPDATE events are received, from which the times of handshakes follow. */
  readonly handshakes?: boolean;
  /** The owners of sockets are looked up. */
  readonly owners: boolean;
  /** Autonomous systems and countries of addresses are looked up. */
  readonly asNumbers?: boolean;
  readonly countries?: boolean;
  /** Names of addresses are asked for in the DNS. */
  readonly dnsNames?: boolean;
  /** The API server says what pods belong to. */
  readonly workloads?: boolean;
  /** Labels of pods are kept. */
  readonly podLabels?: boolean;
}

const HOST = hostname();
/** What a record of this shape can have, by name. */
export function shapedFields(bits: number, context: ListContext): Map<string, Field> {
  const { biflow, interfaces, observationDomain } = context;
  const here: Direction = bits & shape.REVERSED ? REPLY : ORIGINAL;
  const fields = [
    ...standardFields(bits, biflow, interfaces),
    seconds('flowStartSeconds', row.FLOW_START_MS),
    seconds('flowEndSeconds', row.FLOW_END_MS),
    microseconds('flowStartMicroseconds', row.FLOW_START_MS),
    microseconds('flowEndMicroseconds', row.FLOW_END_MS),
    nanoseconds('flowStartNanoseconds', row.FLOW_START_MS),
    nanoseconds('flowEndNanoseconds', row.FLOW_END_MS),
    constant32('observationDomainId', observationDomain),
    literal('observationDomainName', HOST),
    constant32('exportingProcessId', process.pid),
    constant32('meteringProcessId', process.pid),
    // every packet is counted
    constant32('samplingPacketInterval', 1),
    constant32('samplingPacketSpace', 0),
    constant32('samplingInterval', 1),
    constant32('samplerRandomInterval', 1),
    ...timeoutFields(context),
  ];
  // the two directions of one record: the device that a connection began with is the initiator for all its life
  if (biflow === 'reverse' && bits & shape.REPLY_COUNTERS) {
    fields.push(unsigned64('initiatorPackets', row.ORIG_PACKET_DELTA));
    fields.push(unsigned64('responderPackets', row.REPLY_PACKET_DELTA));
  }
  if ((bits & (shape.SERVICE | shape.REVERSED)) === shape.SERVICE) fields.push(...serviceFields(bits));
  if (bits & shape.ICMP) {
    const family = bits & shape.IPV6 ? 'IPv6' : 'IPv4';
    // type * 256 + code, in the order of the host
    const [type, code] = HOST_LITTLE_ENDIAN ? [1, 0] : [0, 1];
    fields.push(unsigned8(`icmpType${family}`, here.destinationPort + type));
    fields.push(unsigned8(`icmpCode${family}`, here.destinationPort + code));
  }
  return new Map(fields.map(field => [field.element.name, field]));
}

/** Whole seconds, 16 bits. */
function timeoutFields({ timeouts }: ListContext): Field[] {
  const named = [
    ['flowActiveTimeout', timeouts?.active],
    ['flowIdleTimeout', timeouts?.idle],
  ] as const;
  return named.flatMap(([name, milliseconds = Number.NaN]) => {
    const time = milliseconds / 1000;
    return Number.isInteger(time) && time <= U16_MAX ? [constant16(name, time)] : [];
  });
}

/** Of the connection as it began: what the inventory has at its destination before NAT. */
function serviceFields(bits: number): Field[] {
  const fields = [named('destinationServicePortName', row.SERVICE_PORT_NAME)];
  if (bits & shape.PORTS) fields.push(unsigned16('destinationServicePort', row.ORIG_DPORT));
  const [address, family] = bits & shape.IPV6 ? [address6, 'IPv6'] : [address4, 'IPv4'];
  for (const what of ['Cluster', 'Service']) fields.push(address(`destination${what}${family}`, row.ORIG_DST));
  return fields;
}

/** What records with details can have, by name. @param reversed the reply direction as a record of its own: its source is the destination */
export function detailedFields(reversed: boolean): Map<string, DetailedField> {
  const pods = { source: SOURCE_POD, destination: DESTINATION_POD };
  const nodes = { source: SOURCE_NODE, destination: DESTINATION_NODE };
  const here = reversed ? REPLY : ORIGINAL;
  const list: [Field, Detail][] = [[tcpState('tcpState', row.STATE), TCP_STATE]];
  for (const side of ['source', 'destination'] as const) {
    const other = side === 'source' ? 'destination' : 'source';
    const end = reversed ? other : side;
    const [pod, namespace, node] =
      end === 'source'
        ? [row.SOURCE_POD_NAME, row.SOURCE_POD_NAMESPACE, row.SOURCE_NODE_NAME]
        : [row.DESTINATION_POD_NAME, row.DESTINATION_POD_NAMESPACE, row.DESTINATION_NODE_NAME];
    list.push([named(`${side}PodName`, pod), pods[end]], [named(`${side}PodNamespace`, namespace), pods[end]]);
    list.push([named(`${side}NodeName`, node), nodes[end]]);
    const labels = end === 'source' ? row.SOURCE_POD_LABELS : row.DESTINATION_POD_LABELS;
    list.push([named(`${side}PodLabels`, labels), PODS[end].labels]);
    const asNumber = end === 'source' ? row.SOURCE_AS_NUMBER : row.DESTINATION_AS_NUMBER;
    const element = side === 'source' ? 'bgpSourceAsNumber' : 'bgpDestinationAsNumber';
    list.push([unsigned32(element, asNumber), ADDRESSES[end].asNumber]);
  }
  list.push([named('userName', row.USER_NAME), ANY_OWNER]);
  // of the connection as it began
  if (!reversed) list.push([unsigned8('flowType', row.FLOW_TYPE), TYPE]);
  for (const [protocol, detail] of [
    ['tcp', TCP],
    ['udp', UDP],
  ] as const) {
    list.push([unsigned16(`${protocol}SourcePort`, here.sourcePort), detail]);
    list.push([unsigned16(`${protocol}DestinationPort`, here.destinationPort), detail]);
  }
  list.push(
    [named('ingressNetworkPolicyName', row.INGRESS_POLICY_NAME), INGRESS_RULE.policy],
    [named('ingressNetworkPolicyNamespace', row.INGRESS_POLICY_NAMESPACE), INGRESS_RULE.namespace],
    [named('ingressNetworkPolicyRuleName', row.INGRESS_RULE_NAME), INGRESS_RULE.rule],
    [unsigned8('ingressNetworkPolicyRuleAction', row.INGRESS_RULE_ACTION), INGRESS_RULE.action],
    [named('egressNetworkPolicyName', row.EGRESS_POLICY_NAME), EGRESS_RULE.policy],
    [named('egressNetworkPolicyNamespace', row.EGRESS_POLICY_NAMESPACE), EGRESS_RULE.namespace],
    [named('egressNetworkPolicyRuleName', row.EGRESS_RULE_NAME), EGRESS_RULE.rule],
    [unsigned8('egressNetworkPolicyRuleAction', row.EGRESS_RULE_ACTION), EGRESS_RULE.action],
  );
  return new Map(list.map(([field, detail]) => [field.element.name, where(field, detail)]));
}

/** A way in which records can differ: bits of their shape, and their details. */
export interface Way {
  readonly bits: number;
  readonly details: readonly Detail[];
}

const way = (bits: number, ...some: Detail[]): Way => ({ bits, details: some });
const orNot = (bits: number, ...some: Detail[]): Way[] => [way(0), way(bits, ...some)];

/** Facts whose elements depend on one another: of each one way holds. */
export function dependentWays({ biflow, denied, handshakes, inventory, tcpStates }: ListContext): Way[][] {
  const tcp = [
    way(shape.PORTS, TCP),
    way(shape.PORTS, TCP, TCP_STATE),
    ...(handshakes ? [way(shape.PORTS, TCP, TCP_STATE, HANDSHAKE_SEEN)] : []),
  ];
  const states = tcp.map(one => ({ ...one, bits: one.bits | shape.TCP_HISTORY }));
  return [
    orNot(shape.IPV6),
    [way(0), way(shape.ICMP), way(shape.PORTS), way(shape.PORTS, UDP), ...tcp, ...(tcpStates ? states : [])],
    orNot(shape.SOURCE_NAT | shape.DESTINATION_NAT),
    // a packet that was denied counts for its direction
    [...orNot(shape.COUNTERS | shape.REPLY_COUNTERS), ...(denied ? [way(shape.COUNTERS)] : [])],
    inventory ? orNot(shape.SERVICE) : [way(0)],
    biflow === 'two-uniflows' ? orNot(shape.REVERSED) : [way(0)],
  ];
}

/** A fact whose elements depend on nothing else. */
export interface Fact {
  readonly ways: readonly Way[];
  /** How many of these one exporter sees. */
  readonly possible: number;
}

export function independentFacts({ denied, policies }: ListContext): Fact[] {
  const facts = [
    [way(0), way(shape.ZONE), way(shape.REPLY_ZONE)],
    ...[shape.MARK, shape.HELPER, shape.LONG, shape.ONE_END_LOCAL, shape.INGRESS, shape.EGRESS].map(bit => orNot(bit)),
    ...[SOURCE_NODE, DESTINATION_NODE, TYPE].map(detail => orNot(0, detail)),
    podWays(SOURCE_POD, PODS.source),
    podWays(DESTINATION_POD, PODS.destination),
    ...Object.values(ADDRESSES).flatMap(known => Object.values(known).map(detail => orNot(0, detail))),
    // one end of a connection at least is here, and often both are
    [
      way(0),
      way(0, SOURCE_OWNER, ANY_OWNER),
      way(0, DESTINATION_OWNER, ANY_OWNER),
      way(0, SOURCE_OWNER, DESTINATION_OWNER, ANY_OWNER),
    ],
    [way(0), ...(policies ? [0, shape.DENIED] : [shape.DENIED]).flatMap(ruleWays)],
  ].map(ways => ({ ways, possible: ways.length }));
  // the source tells: netlink all of it, procfs the last one, a denied packet nothing
  const ofConnection = [way(shape.ID, STATUS, OFFLOAD_KNOWN), way(0, OFFLOAD_KNOWN), way(0)];
  return [...facts, { ways: ofConnection, possible: denied ? 2 : 1 }];
}

/** More than its name is known only of a pod that has one; labels of each, where they are asked for. */
function podWays(pod: Detail, { workload, labels }: (typeof PODS)['source']): Way[] {
  return [way(0), way(0, pod, labels), way(0, pod, labels, workload)];
}

/** @param bits of records with a rule */
function ruleWays(bits: number): Way[] {
  return [INGRESS_RULE, EGRESS_RULE].flatMap(({ action, policy, namespace, rule }) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map(some =>
      way(bits, action, ...[policy, namespace, rule].filter((_, i) => some & (1 << i))),
    ),
  );
}

/** A setting without which nothing fills some elements, as ListContext names it. */
export type Need =
  | 'inventory'
  | 'denied'
  | 'handshakes'
  | 'tcpStates'
  | 'owners'
  | 'asNumbers'
  | 'countries'
  | 'dnsNames'
  | 'workloads'
  | 'podLabels'
  | 'interfaces';

const OWNER_ELEMENT = new RegExp(`^(source|destination)(${OF_OWNER.join('|')})\\b`);

export function needOf(name: string): Need | undefined {
  // before the names of pods: sourcePodUid is of an owner
  if (name === 'userName' || OWNER_ELEMENT.test(name)) return 'owners';
  if (/^(source|destination)Workload\b/.test(name)) return 'workloads';
  if (/^(source|destination)PodLabels$/.test(name)) return 'podLabels';
  if (/^(source|destination)(Pod|Node)|^destination(Service|Cluster)|^flowType$/.test(name)) return 'inventory';
  if (/NetworkPolicy|^firewallEvent$|^forwardingStatus$/.test(name)) return 'denied';
  if (/^bgp(Source|Destination)AsNumber$/.test(name)) return 'asNumbers';
  if (/^(source|destination)Country\b/.test(name)) return 'countries';
  if (/^(source|destination)DnsName\b/.test(name)) return 'dnsNames';
  if (name === 'tcpStatePrevList') return 'tcpStates';
  if (name.startsWith('tcpHandshake')) return 'handshakes';
  return name === 'ingressInterface' || name === 'egressInterface' ? 'interfaces' : undefined;
}
