import { LONGEST_NAME } from '../row/layout.generated.js';
import { VARIABLE_LENGTH } from './element.js';
import type { InterfaceName } from './interfaces.js';
import { elementByName } from './registry.js';
import { FIRST_DATA_SET, OPTIONS_TEMPLATE_SET } from './message.js';
import { makeSet, optionsTemplateRecord, type Field } from './template.js';

const STATISTICS = FIRST_DATA_SET;
const NOT_SENT = FIRST_DATA_SET + 1;
const FLOW_KEYS = FIRST_DATA_SET + 2;
const IGNORED = FIRST_DATA_SET + 3;
const SAMPLING = FIRST_DATA_SET + 4;
const DEPRECATED_SAMPLING = FIRST_DATA_SET + 5;
const INTERFACES = FIRST_DATA_SET + 6;
const DOMAIN_NAME = FIRST_DATA_SET + 7;

/** Octets of the texts of an interface, as Cisco sends them: nfdump reads no others. */
const NAME_SIZE = 16;
const DESCRIPTION_SIZE = 64;
/** Bytes of a record of {@link interfacesSet}. */
export const INTERFACE_LENGTH = 4 + NAME_SIZE + DESCRIPTION_SIZE;

/** Options templates of one exporter at most. */
const OPTIONS_TEMPLATES = 7;
/** Templates that a collector has to keep of one destination, those of options among them. */
export const MOST_TEMPLATES = 64;
/** Those of flow records. */
export const MOST_FLOW_TEMPLATES = MOST_TEMPLATES - OPTIONS_TEMPLATES;

const FLOW_KEY_ELEMENTS = new Set([
  'sourceIPv4Address',
  'destinationIPv4Address',
  'sourceIPv6Address',
  'destinationIPv6Address',
  'sourceTransportPort',
  'destinationTransportPort',
  'protocolIdentifier',
  'icmpTypeCodeIPv4',
  'icmpTypeCodeIPv6',
  'ingressVRFID',
  'egressVRFID',
]);

/** What was sent, RFC 7011 section 4.1. */
export interface ExportStatistics {
  readonly observationDomain: number;
  readonly messages: number;
  readonly flowRecords: number;
  readonly octets: number;
}

/** Packets that are in no record, and when that was first and last seen; milliseconds since 1970. */
export interface Ignored {
  readonly packets: number;
  readonly octets: number;
  readonly first: number;
  readonly last: number;
}

/** Flows whose records were dropped, with what these records would have counted. */
export interface NotSent extends Ignored {
  readonly flows: number;
}

/** A data set of options, and how many data records it holds. */
export interface OptionsSet {
  readonly set: Uint8Array;
  readonly records: number;
}

/**
 * Whether options say that every packet is counted: not at all, with the elements of PSAMP (RFC 5477), or also with those that
 * IANA has deprecated in favour of them.
 */
export type Sampling = 'none' | 'current' | 'deprecated';

/** The set with all options templates. @param interfaces, domainName whether records of these go out */
export function optionsTemplateSet(sampling: Sampling, interfaces = false, domainName = false): Uint8Array {
  const elements = (...names: [string, number][]) =>
    names.map(([name, length]) => ({ element: elementByName(name), length }));
  const records = [
    optionsTemplateRecord(
      STATISTICS,
      elements(
        ['observationDomainId', 4],
        ['exportedMessageTotalCount', 8],
        ['exportedFlowRecordTotalCount', 8],
        ['exportedOctetTotalCount', 8],
      ),
      1,
    ),
    optionsTemplateRecord(
      NOT_SENT,
      elements(
        ['exportingProcessId', 4],
        ['notSentFlowTotalCount', 8],
        ['notSentPacketTotalCount', 8],
        ['notSentOctetTotalCount', 8],
        ['observationTimeMilliseconds', 8],
        ['observationTimeMilliseconds', 8],
      ),
      1,
    ),
    optionsTemplateRecord(FLOW_KEYS, elements(['templateId', 2], ['flowKeyIndicator', 8]), 1),
    optionsTemplateRecord(
      IGNORED,
      elements(
        ['observationDomainId', 4],
        ['ignoredPacketTotalCount', 8],
        ['ignoredOctetTotalCount', 8],
        ['observationTimeMilliseconds', 8],
        ['observationTimeMilliseconds', 8],
      ),
      1,
    ),
  ];
  if (sampling !== 'none') {
    const names: [string, number][] = SAMPLING_ELEMENTS[sampling].map(([name]) => [name, 4]);
    records.push(optionsTemplateRecord(samplingTemplate(sampling), elements(['observationDomainId', 4], ...names), 1));
  }
  if (interfaces) {
    const texts = elements(
      ['ingressInterface', 4],
      ['interfaceName', NAME_SIZE],
      ['interfaceDescription', DESCRIPTION_SIZE],
    );
    records.push(optionsTemplateRecord(INTERFACES, texts, 1));
  }
  if (domainName) {
    const name = elements(['observationDomainId', 4], ['observationDomainName', VARIABLE_LENGTH]);
    records.push(optionsTemplateRecord(DOMAIN_NAME, name, 1));
  }
  return makeSet(OPTIONS_TEMPLATE_SET, records);
}

