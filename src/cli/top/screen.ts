import type { TopPage } from '../../daemon/top/page.js';
import { CONNECTION_COLUMNS, DENIED_COLUMNS, fitColumns, groupColumns, headOf, rowOf, type Column } from './columns.js';
import { fit, harmless, shortTime, whole } from './figures.js';
import type { TopState } from './state.js';

/** How a part of a line looks. */
export type Style = 'plain' | 'title' | 'head' | 'faint' | 'warning' | 'key';
export interface Span {
  readonly text: string;
  readonly style: Style;
}
/** A line of the screen. */
export type Line = readonly Span[];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What is shown. */
export interface View {
  /** Where connections come from. */
  readonly origin: string;
  readonly page: TopPage | undefined;
  /** What it was asked for with: a key may have changed the state since. */
  readonly asked: Pick<TopState, 'group'>;
  /** When that was; local time. */
  readonly at: Date;
  /** What is wrong; undefined where nothing is. */
  readonly trouble: string | undefined;
}

/** Lines above the connections: title, counts, order, trouble, head of the table. */
const ABOVE = 5;
/** The keys. */
const BELOW = 1;
/** Of the lines for rows, those for denied packets and their two heads. */
const DENIED_SHARE = 1 / 3;
const LEAST_DENIED = 4;
const KEYS: readonly (readonly [key: string, meaning: string])[] = [
  ['b', 'ytes'],
  ['p', 'ackets'],
  ['r', 'ate'],
  ['a', 'ge'],
  ['s', 'tate'],
  ['g', 'roup'],
  ['/', 'filter'],
  ['d', 'enied'],
  ['↑↓', 'rows'],
  ['space', ' pause'],
  ['q', 'uit'],
];

/** Rows of connections and of denied packets that there is room for. */
export function rowsOf({ height }: Size, { denied }: TopState): { rows: number; deniedRows: number } {
  const room = Math.max(height - ABOVE - BELOW, 0);
  const forDenied = denied ? Math.max(Math.floor(room * DENIED_SHARE), LEAST_DENIED) : 0;
  return { rows: Math.max(room - forDenied, 0), deniedRows: Math.max(forDenied - 2, 0) };
}

/** All lines of the screen, each as wide as it. */
export function screenOf(state: TopState, view: View, size: Size): Line[] {
  const { width, height } = size;
  const { page } = view;
  const { rows } = rowsOf(size, state);
  const lines: Line[] = [
    [{ text: ends('ctflow top', `${view.origin}  ${timeOf(view.at)}`, width), style: 'title' }],
    [{ text: fit(countsOf(page), width), style: 'plain' }],
    [{ text: fit(orderOf(state, page), width), style: 'plain' }],
    [{ text: cutEnd(view.trouble ?? remarkOf(state, page) ?? '', width), style: view.trouble ? 'warning' : 'faint' }],
    ...tableOf(state, view, width),
  ];
  while (lines.length < ABOVE + rows) lines.push([]);
  lines.length = Math.min(lines.length, ABOVE + rows);
  if (state.denied) lines.push(...deniedOf(page, width));
  while (lines.length < height - BELOW) lines.push([]);
  lines.length = Math.max(height - BELOW, 0);
  lines.push(state.editing === undefined ? keysOf(width) : promptOf(state.editing, width));
  return lines.slice(0, height).map(line => line.map(({ text, style }) => ({ text: harmless(text), style })));
}

function tableOf(state: TopState, { page, asked }: View, width: number): Line[] {
  const known = asked.group === state.group ? page : undefined;
  if (state.group === 'none') return table(CONNECTION_COLUMNS, known?.lines ?? [], width, state);
  return table(groupColumns(state.group), known?.groups?.lines ?? [], width, state);
}

function table<L>(columns: readonly Column<L>[], lines: readonly L[], width: number, state?: TopState): Line[] {
  const fitted = fitColumns(columns, width, lines, state?.sort);
  return [
    [{ text: fit(headOf(fitted, state?.sort, state?.reverse), width), style: 'head' }],
    ...lines.map((line): Line => [{ text: cutEnd(rowOf(fitted, line), width), style: 'plain' }]),
  ];
}

