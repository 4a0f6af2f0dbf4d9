import { Buffer } from 'node:buffer';
import { DateTime } from '../decode/date-time.js';
import type { CollectedRecord } from '../decode/record.js';
import type { Template } from '../decode/template.js';
import type { Value } from '../decode/value.js';
import { escaped, json } from './json.js';

/** Elements that have a column. A name stays where it is; new ones come behind, in front of `other`. */
const ELEMENTS = [
  'flowStartMilliseconds',
  'flowEndMilliseconds',
  'sourceIPv4Address',
  'destinationIPv4Address',
  'sourceIPv6Address',
  'destinationIPv6Address',
  'sourceTransportPort',
  'destinationTransportPort',
  'protocolIdentifier',
  'packetTotalCount',
  'octetTotalCount',
  'packetDeltaCount',
  'octetDeltaCount',
  'reversePacketTotalCount',
  'reverseOctetTotalCount',
  'reversePacketDeltaCount',
  'reverseOctetDeltaCount',
  'flowEndReason',
  'biflowDirection',
  'flowId',
  'postNATSourceIPv4Address',
  'postNATDestinationIPv4Address',
  'postNATSourceIPv6Address',
  'postNATDestinationIPv6Address',
  'postNAPTSourceTransportPort',
  'postNAPTDestinationTransportPort',
  'natType',
  'natEvent',
  'icmpTypeCodeIPv4',
  'icmpTypeCodeIPv6',
  'tcpControlBits',
  'ipClassOfService',
  'ingressInterface',
  'egressInterface',
  'ingressVRFID',
  'egressVRFID',
  'applicationName',
  'firewallEvent',
  'forwardingStatus',
] as const;

const LINE_END = '\r\n';

/** The first line: names of the columns, the same whatever is received. */
export const CSV_HEADER = `${['exporter', 'observationDomain', 'exportTime', 'template', ...ELEMENTS, 'other'].join(',')}${LINE_END}`;

/**
 * What a spreadsheet takes for a formula at the beginning of a cell. Tabs and line breaks, which count as well, are
 * escaped.
 */
const FORMULA = /^[=+\-@\uff0b\uff0d\uff1d\uff20]/;
/**
 * What is escaped: what is no printable character, the backslash of the escapes themselves, and the semicolon, at which
 * spreadsheets of half the world begin a new cell whatever the quotes say.
 */
const ESCAPED = /[\p{C}\p{Zl}\p{Zp};\\]/gu;
const SEMICOLON = /;/g;
const QUOTED = /[",]|^ | $/;
const PLAIN = /^[\w.: /-]*$/;

interface Layout {
  /** Where the values of each column are. */
  readonly columns: readonly (readonly number[])[];
  readonly others: readonly { readonly key: string; readonly positions: readonly number[] }[];
}

const layouts = new WeakMap<Template, Layout>();

/**
 * A flow record as one line (RFC 4180, with its line end): exporter, observation domain, export time, template, then the
 * columns of {@link CSV_HEADER}; the elements that have none are one object of JSON in the last column. What a record does
 * not have is empty. An element that occurs more than once, and a list, is JSON.
 *
 * Text that a spreadsheet would take for a formula has `'` in front. Characters that cannot be printed, `\` and `;` are
 * `\u` and four hexadecimal digits.
 */
export function recordToCsv(record: CollectedRecord): string {
  const { template, values } = record;
  let layout = layouts.get(template);
  if (layout === undefined) {
    layout = layoutOf(template);
    layouts.set(template, layout);
  }
  const exportTime = new DateTime(record.exportTime, 0, 0);
  let line = `${text(record.exporter)},${record.observationDomain},${exportTime},${template.id}`;
  for (const positions of layout.columns) line += `,${column(values, positions)}`;
  return `${line},${others(layout, values)}${LINE_END}`;
}

function layoutOf({ elements }: Template): Layout {
  const positions = new Map<string, number[]>();
  for (const [i, { name }] of elements.entries()) {
    const known = positions.get(name);
    if (known === undefined) positions.set(name, [i]);
    else known.push(i);
  }
  const columns = ELEMENTS.map(name => positions.get(name) ?? []);
  for (const name of ELEMENTS) positions.delete(name);
  return {
    columns,
    others: [...positions].map(([name, at]) => ({ key: `${JSON.stringify(name)}:`, positions: at })),
  };
}

function column(values: readonly Value[], positions: readonly number[]): string {
  if (positions.length === 0) return '';
  return positions.length === 1 ? cell(values[positions[0]]) : jsonCell(several(values, positions));
}

function several(values: readonly Value[], positions: readonly number[]): string {
  return positions.length === 1
    ? json(values[positions[0]])
    : `[${positions.map(position => json(values[position])).join(',')}]`;
}

function others(layout: Layout, values: readonly Value[]): string {
  if (layout.others.length === 0) return '';
  return jsonCell(`{${layout.others.map(({ key, positions }) => key + several(values, positions)).join(',')}}`);
}

function cell(value: Value): string {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      break;
  }
  if (value instanceof DateTime) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  return jsonCell(json(value));
}

/** Within JSON a semicolon is only in strings, where its escape is the same character. */
function jsonCell(value: string): string {
  return quoted(value.replace(SEMICOLON, escaped));
}

function text(value: string): string {
  const safe = PLAIN.test(value) ? value : value.replace(ESCAPED, escaped);
  return quoted(FORMULA.test(safe) ? `'${safe}` : safe);
}

function quoted(value: string): string {
  return QUOTED.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
