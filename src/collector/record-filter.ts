import { within, type AddressCondition, type Condition } from '../filter/condition.js';
import type { Field, FieldType } from '../filter/fields.js';
import { Filter, type Matches } from '../filter/filter.js';
import { parseAddress } from '../common/prefix.js';
import type { Element } from '../ipfix/element.js';
import { UNREGISTERED } from '../ipfix/field-list/own-elements.js';
import { elementByName, elementNames, isElementName } from '../ipfix/registry.js';
import { TCP_STATES } from '../row/layout.generated.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';
import { DateTime } from './decode/date-time.js';
import type { CollectedRecord } from './decode/record.js';
import type { Value } from './decode/value.js';
import * as facts from './record-facts.js';

/** An element of one's own, by the name that it has in a list. */
export const HANDSHAKE = 'tcpHandshakeMicroseconds';

/** What a field of a record is. */
type Read = (record: CollectedRecord) => Value | undefined;

/**
 * A filter over flow records: the fields of all filters, and any element by its name in the registry, that is an unsigned number,
 * an address, a text or a boolean; so for those that no registry has, by what lists of `ctflow run` call them.
 * @throws FilterError
 */
export function recordFilter(text: string): Filter {
  return new Filter(text, 'collect', {
    find: elementField,
    names: () => [...elementNames(), ...Object.keys(UNREGISTERED)],
  });
}

/** The filter as a function; an options record is no flow, and matches none. */
export function compileRecordFilter(filter: Filter): Matches<CollectedRecord> {
  const matches = filter.compile<CollectedRecord>((field, condition) => {
    const read = FACTS[field] ?? ((record: CollectedRecord) => record.get(field));
    return testOf(read, condition);
  });
  return record => !record.isOptions && matches(record);
}

function elementField(name: string): Field | string | undefined {
  if (Object.hasOwn(UNREGISTERED, name)) return { type: typeOf({ name, type: UNREGISTERED[name].type })! };
  if (!isElementName(name)) return undefined;
  const element = elementByName(name);
  const type = typeOf(element);
  if (type) return { type };
  if (element.type.startsWith('dateTime')) return 'a time';
  return element.type === 'octetArray' ? 'octets' : `values of type ${element.type}`;
}

function typeOf({
  name,
  type,
  wideIdentifier,
}: Pick<Element, 'name' | 'type' | 'wideIdentifier'>): FieldType | undefined {
  if (wideIdentifier) return { kind: 'text' };
  const unit = /octet/i.test(name) ? { unit: 'bytes' as const } : {};
  switch (type) {
    case 'unsigned8':
      return { kind: 'number', most: 255, bits: true };
    case 'unsigned16':
      return { kind: 'number', most: U16_MAX, bits: true };
    case 'unsigned32':
      return { kind: 'number', most: U32_MAX, bits: true, ...unit };
    case 'unsigned64':
      return { kind: 'number', most: Number.MAX_SAFE_INTEGER, ...unit };
    case 'boolean':
      return { kind: 'flag' };
    case 'ipv4Address':
    case 'ipv6Address':
      return { kind: 'address' };
    case 'string':
    case 'macAddress':
    case 'unsigned256':
      return { kind: 'text' };
    default:
      return undefined;
  }
}

function testOf(read: Read, condition: Condition): Matches<CollectedRecord> {
  switch (condition.kind) {
    case 'number': {
      const { lows, highs, mask } = condition;
      return record => {
        const value = read(record);
        if (typeof value !== 'number' && typeof value !== 'bigint') return false;
        return within(lows, highs, mask === undefined ? Number(value) : (Number(value) & mask) >>> 0);
      };
    }
    case 'address':
      return record => {
        const address = read(record);
        return typeof address === 'string' && holds(condition, address);
      };
    case 'text': {
      const texts = new Set(condition.texts);
      return record => {
        const value = read(record);
        if ((typeof value !== 'string' && typeof value !== 'bigint') || value === '') return false;
        return texts.has(String(value)) !== condition.not;
      };
    }
    case 'flag':
      return record => (read(record) === true) === condition.wanted;
  }
}

const octets = new Uint8Array(16);