function deniedOf(page: TopPage | undefined, width: number): Line[] {
  const denied = page?.denied;
  if (!denied) {
    const why = page ? 'no denied packets are received: they need ctflow run with --nflog-group' : '';
    return [[{ text: cutEnd(why, width), style: 'faint' }]];
  }
  const count = denied.flows === 1 ? '1 flow' : `${whole(denied.flows)} flows`;
  const shown = denied.matching === denied.flows ? '' : `, ${whole(denied.matching)} match the filter`;
  return [
    [{ text: cutEnd(`Denied packets: ${count}${shown}`, width), style: 'title' }],
    ...table(DENIED_COLUMNS, denied.lines, width),
  ];
}

function countsOf(page: TopPage | undefined): string {
  if (!page) return '';
  const { connections, matching, table, forecast } = page;
  const parts = [`${whole(connections)} connections`];
  if (matching !== connections) parts.push(`${whole(matching)} match the filter`);
  if (table) {
    const percent = table.limit > 0 ? ` (${Math.round((table.entries / table.limit) * 100)} %)` : '';
    parts.push(`kernel ${whole(table.entries)} of ${whole(table.limit)}${percent}`);
  }
  if (forecast?.fullIn !== undefined)
    parts.push(forecast.fullIn === 0 ? 'full' : `full in ${shortTime(forecast.fullIn)}`);
  return parts.join('   ');
}

function orderOf({ sort, reverse, group, filter, paused }: TopState, page: TopPage | undefined): string {
  const parts = [`sort ${sort}${reverse ? ' (reversed)' : ''}`];
  if (group !== 'none') parts.push(`group ${group}${page?.groups ? ` (${whole(page.groups.count)})` : ''}`);
  if (page) parts.push(page.rateSpan === undefined ? 'no rates yet' : `rates over ${seconds(page.rateSpan)}`);
  if (paused) parts.push('paused');
  if (filter !== '') parts.push(`filter ${filter}`);
  return parts.join('   ');
}

/** What is to be known of the figures. */
function remarkOf({ skip }: TopState, page: TopPage | undefined): string | undefined {
  if (!page) return 'waiting for the first answer';
  const { accounting, counted, matching, groups } = page;
  if (accounting === false && counted < matching)
    return 'Accounting is off, so bytes, packets and rates are not known: sysctl -w net.netfilter.nf_conntrack_acct=1';
  if (counted < matching)
    return `${whole(matching - counted)} connections have no counters: they began without accounting`;
  if (groups && groups.leftOut > 0)
    return `${whole(groups.leftOut)} connections are in no group: there is no room for more`;
  return skip > 0 ? `from row ${whole(skip + 1)} on` : undefined;
}

function keysOf(width: number): Line {
  const spans: Span[] = [];
  let used = 0;
  for (const [key, meaning] of KEYS) {
    const length = key.length + meaning.length + 1;
    if (used + length > width) break;
    used += length;
    spans.push({ text: key, style: 'key' }, { text: `${meaning} `, style: 'plain' });
  }
  return spans;
}

function promptOf(text: string, width: number): Line {
  const prompt = 'filter (Enter, Esc): ';
  const room = Math.max(width - prompt.length - 1, 0);
  // the end is what is being written
  const shown = text.slice(-room);
  return [
    { text: prompt, style: 'key' },
    { text: shown, style: 'plain' },
    { text: ' ', style: 'head' },
  ];
}

/** One text at the beginning of a line, and another at its end. */
function ends(left: string, right: string, width: number): string {
  const gap = width - left.length - right.length;
  return gap > 0 ? left + ' '.repeat(gap) + right : fit(`${left} ${right}`, width);
}

function cutEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function timeOf(at: Date): string {
  return at.toTimeString().slice(0, 8);
}