/** The names of interfaces, a record for each; a text that is too long is cut. */
export function interfacesSet(interfaces: readonly InterfaceName[]): OptionsSet {
  const records = interfaces.map(({ index, name, description }) => {
    const bytes = Buffer.alloc(INTERFACE_LENGTH);
    bytes.writeUInt32BE(index, 0);
    // whole characters only
    bytes.write(name, 4, NAME_SIZE, 'utf8');
    bytes.write(description, 4 + NAME_SIZE, DESCRIPTION_SIZE, 'utf8');
    return bytes;
  });
  return { set: makeSet(INTERFACES, records), records: records.length };
}

/** What people call the observation domain; what is longer than LONGEST_NAME octets is cut. */
export function domainNameSet(observationDomain: number, name: string): OptionsSet {
  const bytes = Buffer.alloc(LONGEST_NAME);
  // whole characters only
  const length = bytes.write(name, 0, LONGEST_NAME, 'utf8');
  const record = Buffer.concat([numbers([observationDomain, 4], [length, 1]), bytes.subarray(0, length)]);
  return { set: makeSet(DOMAIN_NAME, [record]), records: 1 };
}

/** One packet in an interval of one, and none left out between them. Its octets are four each, as collectors read no others. */
const CURRENT = [
  ['samplingPacketInterval', 1],
  ['samplingPacketSpace', 0],
] as const;
const SAMPLING_ELEMENTS = {
  current: CURRENT,
  deprecated: [...CURRENT, ['samplingInterval', 1], ['samplerRandomInterval', 1]],
} as const;

const samplingTemplate = (sampling: Exclude<Sampling, 'none'>): number =>
  sampling === 'current' ? SAMPLING : DEPRECATED_SAMPLING;

/** That every packet is counted, RFC 5477 section 8.2. */
export function samplingSet(observationDomain: number, sampling: Exclude<Sampling, 'none'>): OptionsSet {
  const values = SAMPLING_ELEMENTS[sampling].map(([, value]): [number, number] => [value, 4]);
  return { set: makeSet(samplingTemplate(sampling), [numbers([observationDomain, 4], ...values)]), records: 1 };
}

export function statisticsSet(statistics: ExportStatistics): OptionsSet {
  const { observationDomain, messages, flowRecords, octets } = statistics;
  return {
    set: makeSet(STATISTICS, [numbers([observationDomain, 4], [messages], [flowRecords], [octets])]),
    records: 1,
  };
}

/**
 * The reliability of the exporting process, RFC 7011 section 4.3.
 * @param processId a number for the exporting process
 */
export function notSentSet(processId: number, { flows, packets, octets, first, last }: NotSent): OptionsSet {
  return {
    set: makeSet(NOT_SENT, [numbers([processId, 4], [flows], [packets], [octets], [first], [last])]),
    records: 1,
  };
}

/** The reliability of the metering process, RFC 7011 section 4.2. */
export function ignoredSet(observationDomain: number, { packets, octets, first, last }: Ignored): OptionsSet {
  return {
    set: makeSet(IGNORED, [numbers([observationDomain, 4], [packets], [octets], [first], [last])]),
    records: 1,
  };
}

/** Bytes of a record of {@link flowKeysSet}. */
export const FLOW_KEYS_LENGTH = 10;

/** Which elements of a template are flow keys, a record for each template. */
export function flowKeysSet(templates: readonly { id: number; fields: readonly Field[] }[]): OptionsSet {
  const records = templates.map(({ id, fields }) => {
    let keys = 0n;
    fields.slice(0, 64).forEach((field, i) => {
      if (field.key || FLOW_KEY_ELEMENTS.has(field.element.name)) keys |= 1n << BigInt(i);
    });
    return numbers([id, 2], [keys]);
  });
  return { set: makeSet(FLOW_KEYS, records), records: records.length };
}

const U64_MAX = (1n << 64n) - 1n;

/** Big-endian numbers of so many bytes, 8 by default; a sum beyond 64 bits is the largest there is. */
function numbers(...list: [number | bigint, number?][]): Uint8Array {
  const bytes = Buffer.alloc(list.reduce((sum, [, length = 8]) => sum + length, 0));
  let at = 0;
  for (const [value, length = 8] of list) {
    if (length === 8) bytes.writeBigUInt64BE(value > U64_MAX ? U64_MAX : BigInt(value), at);
    else bytes.writeUIntBE(Number(value), at, length);
    at += length;
  }
  return bytes;
}
