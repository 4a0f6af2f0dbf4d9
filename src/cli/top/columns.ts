import type { ConnectionLine, DeniedLine, GroupLine } from '../../daemon/top/page.js';
import type { Grouping, Sort } from '../../daemon/top/query.js';
import { portsLeft } from '../../daemon/top/snat-ports.js';
import { fit, short, shortTime, whole } from './figures.js';

/** A column of a table that has as many columns as the terminal has room for. */
export interface Column<L> {
  readonly head: string;
  /** Characters. */
  readonly least: number;
  /** It takes what is left of the line, up to this. */
  readonly most?: number;
  readonly align?: 'right';
  /** Where there is no room for all, those with a higher number go first. */
  readonly rank: number;
  /** The order that this column shows. */
  readonly sort?: Sort;
  readonly cell: (line: L) => string;
}

/** IPv6 in brackets, and a port. */
const LONGEST_END = 47;
const LONGEST_NAME = 40;

export const CONNECTION_COLUMNS: readonly Column<ConnectionLine>[] = [
  { head: 'proto', least: 6, rank: 2, cell: line => line.protocol },
  { head: 'source', least: 20, most: LONGEST_END, rank: 0, cell: line => line.source },
  { head: 'destination', least: 20, most: LONGEST_END, rank: 0, cell: line => line.destination },
  { head: 'state', least: 11, rank: 1, sort: 'state', cell: line => line.state },
  { head: 'bytes', least: 6, align: 'right', rank: 1, sort: 'bytes', cell: line => short(line.bytes) },
  { head: 'pkts', least: 5, align: 'right', rank: 3, sort: 'packets', cell: line => short(line.packets) },
  { head: 'B/s', least: 5, align: 'right', rank: 1, sort: 'rate', cell: line => short(line.rate) },
  { head: 'age', least: 6, align: 'right', rank: 1, sort: 'age', cell: line => shortTime(line.age) },
  { head: 'zone', least: 5, align: 'right', rank: 4, cell: line => (line.zone === undefined ? '' : String(line.zone)) },
  { head: 'names', least: 20, most: 2 * LONGEST_NAME, rank: 5, cell: names },
];

export const DENIED_COLUMNS: readonly Column<DeniedLine>[] = [
  { head: 'proto', least: 6, rank: 1, cell: line => line.protocol },
  { head: 'source', least: 20, most: LONGEST_END, rank: 0, cell: line => line.source },
  { head: 'destination', least: 20, most: LONGEST_END, rank: 0, cell: line => line.destination },
  { head: 'rule', least: 10, most: LONGEST_NAME, rank: 1, cell: line => line.rule },
  { head: 'bytes', least: 6, align: 'right', rank: 3, cell: line => short(line.bytes) },
  { head: 'pkts', least: 5, align: 'right', rank: 1, cell: line => short(line.packets) },
  { head: 'age', least: 6, align: 'right', rank: 2, cell: line => shortTime(line.age) },
];

export function groupColumns(group: Exclude<Grouping, 'none'>): readonly Column<GroupLine>[] {
  return [
    { head: group, least: 15, most: 2 * LONGEST_NAME, rank: 0, cell: line => line.name || '(none)' },
    { head: 'connections', least: 12, align: 'right', rank: 0, sort: 'state', cell: line => whole(line.connections) },
    // of the ports of translated sources, where these are known
    { head: 'free', least: 6, align: 'right', rank: 4, cell: freePorts },
    { head: 'bytes', least: 6, align: 'right', rank: 0, sort: 'bytes', cell: line => short(line.bytes) },
    { head: 'pkts', least: 5, align: 'right', rank: 0, sort: 'packets', cell: line => short(line.packets) },
    { head: 'B/s', least: 5, align: 'right', rank: 0, sort: 'rate', cell: line => short(line.rate) },
    { head: 'oldest', least: 6, align: 'right', rank: 1, sort: 'age', cell: line => shortTime(line.age) },
  ];
}

function freePorts({ connections, range }: GroupLine): string {
  return range ? whole(portsLeft(connections, undefined, range).free!) : '';
}

function names(line: ConnectionLine): string {
  const from = line.sourceName ?? line.sourceDnsName ?? place(line.sourceAsNumber, line.sourceCountry);
  const to =
    line.service ??
    line.destinationName ??
    line.destinationDnsName ??
    place(line.destinationAsNumber, line.destinationCountry);
  return from === undefined && to === undefined ? '' : `${from ?? '-'} > ${to ?? '-'}`;
}

/** `AS64500 DE` */
function place(asNumber: number | undefined, country: string | undefined): string | undefined {
  const words = [asNumber === undefined ? undefined : `AS${asNumber}`, country].filter(word => word !== undefined);
  return words.length === 0 ? undefined : words.join(' ');
}

/** Columns of a table with their widths. */
export type Fitted<L> = readonly (readonly [Column<L>, width: number])[];

/**
 * The columns that there is room for, one space between two.
 * @param lines columns without anything in these are left out, where they are not always there
 * @param sort the column that shows this order stays
 */
export function fitColumns<L>(
  columns: readonly Column<L>[],
  width: number,
  lines: readonly L[],
  sort?: Sort,
): Fitted<L> {
  const rankOf = (column: Column<L>): number => (column.sort !== undefined && column.sort === sort ? 0 : column.rank);
  const used = columns.filter(column => column.rank < 4 || lines.some(line => column.cell(line) !== ''));
  const needed = (some: readonly Column<L>[]): number =>
    some.reduce((sum, { least }) => sum + least, 0) + Math.max(some.length - 1, 0);
  let kept = used;
  for (let rank = 5; rank > 0 && needed(kept) > width; rank--) {
    for (const column of kept.toReversed()) {
      if (needed(kept) <= width) break;
      if (rankOf(column) === rank) kept = kept.filter(other => other !== column);
    }
  }
  const widths = kept.map(({ least }) => least);
  // what is left goes to those that may be wider, turn by turn
  for (let left = width - needed(kept); left > 0;) {
    const before = left;
    for (const [i, { least, most = least }] of kept.entries()) {
      if (left === 0 || widths[i] >= most) continue;
      widths[i]++;
      left--;
    }
    if (left === before) break;
  }
  return kept.map((column, i) => [column, widths[i]]);
}

export function headOf<L>(fitted: Fitted<L>, sort?: Sort, reverse?: boolean): string {
  return fitted
    .map(([column, width]) => {
      const mark = column.sort !== undefined && column.sort === sort ? (reverse ? '^' : 'v') : '';
      return fit(
        column.head.length + mark.length > width ? column.head.slice(0, -mark.length) + mark : column.head + mark,
        width,
        column.align,
      );
    })
    .join(' ');
}

export function rowOf<L>(fitted: Fitted<L>, line: L): string {
  return fitted.map(([{ cell, align }, width]) => fit(cell(line), width, align)).join(' ');
}
