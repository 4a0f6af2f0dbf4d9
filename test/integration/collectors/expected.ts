/** What a peer must read, worked out from what `conntrack -L` says and from nothing else. */
import type { ListedConnection, ListedDirection } from '../../helpers/kernel/conntrack-list.js';
import type { BackendName } from '../../helpers/kernel/command.js';
import type { OracleRecord } from '../../helpers/oracles/record.js';

const TCP = 6;
/** Elements that a listing says nothing about; they are in every record of the profile and have checks of their own. */
export const UNLISTED: readonly string[] = [
  'flowStartMilliseconds',
  'flowEndMilliseconds',
  'flowDurationMilliseconds',
  'flowId',
  'packetDeltaCount',
  'octetDeltaCount',
  'reversePacketDeltaCount',
  'reverseOctetDeltaCount',
];

/** The record of an open connection at the end of an export, profile `standard`, without {@link UNLISTED}. */
export function expectedStandard(connection: ListedConnection, backend: BackendName): OracleRecord {
  const { original, reply, protocol, family } = connection;
  const version = family === 'ipv4' ? 'IPv4' : 'IPv6';
  const record: OracleRecord = {
    [`source${version}Address`]: original.src,
    [`destination${version}Address`]: original.dst,
    protocolIdentifier: String(protocol),
    ipVersion: family === 'ipv4' ? '4' : '6',
    packetTotalCount: original.packets!,
    octetTotalCount: original.bytes!,
    reversePacketTotalCount: reply.packets!,
    reverseOctetTotalCount: reply.bytes!,
    flowEndReason: endReason(connection),
    // procfs does not tell whether a TCP connection was picked up in the middle
    biflowDirection: protocol === TCP && backend === 'fallback' ? '0' : '1',
  };
  if (original.sport !== undefined) {
    record['sourceTransportPort'] = original.sport;
    record['destinationTransportPort'] = original.dport!;
  }
  if (original.type !== undefined) {
    record[`icmpTypeCode${version}`] = String(Number(original.type) * 256 + Number(original.code));
  }
  if (translated(original, reply)) {
    record[`postNATSource${version}Address`] = reply.dst;
    record[`postNATDestination${version}Address`] = reply.src;
    record['natType'] = family === 'ipv4' ? '1' : '5';
    if (reply.sport !== undefined) {
      record['postNAPTSourceTransportPort'] = reply.dport!;
      record['postNAPTDestinationTransportPort'] = reply.sport;
    }
  }
  const zone = connection.zone ?? original.zone;
  if (zone !== undefined) record['ingressVRFID'] = zone;
  else if (reply.zone !== undefined) record['egressVRFID'] = reply.zone;
  return record;
}

/** The same, profile `antrea`: what is absent is zero or empty. */
export function expectedAntrea(connection: ListedConnection): OracleRecord {
  const { original, reply, protocol, family } = connection;
  const version = family === 'ipv4' ? 'IPv4' : 'IPv6';
  const none = family === 'ipv4' ? '0.0.0.0' : '::';
  const service = original.dst !== reply.src || original.dport !== reply.sport;
  const masqueraded = original.src !== reply.dst || original.sport !== reply.dport;
  const record: OracleRecord = {
    flowEndReason: endReason(connection),
    sourceTransportPort: original.sport ?? '0',
    destinationTransportPort: reply.sport ?? '0',
    protocolIdentifier: String(protocol),
    packetTotalCount: original.packets!,
    octetTotalCount: original.bytes!,
    reversePacketTotalCount: reply.packets!,
    reverseOctetTotalCount: reply.bytes!,
    [`source${version}Address`]: original.src,
    [`destination${version}Address`]: reply.src,
    destinationServicePort: (service && original.dport) || '0',
    proxySnatPort: (masqueraded && reply.dport) || '0',
    [`destinationCluster${version}`]: service ? original.dst : none,
    [`destinationService${version}`]: service ? original.dst : none,
    [`proxySnat${version}`]: masqueraded ? reply.dst : none,
    tcpState: protocol === TCP ? connection.state! : '',
    flowType: '0',
  };
  for (const side of ['source', 'destination']) {
    for (const name of ['PodName', 'PodNamespace', 'NodeName']) record[side + name] = '';
  }
  for (const side of ['ingress', 'egress']) {
    for (const name of ['Name', 'Namespace', 'RuleName']) record[`${side}NetworkPolicy${name}`] = '';
    for (const name of ['Type', 'RuleAction']) record[`${side}NetworkPolicy${name}`] = '0';
  }
  for (const name of ['destinationServicePortName', 'egressName', 'egressIP', 'egressNodeName']) record[name] = '';
  return record;
}

/** Forced end for what was open when the exporter stopped, end of flow for what had closed before. */
function endReason({ state }: ListedConnection): string {
  return state === 'TIME_WAIT' || state === 'CLOSE' ? '3' : '4';
}

function translated(original: ListedDirection, reply: ListedDirection): boolean {
  return (
    original.src !== reply.dst ||
    original.dst !== reply.src ||
    original.sport !== reply.dport ||
    original.dport !== reply.sport
  );
}

/** What tells the connections of one test apart: its protocol, addresses and ports before NAT. */
export function keyOf(record: OracleRecord): string {
  const side = (name: string) =>
    `${record[`${name}IPv4Address`] ?? record[`${name}IPv6Address`]} ${record[`${name}TransportPort`] ?? ''}`;
  return `${record['protocolIdentifier']} ${side('source')} > ${side('destination')}`;
}
