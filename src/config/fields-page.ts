import { FIRST_DETAIL } from '../ipfix/details.js';
import { detailedFields, shapedFields, type ListContext } from '../ipfix/field-list/elements.js';
import { ALL_KNOWN } from '../ipfix/field-list/list-mistakes.js';
import { ANTREA, IANA, NETFILTER, REVERSE } from '../ipfix/element.js';
import { AGGREGATE_KEYS, aggregateProfile } from '../ipfix/profile-aggregate.js';
import { createProfile, type Profile } from '../ipfix/profile.js';
import { elementByName } from '../ipfix/registry.js';
import * as shape from '../ipfix/shape.js';

/** What each element of a record says, and when records have it where that is not plain. */
const GROUPS: Readonly<Record<string, readonly (readonly [names: string, meaning: string])[]>> = {
  'Addresses and ports': [
    ['sourceIPv4Address sourceIPv6Address', 'Source before NAT, as the first packet had it.'],
    ['destinationIPv4Address destinationIPv6Address', 'Destination before NAT; in profile `antrea` after DNAT.'],
    [
      'sourceTransportPort',
      'Source port before NAT, of TCP, UDP, UDP-Lite, SCTP and DCCP; identifier of ICMP in events of a NAT.',
    ],
    ['destinationTransportPort', 'Destination port before NAT; in profile `antrea` after DNAT.'],
    ['tcpSourcePort tcpDestinationPort udpSourcePort udpDestinationPort', 'The same of TCP or UDP alone.'],
    ['protocolIdentifier', 'Protocol by its number: 6 is TCP, 17 UDP, 1 ICMP.'],
    ['ipVersion', '4 or 6.'],
    ['icmpTypeCodeIPv4 icmpTypeCodeIPv6', 'Type * 256 + code of the first packet.'],
    ['icmpTypeIPv4 icmpCodeIPv4 icmpTypeIPv6 icmpCodeIPv6', 'Type and code apart.'],
    [
      'ingressVRFID egressVRFID',
      'Conntrack zone: of both directions or the original one; of the reply direction alone.',
    ],
  ],
  NAT: [
    ['postNATSourceIPv4Address postNATSourceIPv6Address', 'Source after NAT. Only of translated connections.'],
    [
      'postNATDestinationIPv4Address postNATDestinationIPv6Address',
      'Destination after NAT. Only of translated connections.',
    ],
    [
      'postNAPTSourceTransportPort postNAPTDestinationTransportPort',
      'Ports after NAT. Only of translated connections.',
    ],
    ['natType', '1 (NAT44) or 5 (NAT66). Only of translated connections.'],
    ['natEvent', '4 created, 5 deleted.'],
    ['natInstanceID', '`--nat-instance`.'],
    ['observationTimeMilliseconds observationTimeNanoseconds', 'When the event was; by `--nat-time`.'],
  ],
  Counters: [
    ['packetTotalCount octetTotalCount', 'Since the connection began. Octets are those of IP, headers included.'],
    ['packetDeltaCount octetDeltaCount', 'Since the last record to this collector.'],
    ['reversePacketTotalCount reverseOctetTotalCount', 'The same of the reply direction (RFC 5103).'],
    ['reversePacketDeltaCount reverseOctetDeltaCount', 'The same of the reply direction (RFC 5103).'],
    ['initiatorPackets', 'Since the last record: of the original direction, as it began the connection.'],
    ['responderPackets', 'The same of the reply direction.'],
    ['deltaFlowCount', 'Connections in the sum.'],
  ],
  Times: [
    [
      'flowStartMilliseconds flowStartSeconds',
      'First packet, by the kernel (`nf_conntrack_timestamp`), else when ctflow first saw it.',
    ],
    ['flowEndMilliseconds flowEndSeconds', 'Last packet; [how exactly](records.md#octets-and-times).'],
    [
      'flowStartMicroseconds flowStartNanoseconds flowEndMicroseconds flowEndNanoseconds',
      'The same times, to the millisecond, in the formats of NTP.',
    ],
    ['flowDurationMilliseconds', 'From the first to the last packet; not of flows of more than 49 days.'],
  ],
  'The connection': [
    ['flowId', 'The same in all records of a connection.'],
    ['flowEndReason', '[1 to 5](records.md#flowendreason).'],
    ['biflowDirection', '1: the source is the initiator. 2: the destination is. 0: not known.'],
    ['flowDirection', '0: to this host. 1: from this host. None for forwarded flows.'],
    ['applicationName', "Name of conntrack's helper, such as ftp."],
    ['mark', "Conntrack's mark. In profile `standard` with `--netfilter-elements`."],
    ['conntrack_id', "Conntrack's id. In profile `standard` with `--netfilter-elements`."],
    ['tcpState', 'State of TCP; in profile `standard` with `--tcp-state-history`.'],
    ['tcpStatePrevList', 'The last eight states, with `--tcp-state-history`.'],
    ['ingressInterface egressInterface', 'Index of the interface, with [`--interfaces`](interfaces.md).'],
  ],
  'Denied packets': [
    ['firewallEvent', '3: a rule denied a packet ([denied packets](denied-packets.md)).'],
    ['forwardingStatus', '130 dropped, 129 rejected.'],
    [
      'ingressNetworkPolicyName ingressNetworkPolicyNamespace ingressNetworkPolicyRuleName',
      'From the log prefix of the rule, or its comment; or by a mark or label.',
    ],
    [
      'egressNetworkPolicyName egressNetworkPolicyNamespace egressNetworkPolicyRuleName',
      'From the log prefix of the rule.',
    ],
    ['ingressNetworkPolicyRuleAction egressNetworkPolicyRuleAction', '2 drop, 3 reject.'],
    ['ingressNetworkPolicyType egressNetworkPolicyType', 'Always 0: not known.'],
  ],
  'Names, from an inventory': [
    ['sourcePodName sourcePodNamespace sourceNodeName', 'Of the source, by the [inventory](inventory.md).'],
    ['destinationPodName destinationPodNamespace destinationNodeName', 'Of the destination, by the inventory.'],
    ['sourcePodLabels destinationPodLabels', 'Labels as JSON, with [`--kubernetes-labels`](kubernetes.md#labels).'],
    ['destinationServicePortName', '`NAMESPACE/SERVICE:PORT` behind the destination before DNAT.'],
    [
      'destinationServicePort',
      'Destination port before DNAT, of a known service; in profile `antrea` of any, or zero.',
    ],
    [
      'destinationClusterIPv4 destinationClusterIPv6',
      'Destination before DNAT, a known service; in profile `antrea` any, or zero.',
    ],
    ['destinationServiceIPv4 destinationServiceIPv6', 'The same.'],
    ['flowType', '1 to 4, [by the inventory](inventory.md).'],
    ['egressName egressIP egressNodeName', 'Always empty: what Antrea alone knows.'],
    ['proxySnatIPv4 proxySnatIPv6 proxySnatPort', 'Source after SNAT; zero where it is as before.'],
  ],
  'Owners of sockets': [
    [
      'userName',
      'User of the socket on this host, with [`--owners`](owners.md): of the source, else of the destination.',
    ],
  ],
  'Where addresses are': [
    ['bgpSourceAsNumber', 'Autonomous system that the source is in, with [`--geoip-asn`](addresses.md).'],
    ['bgpDestinationAsNumber', 'Autonomous system that the destination is in, before NAT.'],
  ],
  'This host': [
    ['observationDomainId', '`--observation-domain`.'],
    ['observationDomainName', 'Name of the host; in options records that of the network namespace.'],
    ['exportingProcessId meteringProcessId', 'Process id of ctflow.'],
    ['samplingPacketInterval samplingPacketSpace', '1 and 0: every packet is counted.'],
    [
      'samplingInterval samplerRandomInterval',
      '1 and 1: the same, for collectors that know no other; deprecated by IANA.',
    ],
    ['flowActiveTimeout', '`--active-flow-export-timeout`, where it is whole seconds.'],
    ['flowIdleTimeout', '`--idle-flow-export-timeout`, where it is whole seconds.'],
    ['interfaceName interfaceDescription', 'Name and alias of an interface.'],
    ['exportedMessageTotalCount exportedFlowRecordTotalCount exportedOctetTotalCount', 'Sent so far in this session.'],
    [
      'notSentFlowTotalCount notSentPacketTotalCount notSentOctetTotalCount',
      'Flows that were dropped, and what they counted.',
    ],
    ['ignoredPacketTotalCount ignoredOctetTotalCount', 'Packets that are in no record.'],
    ['templateId flowKeyIndicator', 'Which elements of a template are the flow key.'],
  ],
};

