import * as row from '../row/layout.generated.js';
import {
  address4,
  address6,
  denied,
  emptyText,
  named,
  seconds,
  tcpHistory,
  tcpState,
  unsigned16,
  unsigned64,
  unsigned8,
  zeros,
} from './fields.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

/**
 * The profile `antrea`: field for field what an Antrea flow aggregator knows. The destination is the one after NAT; the
 * original one, the service, stands in elements of its own. What is absent is zero or empty, as those collectors expect. Every
 * element has the size of its type: go-ipfix takes the sizes from its registry, whatever the template says.
 */
export function antreaFields(bits: number): Field[] {
  const v6 = (bits & shape.IPV6) !== 0;
  const family = v6 ? 'IPv6' : 'IPv4';
  const address = v6 ? address6 : address4;
  const ports = (bits & shape.PORTS) !== 0;
  const service = (bits & (shape.DESTINATION_NAT | shape.SERVICE)) !== 0;
  const snat = (bits & shape.SOURCE_NAT) !== 0;
  const port = (known: boolean, name: string, offset: number): Field =>
    known && ports ? unsigned16(name, offset) : zeros(name, 2);
  const addressOrZero = (known: boolean, name: string, offset: number): Field =>
    known ? address(name, offset) : zeros(name, v6 ? 16 : 4);
  return [
    seconds('flowStartSeconds', row.FLOW_START_MS),
    seconds('flowEndSeconds', row.FLOW_END_MS),
    unsigned8('flowEndReason', row.END_REASON),
    port(true, 'sourceTransportPort', row.ORIG_SPORT),
    port(true, 'destinationTransportPort', row.REPLY_SPORT),
    unsigned8('protocolIdentifier', row.PROTOCOL),
    unsigned64('packetTotalCount', row.ORIG_PACKETS),
    unsigned64('octetTotalCount', row.ORIG_OCTETS),
    unsigned64('packetDeltaCount', row.ORIG_PACKET_DELTA),
    unsigned64('octetDeltaCount', row.ORIG_OCTET_DELTA),
    address(`source${family}Address`, row.ORIG_SRC),
    address(`destination${family}Address`, row.REPLY_SRC),
    unsigned64('reversePacketTotalCount', row.REPLY_PACKETS),
    unsigned64('reverseOctetTotalCount', row.REPLY_OCTETS),
    unsigned64('reversePacketDeltaCount', row.REPLY_PACKET_DELTA),
    unsigned64('reverseOctetDeltaCount', row.REPLY_OCTET_DELTA),
    named('sourcePodName', row.SOURCE_POD_NAME),
    named('sourcePodNamespace', row.SOURCE_POD_NAMESPACE),
    named('sourceNodeName', row.SOURCE_NODE_NAME),
    named('destinationPodName', row.DESTINATION_POD_NAME),
    named('destinationPodNamespace', row.DESTINATION_POD_NAMESPACE),
    named('destinationNodeName', row.DESTINATION_NODE_NAME),
    port(service, 'destinationServicePort', row.ORIG_DPORT),
    named('destinationServicePortName', row.SERVICE_PORT_NAME),
    ...policy(
      'ingress',
      row.INGRESS_POLICY_NAME,
      row.INGRESS_POLICY_NAMESPACE,
      row.INGRESS_RULE_NAME,
      row.INGRESS_RULE_ACTION,
    ),
    ...policy(
      'egress',
      row.EGRESS_POLICY_NAME,
      row.EGRESS_POLICY_NAMESPACE,
      row.EGRESS_RULE_NAME,
      row.EGRESS_RULE_ACTION,
    ),
    tcpState('tcpState', row.STATE),
    unsigned8('flowType', row.FLOW_TYPE),
    emptyText('egressName'),
    emptyText('egressIP'),
    emptyText('egressNodeName'),
    port(snat, 'proxySnatPort', row.REPLY_DPORT),
    addressOrZero(service, `destinationCluster${family}`, row.ORIG_DST),
    addressOrZero(snat, `proxySnat${family}`, row.REPLY_DST),
    addressOrZero(service, `destinationService${family}`, row.ORIG_DST),
    ...(bits & shape.TCP_HISTORY ? [tcpHistory('tcpStatePrevList', row.TCP_STATE_HISTORY)] : []),
    // behind what those collectors know
    ...(bits & shape.DENIED ? denied(4) : []),
  ];
}

/** Each number is an offset in the record. The type of a policy is in no log prefix: 0, not known. */
function policy(
  direction: 'ingress' | 'egress',
  name: number,
  namespace: number,
  rule: number,
  action: number,
): Field[] {
  return [
    named(`${direction}NetworkPolicyName`, name),
    named(`${direction}NetworkPolicyNamespace`, namespace),
    zeros(`${direction}NetworkPolicyType`, 1),
    named(`${direction}NetworkPolicyRuleName`, rule),
    unsigned8(`${direction}NetworkPolicyRuleAction`, action),
  ];
}
