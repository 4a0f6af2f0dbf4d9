import { ColumnTable } from '../../common/terminal/table.js';
import type { DirectionView, RowView } from '../../row/row-view.js';
import type { AddressViews } from './addresses.js';
import type { OwnerView, OwnerViews } from './owners.js';

/** A connection, whose sockets it has, and where its addresses are. */
export type DumpedView = RowView & OwnerViews & AddressViews;

/** What else is asked for. */
export interface Additions {
  readonly owners?: boolean;
  readonly asn?: boolean;
  readonly country?: boolean;
}

export const DUMP_FORMATS = ['table', 'json', 'csv'] as const;
export type DumpFormat = (typeof DUMP_FORMATS)[number];

/** What is printed: lines with their line breaks. */
export interface Lines {
  readonly head: string;
  /** The head is printed where there is no connection, too. */
  readonly headAlways: boolean;
  of(view: DumpedView): string;
}

const COLUMNS = [
  { head: 'proto', width: 7 },
  { head: 'state', width: 12 },
  { head: 'source', width: 22 },
  { head: 'destination', width: 22 },
  { head: 'packets', width: 15, align: 'right' },
  { head: 'octets', width: 21, align: 'right' },
  { head: 'left', width: 7, align: 'right' },
  { head: 'more', width: 40 },
] as const;

type Value = string | number | bigint | boolean | readonly string[] | undefined;

const DIRECTION = [
  'source',
  'destination',
  'sourcePort',
  'destinationPort',
  'sourceKey',
  'destinationKey',
  'icmpType',
  'icmpCode',
  'icmpId',
  'zone',
  'packets',
  'octets',
] as const satisfies readonly (keyof DirectionView)[];

/** The columns of CSV: the names that JSON has. What is not known is empty. */
const CSV: readonly (readonly [name: string, read: (view: RowView) => Value])[] = [
  ...(['family', 'protocol', 'state', 'timeout'] as const).map(key => [key, (view: RowView) => view[key]] as const),
  ...(['original', 'reply'] as const).flatMap(side =>
    DIRECTION.map(key => [`${side}.${key}`, (view: RowView) => view[side][key]] as const),
  ),
  ...(['status', 'offloaded', 'mark', 'id', 'start', 'labels', 'helper'] as const).map(
    key => [key, (view: RowView) => view[key]] as const,
  ),
];

const OWNER = [
  'user',
  'uid',
  'socketCgroup',
  'systemdUnit',
  'containerId',
  'containerName',
  'podUid',
  'command',
] as const satisfies readonly (keyof OwnerView)[];

type Column = readonly [name: string, read: (view: DumpedView) => Value];

const CSV_OF_OWNERS: readonly Column[] = (['sourceOwner', 'destinationOwner'] as const).flatMap(side =>
  OWNER.map(key => [`${side}.${key}`, (view: DumpedView) => view[side]?.[key]] as const),
);

const columnOf = (key: keyof AddressViews): Column => [key, view => view[key]];

export function linesOf(format: DumpFormat, { owners, asn, country }: Additions): Lines {
  switch (format) {
    case 'json':
      return { head: '', headAlways: false, of: jsonLine };
    case 'csv': {
      const columns: readonly Column[] = [
        ...CSV,
        ...(owners ? CSV_OF_OWNERS : []),
        ...(asn ? (['sourceAsNumber', 'destinationAsNumber'] as const).map(columnOf) : []),
        ...(country ? (['sourceCountry', 'destinationCountry'] as const).map(columnOf) : []),
      ];
      return {
        head: csvLine(columns.map(([name]) => name)),
        headAlways: true,
        of: view => csvLine(columns.map(([, read]) => read(view))),
      };
    }
    case 'table': {
      const table = new ColumnTable(COLUMNS.map(column => ({ ...column })));
      return { head: table.header(), headAlways: false, of: view => table.row(cells(view)) };
    }
  }
}

function jsonLine(view: DumpedView): string {
  const text = JSON.stringify(view, (_, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  });
  return `${text}\n`;
}

/** RFC 4180. */
function csvLine(values: readonly Value[]): string {
  return `${values.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: Value): string {
  if (value === undefined) return '';
  const text = typeof value === 'object' ? value.join(' ') : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function cells(view: DumpedView): string[] {
  const { original, reply } = view;
  return [
    view.protocol,
    view.state ?? (view.status?.includes('SEEN_REPLY') ? '' : 'UNREPLIED'),
    side(original.source, original.sourcePort),
    side(original.destination, original.destinationPort),
    pair(original.packets, reply.packets),
    pair(original.octets, reply.octets),
    view.timeout === undefined ? '' : `${view.timeout}s`,
    details(view).join(' '),
  ];
}

function side(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function pair(sent: bigint | undefined, received: bigint | undefined): string {
  return sent === undefined && received === undefined ? '' : `${sent ?? '?'}/${received ?? '?'}`;
}

function details(view: DumpedView): string[] {
  const { original, reply } = view;
  const words: string[] = [];
  if (original.icmpType !== undefined)
    words.push(`type=${original.icmpType}/${original.icmpCode} id=${original.icmpId}`);
  if (original.sourceKey !== undefined)
    words.push(`keys=0x${original.sourceKey.toString(16)}/0x${original.destinationKey!.toString(16)}`);
  if (translated(original, reply, 'source')) words.push(`snat=${side(reply.destination, reply.destinationPort)}`);
  if (translated(original, reply, 'destination')) words.push(`dnat=${side(reply.source, reply.sourcePort)}`);
  if (original.zone !== undefined && original.zone === reply.zone) words.push(`zone=${original.zone}`);
  else {
    if (original.zone !== undefined) words.push(`zone-orig=${original.zone}`);
    if (reply.zone !== undefined) words.push(`zone-reply=${reply.zone}`);
  }
  if (view.mark) words.push(`mark=0x${view.mark.toString(16)}`);
  if (view.helper !== undefined) words.push(`helper=${view.helper}`);
  if (view.status?.includes('ASSURED')) words.push('ASSURED');
  if (view.offloaded) words.push('OFFLOAD');
  if (view.id !== undefined) words.push(`id=${view.id}`);
  const { sourceAsNumber, destinationAsNumber, sourceCountry, destinationCountry } = view;
  if (sourceAsNumber ?? destinationAsNumber) words.push(`as=${sourceAsNumber ?? '?'}/${destinationAsNumber ?? '?'}`);
  if (sourceCountry ?? destinationCountry) words.push(`country=${sourceCountry ?? '?'}/${destinationCountry ?? '?'}`);
  if (view.sourceOwner) words.push(`from=${ownerText(view.sourceOwner)}`);
  if (view.destinationOwner) words.push(`to=${ownerText(view.destinationOwner)}`);
  return words;
}

/** The user and where it is, in one word. */
function ownerText({ user, containerName, containerId, systemdUnit, socketCgroup, command }: OwnerView): string {
  const where = containerName ?? containerId?.slice(0, 12) ?? systemdUnit ?? socketCgroup;
  return `${user}${where === undefined ? '' : `@${where}`}${command === undefined ? '' : `(${command})`}`;
}

/** Without NAT the reply has the addresses of the request, swapped. */
function translated(original: DirectionView, reply: DirectionView, side: 'source' | 'destination'): boolean {
  return side === 'source'
    ? original.source !== reply.destination || original.sourcePort !== reply.destinationPort
    : original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}