/** Elements of options records; a test holds them to the templates. */
export const OPTIONS_ELEMENTS: ReadonlySet<string> = new Set(
  (
    'observationDomainId exportedMessageTotalCount exportedFlowRecordTotalCount exportedOctetTotalCount exportingProcessId ' +
    'notSentFlowTotalCount notSentPacketTotalCount notSentOctetTotalCount observationTimeMilliseconds templateId ' +
    'flowKeyIndicator ignoredPacketTotalCount ignoredOctetTotalCount samplingPacketInterval samplingPacketSpace ' +
    'samplingInterval samplerRandomInterval ingressInterface interfaceName interfaceDescription observationDomainName'
  ).split(' '),
);

const ENTERPRISES = new Map([
  [IANA, ''],
  [REVERSE, '29305'],
  [ANTREA, '56506'],
  [NETFILTER, '21373'],
]);
const BITS = FIRST_DETAIL + 1;

/** Names of the elements that records of each kind can have. */
export function elementsInRecords(): Map<string, ReadonlySet<string>> {
  const list: ListContext = {
    biflow: 'reverse',
    interfaces: 'route',
    observationDomain: 0,
    timeouts: { active: 1000, idle: 1000 },
    ...ALL_KNOWN,
  };
  const named = [...detailedFields(false).keys()];
  return new Map([
    ['standard', elementsOf(createProfile('standard', 'reverse', true, undefined, 'route'))],
    ['antrea', elementsOf(createProfile('antrea', 'reverse', false))],
    ['nat', elementsOf(natProfile('milliseconds'), natProfile('nanoseconds'))],
    ['a list', new Set([...named, ...shapes(~shape.REVERSED).flatMap(bits => [...shapedFields(bits, list).keys()])])],
    ['sums', elementsOf(aggregateProfile(AGGREGATE_KEYS, 'reverse', { ingress: 1, egress: 2 }))],
    ['options', OPTIONS_ELEMENTS],
  ]);
}

