/**
 * Messages put together by hand, for proving the oracles right. Names, numbers, octets and expected readings are literal:
 * nothing of the product takes part. No two values are alike, so that swapped fields show.
 */
import type { OracleRecord } from '../helpers/oracles/record.js';

/** Enterprise, element id, octets on the wire in hexadecimal, name, expected reading. */
type Field = readonly [enterprise: number, id: number, octets: string, name: string, reading: string];

const IPV4: readonly Field[] = [
  [0, 8, 'c0000201', 'sourceIPv4Address', '192.0.2.1'],
  [0, 12, 'c6336402', 'destinationIPv4Address', '198.51.100.2'],
];
const IPV6: readonly Field[] = [
  [0, 27, '20010db8000000000000000000000001', 'sourceIPv6Address', '2001:db8::1'],
  [0, 28, '20010db80000000a0000000b000c000d', 'destinationIPv6Address', '2001:db8:0:a:0:b:c:d'],
];
const PORTS: readonly Field[] = [
  [0, 7, '0457', 'sourceTransportPort', '1111'],
  [0, 11, '08ae', 'destinationTransportPort', '2222'],
];
const TCP: readonly Field[] = [[0, 4, '06', 'protocolIdentifier', '6']];
const TIMES: readonly Field[] = [
  [0, 152, '0000019ab697e87b', 'flowStartMilliseconds', '1764000000123'],
  [0, 153, '0000019ab697fd50', 'flowEndMilliseconds', '1764000005456'],
];
const COUNTERS: readonly Field[] = [
  [0, 86, '0000000000000065', 'packetTotalCount', '101'],
  [0, 85, 'fffffffffffffffe', 'octetTotalCount', '18446744073709551614'],
  [29305, 86, '0000000000000067', 'reversePacketTotalCount', '103'],
  [29305, 85, '0020000000000001', 'reverseOctetTotalCount', '9007199254740993'],
  [0, 2, '000000000000000b', 'packetDeltaCount', '11'],
  [0, 1, '0000000100000458', 'octetDeltaCount', '4294968408'],
  [29305, 2, '000000000000000d', 'reversePacketDeltaCount', '13'],
  [29305, 1, '0000000200000522', 'reverseOctetDeltaCount', '8589935906'],
];
const END: readonly Field[] = [
  [0, 136, '03', 'flowEndReason', '3'],
  [0, 239, '01', 'biflowDirection', '1'],
  [0, 148, '1122334455667788', 'flowId', '1234605616436508552'],
];
const TRANSLATED_PORTS: readonly Field[] = [
  [0, 227, '0d05', 'postNAPTSourceTransportPort', '3333'],
  [0, 228, '115c', 'postNAPTDestinationTransportPort', '4444'],
  [0, 297, '04', 'natType', '4'],
];
const TRANSLATED_IPV4: readonly Field[] = [
  [0, 225, 'cb007103', 'postNATSourceIPv4Address', '203.0.113.3'],
  [0, 226, 'cb007104', 'postNATDestinationIPv4Address', '203.0.113.4'],
];
const TRANSLATED_IPV6: readonly Field[] = [
  [0, 281, '20010db8000000000000000000000003', 'postNATSourceIPv6Address', '2001:db8::3'],
  [0, 282, '20010db8000000000000000000000004', 'postNATDestinationIPv6Address', '2001:db8::4'],
];
const ZONES: readonly Field[] = [
  [0, 234, '0000004d', 'ingressVRFID', '77'],
  [0, 235, '0000004e', 'egressVRFID', '78'],
];
/** A variable length: one octet of length stands in front. */
const HELPER: readonly Field[] = [[0, 96, '03667470', 'applicationName', 'ftp']];
const ICMP: readonly Field[] = [
  [0, 4, '01', 'protocolIdentifier', '1'],
  [0, 32, '0301', 'icmpTypeCodeIPv4', '769'],
];
const ICMPV6: readonly Field[] = [
  [0, 4, '3a', 'protocolIdentifier', '58'],
  [0, 139, '8001', 'icmpTypeCodeIPv6', '32769'],
];
const MARK: readonly Field[] = [[21373, 4, '00000063', 'mark', '99']];
const TCP_STATE: readonly Field[] = [[56506, 136, '0b45535441424c4953484544', 'tcpState', 'ESTABLISHED']];

