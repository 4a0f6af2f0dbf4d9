import { DCCP_STATES, SCTP_STATES, STATUS_BITS } from '../row/conntrack.js';
import { TCP_STATES } from '../row/layout.generated.js';
import { PROTOCOL_NUMBERS } from '../row/protocol.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';

/** What a field holds, and so what it can be compared with. */
export type FieldType =
  | {
      readonly kind: 'number';
      /** Its largest value; it begins at 0. */
      readonly most: number;
      /** Values may have units: 1MiB; 5s, which are milliseconds. */
      readonly unit?: 'bytes' | 'duration';
      /** Names of values, in lower case. */
      readonly names?: ReadonlyMap<string, number>;
      /** Only names are values. */
      readonly closed?: true;
      /** Its values have no order. */
      readonly unordered?: true;
      /** Single bits may be compared: `mark & 0xf0 == 0x10`. */
      readonly bits?: true;
    }
  | { readonly kind: 'address' | 'text' | 'flag' };

/** Where filters are used: on connections of a dump, on those of an exporter, on records of a collector. */
export type Place = 'dump' | 'run' | 'collect';

export interface Field {
  readonly type: FieldType;
  /** What it is of a connection never changes. */
  readonly lasting?: true;
  /** Where it is known; everywhere by default. */
  readonly places?: readonly Place[];
}

const ADDRESS: FieldType = { kind: 'address' };
const TEXT: FieldType = { kind: 'text' };
const FLAG: FieldType = { kind: 'flag' };
const PORT: FieldType = { kind: 'number', most: U16_MAX };
const BYTE: FieldType = { kind: 'number', most: 255 };
const AS_NUMBER: FieldType = { kind: 'number', most: U32_MAX };
const BYTES: FieldType = { kind: 'number', most: Number.MAX_SAFE_INTEGER, unit: 'bytes' };
const PACKETS: FieldType = { kind: 'number', most: Number.MAX_SAFE_INTEGER };
const TIME: FieldType = { kind: 'number', most: Number.MAX_SAFE_INTEGER, unit: 'duration' };

/** Values of `family`. */
export const IPV4 = 4;
export const IPV6 = 6;

function states(names: readonly string[]): FieldType {
  return { kind: 'number', most: names.length - 1, names: numbered(names), closed: true, unordered: true };
}

function numbered(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, number) => [name.toLowerCase(), number]));
}

const FAMILIES = new Map([
  ['ipv4', IPV4],
  ['ipv6', IPV6],
  ['4', IPV4],
  ['6', IPV6],
]);
const STATUS = new Map([...STATUS_BITS].map(([name, bit]) => [name.toLowerCase(), bit]));

const EXPORTED = ['run', 'collect'] as const;
const KERNEL = ['dump', 'run'] as const;

/** The fields by name, in the order in which errors name them. */
export const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['family', { type: { kind: 'number', most: 6, names: FAMILIES, closed: true, unordered: true }, lasting: true }],
  ['protocol', { type: { kind: 'number', most: 255, names: PROTOCOL_NUMBERS, unordered: true }, lasting: true }],
  ['src', { type: ADDRESS, lasting: true }],
  ['dst', { type: ADDRESS, lasting: true }],
  ['src.port', { type: PORT, lasting: true }],
  ['dst.port', { type: PORT, lasting: true }],
  ['nat.src', { type: ADDRESS, lasting: true }],
  ['nat.dst', { type: ADDRESS, lasting: true }],
  ['nat.src.port', { type: PORT, lasting: true }],
  ['nat.dst.port', { type: PORT, lasting: true }],
  ['snat', { type: FLAG, lasting: true }],
  ['dnat', { type: FLAG, lasting: true }],
  ['icmp.type', { type: BYTE, lasting: true }],
  ['icmp.code', { type: BYTE, lasting: true }],
  ['zone', { type: PORT, lasting: true }],
  ['bytes', { type: BYTES }],
  ['bytes.original', { type: BYTES }],
  ['bytes.reply', { type: BYTES }],
  ['packets', { type: PACKETS }],
  ['packets.original', { type: PACKETS }],
  ['packets.reply', { type: PACKETS }],
  ['age', { type: TIME }],
  ['duration', { type: TIME, places: EXPORTED }],
  ['tcp.state', { type: states(TCP_STATES) }],
  ['tcp.handshake', { type: TIME, places: EXPORTED }],
  ['sctp.state', { type: states(SCTP_STATES), places: KERNEL }],
  ['dccp.state', { type: states(DCCP_STATES), places: KERNEL }],
  ['status', { type: { kind: 'number', most: U32_MAX, names: STATUS, unordered: true, bits: true }, places: KERNEL }],
  ['offloaded', { type: FLAG, places: KERNEL }],
  ['mark', { type: { kind: 'number', most: U32_MAX, bits: true } }],
  ['helper', { type: TEXT }],
  ['denied', { type: FLAG, places: EXPORTED }],
  ['rule', { type: TEXT, places: EXPORTED }],
  ['policy', { type: TEXT, places: EXPORTED }],
  ['policy.namespace', { type: TEXT, places: EXPORTED }],
  ['src.pod', { type: TEXT, places: EXPORTED }],
  ['src.namespace', { type: TEXT, places: EXPORTED }],
  ['src.node', { type: TEXT, places: EXPORTED }],
  ['dst.pod', { type: TEXT, places: EXPORTED }],
  ['dst.namespace', { type: TEXT, places: EXPORTED }],
  ['dst.node', { type: TEXT, places: EXPORTED }],
  ['service', { type: TEXT, places: EXPORTED }],
  ['src.workload', { type: TEXT, places: ['run'] }],
  ['dst.workload', { type: TEXT, places: ['run'] }],
  ['src.labels', { type: TEXT, places: ['run'] }],
  ['dst.labels', { type: TEXT, places: ['run'] }],
  ['src.asn', { type: AS_NUMBER }],
  ['dst.asn', { type: AS_NUMBER }],
  ['src.dns', { type: TEXT, places: ['run'] }],
  ['dst.dns', { type: TEXT, places: ['run'] }],
  ['src.country', { type: TEXT, places: KERNEL }],
  ['dst.country', { type: TEXT, places: KERNEL }],
  ['exporter', { type: ADDRESS, places: ['collect'] }],
  ['domain', { type: { kind: 'number', most: U32_MAX }, places: ['collect'] }],
]);

/** What other programs call them. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  proto: 'protocol',
  'ip.proto': 'protocol',
  source: 'src',
  'ip.src': 'src',
  saddr: 'src',
  destination: 'dst',
  'ip.dst': 'dst',
  daddr: 'dst',
  sport: 'src.port',
  'src-port': 'src.port',
  dport: 'dst.port',
  'dst-port': 'dst.port',
  port: 'dst.port',
  octets: 'bytes',
  pkts: 'packets',
  state: 'tcp.state',
  offload: 'offloaded',
  ctmark: 'mark',
  pod: 'src.pod',
  namespace: 'src.namespace',
  node: 'src.node',
};