function holds({ four, six, not }: AddressCondition, text: string): boolean {
  const address = parseAddress(text);
  if (!address) return false;
  let rest = address.first;
  for (let i = address.length / 8 - 1; i >= 0; i--) {
    octets[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return ((address.family === 4 ? four : six).find(octets, 0) !== 0) !== not;
}

const ADDRESSES = ['sourceIPv4Address', 'destinationIPv4Address', 'sourceIPv6Address', 'destinationIPv6Address'];

function hasAddresses(record: CollectedRecord): boolean {
  return ADDRESSES.some(name => record.get(name) !== undefined);
}

const before =
  (side: facts.Side): Read =>
  record =>
    facts.addressOf(record, side, facts.ipVersion(record));
const after =
  (side: facts.Side): Read =>
  record => {
    const version = facts.ipVersion(record);
    return facts.postNatAddress(record, side, version) ?? facts.addressOf(record, side, version);
  };
const portAfter =
  (side: facts.Side): Read =>
  record =>
    facts.postNatPort(record, side) ?? facts.portOf(record, side);
const translated =
  (side: facts.Side): Read =>
  record =>
    facts.isTranslated(record, side, facts.ipVersion(record));
const element =
  (...names: readonly string[]): Read =>
  record => {
    for (const name of names) {
      const value = record.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  };

/** Totals; of exporters that have none, what was counted since the last record. */
const OCTETS = [
  ['octetTotalCount', 'reverseOctetTotalCount'],
  ['octetDeltaCount', 'reverseOctetDeltaCount'],
  ['initiatorOctets', 'responderOctets'],
] as const;
const PACKETS = [
  ['packetTotalCount', 'reversePacketTotalCount'],
  ['packetDeltaCount', 'reversePacketDeltaCount'],
  ['initiatorPackets', 'responderPackets'],
] as const;

/** @param which of the pair; both for their sum */
function counted(kinds: readonly (readonly [string, string])[], which: readonly (0 | 1)[]): Read {
  return record => {
    for (const pair of kinds) {
      if (pair.every(name => record.get(name) === undefined)) continue;
      const values = which.map(i => record.get(pair[i])).filter(value => value !== undefined);
      return values.length === 0 ? undefined : values.reduce<number>((sum, value) => sum + Number(value), 0);
    }
    return undefined;
  };
}

const PRECISIONS = ['Milliseconds', 'Seconds', 'Microseconds', 'Nanoseconds'];

/** Milliseconds since 1970. */
function time(record: CollectedRecord, what: 'flowStart' | 'flowEnd'): number | undefined {
  for (const precision of PRECISIONS) {
    const value = record.get(`${what}${precision}`);
    if (value instanceof DateTime) return value.milliseconds;
  }
  return undefined;
}

/** Whole milliseconds: conditions are ranges of whole numbers. */
function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(Math.floor(to - from), 0);
}

/** `[2001:db8::1]:40000` and `192.0.2.1:40000` behind `udp://`. */
function exporterHost({ exporter }: CollectedRecord): string {
  const host = exporter.slice(exporter.indexOf('://') + 3, exporter.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return host.replace(/%.*$/, '');
}

/** TCP's states by name, as Antrea spells them. */
const STATE_NUMBERS: ReadonlyMap<unknown, number> = new Map(TCP_STATES.map((name, number) => [name, number]));

const FACTS: Readonly<Record<string, Read>> = {
  family: record => (hasAddresses(record) ? facts.ipVersion(record) : undefined),
  protocol: element('protocolIdentifier'),
  src: before('source'),
  dst: before('destination'),
  'src.port': record => facts.portOf(record, 'source'),
  'dst.port': record => facts.portOf(record, 'destination'),
  'nat.src': after('source'),
  'nat.dst': after('destination'),
  'nat.src.port': portAfter('source'),
  'nat.dst.port': portAfter('destination'),
  snat: translated('source'),
  dnat: translated('destination'),
  'icmp.type': record => {
    const both = facts.icmpTypeCode(record);
    return both === undefined ? undefined : both >> 8;
  },
  'icmp.code': record => {
    const both = facts.icmpTypeCode(record);
    return both === undefined ? undefined : both & 255;
  },
  zone: element('ingressVRFID', 'egressVRFID'),
  bytes: counted(OCTETS, [0, 1]),
  'bytes.original': counted(OCTETS, [0]),
  'bytes.reply': counted(OCTETS, [1]),
  packets: counted(PACKETS, [0, 1]),
  'packets.original': counted(PACKETS, [0]),
  'packets.reply': counted(PACKETS, [1]),
  age: record => between(time(record, 'flowStart'), record.exportTime * 1000),
  duration: record =>
    record.get('flowDurationMilliseconds') ?? between(time(record, 'flowStart'), time(record, 'flowEnd')),
  'tcp.handshake': record => {
    const microseconds = record.get(HANDSHAKE);
    return typeof microseconds === 'number' ? Math.floor(microseconds / 1_000) : undefined;
  },
  'tcp.state': record => STATE_NUMBERS.get(record.get('tcpState')),
  mark: element('mark'),
  helper: element('applicationName'),
  denied: record => facts.isDenied(record),
  rule: record => facts.policyOf(record, 'RuleName'),
  policy: record => facts.policyOf(record, 'Name'),
  'policy.namespace': record => facts.policyOf(record, 'Namespace'),
  'src.pod': element('sourcePodName'),
  'src.namespace': element('sourcePodNamespace'),
  'src.node': element('sourceNodeName'),
  'dst.pod': element('destinationPodName'),
  'dst.namespace': element('destinationPodNamespace'),
  'dst.node': element('destinationNodeName'),
  service: element('destinationServicePortName'),
  'src.asn': element('bgpSourceAsNumber'),
  'dst.asn': element('bgpDestinationAsNumber'),
  exporter: exporterHost,
  domain: record => record.observationDomain,
};