function natProfile(time: 'milliseconds' | 'nanoseconds'): Profile {
  return createProfile('nat', 'reverse', false, undefined, 'none', {}, { instance: 1, time });
}

function elementsOf(...profiles: readonly Profile[]): Set<string> {
  const names = new Set<string>();
  for (const profile of profiles) {
    const details = profile.details.reduce((all, _, i) => all | (1 << (FIRST_DETAIL + i)), 0);
    for (const bits of shapes(profile.shapes | details))
      for (const { element } of profile.fieldsOf(bits | profile.always)) names.add(element.name);
  }
  return names;
}

/** Shapes with up to three facts: no element needs more. */
function shapes(allowed: number): number[] {
  const found = new Set<number>();
  for (let a = 0; a < BITS; a++)
    for (let b = a; b < BITS; b++) for (let c = b; c < BITS; c++) found.add(((1 << a) | (1 << b) | (1 << c)) & allowed);
  return [...found.add(0)];
}

/** Every element that {@link fieldsPage} explains. */
export function explainedElements(): string[] {
  return Object.values(GROUPS).flatMap(rows => rows.flatMap(([names]) => names.split(' ')));
}

/** docs/fields.md. */
export function fieldsPage(): string {
  const records = [...elementsInRecords()];
  const lines = [
    '# Fields',
    '',
    'Generated by `npm run generate`. Every information element that ctflow sends. A record has those that are known of its flow;',
    'nothing unknown is sent as zero, except in profile `antrea`, whose collectors expect it. [Records](records.md) explains more.',
    '',
    '"In" says where an element can be: in records of the profiles `standard`, `antrea` and `nat`; in [a list of your',
    'own](records.md#a-list-of-ones-own) (`--fields`); in [sums](aggregation.md); in options records. Without a number of an enterprise it',
    "is one of [IANA's](https://www.iana.org/assignments/ipfix/ipfix.xhtml); 29305 is RFC 5103's reverse, 21373 Netfilter's, 56506",
    "Antrea's.",
  ];
  for (const [title, rows] of Object.entries(GROUPS)) {
    lines.push('', `## ${title}`, '', '| element | id | type | in | says |', '|---|---|---|---|---|');
    for (const [names, meaning] of rows) {
      for (const name of names.split(' ')) {
        const { id, enterprise, type } = elementByName(name);
        const number = [ENTERPRISES.get(enterprise), id].filter(Boolean).join('/');
        const where = records.filter(([, elements]) => elements.has(name)).map(([kind]) => kind);
        lines.push(`| \`${name}\` | ${number} | ${type} | ${where.join(', ')} | ${meaning} |`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}
