import { hasPorts, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../row/protocol.js';
import type { CollectedRecord } from './decode/record.js';
import type { Value } from './decode/value.js';

/** What flow records of any exporter say, whichever elements they say it with. */

export type Side = 'source' | 'destination';

/** What a field of an address holds where it has none: a template may have the fields of both families. */
export const UNSPECIFIED = { 4: '0.0.0.0', 6: '::' } as const;

/** The family of the record's addresses. */
export function ipVersion(record: CollectedRecord): 4 | 6 {
  const has = (version: 4 | 6): boolean =>
    (['source', 'destination'] as const).some(side => {
      const address = record.get(`${side}IPv${version}Address`);
      return address !== undefined && address !== UNSPECIFIED[version];
    });
  if (has(4)) return 4;
  return has(6) || (record.get('sourceIPv4Address') ?? record.get('destinationIPv4Address')) === undefined ? 6 : 4;
}

/** The address before NAT, undefined where the record has none. */
export function addressOf(record: CollectedRecord, side: Side, version: 4 | 6): string | undefined {
  return textOf(record.get(`${side}IPv${version}Address`));
}

/** The address after NAT, undefined where the record has none. */
export function postNatAddress(record: CollectedRecord, side: Side, version: 4 | 6): string | undefined {
  const address = textOf(record.get(`postNAT${capital(side)}IPv${version}Address`));
  return address === UNSPECIFIED[version] ? undefined : address;
}

/** The port after NAT, undefined where the record has none. */
export function postNatPort(record: CollectedRecord, side: Side): number | undefined {
  const port = record.get(`postNAPT${capital(side)}TransportPort`);
  return typeof port === 'number' && port > 0 ? port : undefined;
}

/** The port, where the protocol has ports, or is not known. What else stands there (ICMP's type, GRE's key) is none. */
export function portOf(record: CollectedRecord, side: Side): Value | undefined {
  const protocol = record.get('protocolIdentifier');
  return typeof protocol !== 'number' || hasPorts(protocol) ? record.get(`${side}TransportPort`) : undefined;
}

/** Whether NAT changed the side. */
export function isTranslated(record: CollectedRecord, side: Side, version: 4 | 6): boolean {
  const address = postNatAddress(record, side, version);
  const port = postNatPort(record, side);
  return (
    (address !== undefined && address !== addressOf(record, side, version)) ||
    (port !== undefined && port !== record.get(`${side}TransportPort`))
  );
}

/** Type * 256 + code, as icmpTypeCodeIPv4 has them; exporters without it have them as the destination's port. */
export function icmpTypeCode(record: CollectedRecord): number | undefined {
  const protocol = record.get('protocolIdentifier');
  if (protocol !== IPPROTO_ICMP && protocol !== IPPROTO_ICMPV6) return undefined;
  const family = protocol === IPPROTO_ICMP ? 'IPv4' : 'IPv6';
  const both = record.get(`icmpTypeCode${family}`);
  if (typeof both === 'number') return both;
  const type = record.get(`icmpType${family}`);
  const code = record.get(`icmpCode${family}`);
  if (typeof type === 'number') return (type << 8) | (typeof code === 'number' ? code : 0);
  const inPort = record.get('destinationTransportPort');
  return typeof inPort === 'number' && inPort > 0 ? inPort : undefined;
}

const FLOW_DENIED = 3; // firewallEvent, IE 233
/** Of Antrea's RuleAction: dropped, rejected. */
const RULE_DENIES: ReadonlySet<unknown> = new Set([2, 3]);

/** Whether a rule has denied it. */
export function isDenied(record: CollectedRecord): boolean {
  return record.get('firewallEvent') === FLOW_DENIED || denyingDirection(record) !== undefined;
}

/** The name of the policy that has denied it, or by which it is allowed. */
export function policyOf(record: CollectedRecord, what: 'Name' | 'Namespace' | 'RuleName'): Value | undefined {
  const direction = denyingDirection(record) ?? (['ingress', 'egress'] as const).find(each => hasPolicy(record, each));
  return direction && record.get(`${direction}NetworkPolicy${what}`);
}

/** Antrea's records have elements of both directions, and zero in those that say nothing. */
function hasPolicy(record: CollectedRecord, direction: 'ingress' | 'egress'): boolean {
  const action = record.get(`${direction}NetworkPolicyRuleAction`);
  if (action !== undefined) return action !== 0;
  return ['Name', 'Namespace', 'RuleName'].some(what => textOf(record.get(`${direction}NetworkPolicy${what}`)));
}

function denyingDirection(record: CollectedRecord): 'ingress' | 'egress' | undefined {
  return (['ingress', 'egress'] as const).find(each => RULE_DENIES.has(record.get(`${each}NetworkPolicyRuleAction`)));
}

function capital(side: Side): string {
  return side === 'source' ? 'Source' : 'Destination';
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