/** What a row of the profile `standard` can hold. */
export const STANDARD: readonly (readonly Field[])[] = [
  [...IPV4, ...PORTS, ...TCP, ...TIMES, ...COUNTERS, ...END],
  [...IPV4, ...PORTS, ...TCP, ...TIMES, ...COUNTERS, ...END, ...TRANSLATED_IPV4, ...TRANSLATED_PORTS],
  [...IPV6, ...PORTS, ...TCP, ...TIMES, ...COUNTERS, ...END],
  [...IPV6, ...PORTS, ...TCP, ...TIMES, ...COUNTERS, ...END, ...TRANSLATED_IPV6, ...TRANSLATED_PORTS],
  [...IPV4, ...PORTS, ...TCP, ...TIMES, ...COUNTERS, ...END, ...ZONES],
  [...IPV4, ...PORTS, ...TCP, ...TIMES, ...COUNTERS, ...END, ...HELPER],
  [...IPV4, ...ICMP, ...TIMES, ...COUNTERS, ...END],
  [...IPV6, ...ICMPV6, ...TIMES, ...COUNTERS, ...END],
];
/** Records with other enterprises' elements. */
export const ENTERPRISES: readonly (readonly Field[])[] = [
  [...IPV4, ...PORTS, ...TCP, ...MARK, ...END],
  [...IPV4, ...PORTS, ...TCP, ...TCP_STATE, ...END],
];

/** The readings that are expected of these records. */
export function readings(records: readonly (readonly Field[])[]): OracleRecord[] {
  return records.map(fields => Object.fromEntries(fields.map(([, , , name, reading]) => [name, reading])));
}

const u16 = (value: number) => value.toString(16).padStart(4, '0');
const u32 = (value: number) => value.toString(16).padStart(8, '0');
const octets = (hex: string) => hex.length / 2;
const VARIABLE = new Set(['applicationName', 'tcpState']);

function set(id: number, body: string): string {
  return u16(id) + u16(octets(body) + 4) + body;
}

function header(body: string, sequence: number): string {
  return u16(10) + u16(octets(body) + 16) + u32(1_764_000_010) + u32(sequence) + u32(5) + body;
}

/** One message of observation domain 5: a template from 256 on for each record, and its data behind it. */
export function message(records: readonly (readonly Field[])[], sequence = 0): Buffer {
  const sets = records.map((fields, index) => {
    const specifiers = fields.map(([enterprise, id, hex, name]) => {
      const length = u16(VARIABLE.has(name) ? 65535 : octets(hex));
      return enterprise ? u16(id | 0x8000) + length + u32(enterprise) : u16(id) + length;
    });
    const template = u16(256 + index) + u16(fields.length) + specifiers.join('');
    return set(2, template) + set(256 + index, fields.map(([, , hex]) => hex).join(''));
  });
  return Buffer.from(header(sets.join(''), sequence), 'hex');
}

/** Exporting process statistics (RFC 7011 section 4.1) as options data. */
export function statistics(sequence = 0): Buffer {
  const template = set(3, '03e8' + '0004' + '0001' + '00950004' + '00290008' + '002a0008' + '00280008');
  const data = set(1000, '00000005' + '0000000000000007' + '0000000000000008' + '0000000000000009');
  return Buffer.from(header(template + data, sequence), 'hex');
}
export const STATISTICS_READING: OracleRecord = {
  observationDomainId: '5',
  exportedMessageTotalCount: '7',
  exportedFlowRecordTotalCount: '8',
  exportedOctetTotalCount: '9',
};

/** The flow key of a template as options data: five fields of template 256. */
export const FLOW_KEYS = Buffer.from(
  header(set(3, '03e9' + '0002' + '0001' + '00910002' + '00ad0008') + set(1001, '0100' + '000000000000001f'), 0),
  'hex',
);
export const FLOW_KEYS_READING: OracleRecord = { templateId: '256', flowKeyIndicator: '31' };

/** A data set whose template was never sent. */
export const ORPHAN = Buffer.from(header(set(999, '0102030405060708'), 0), 'hex');
