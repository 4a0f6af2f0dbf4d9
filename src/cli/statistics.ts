import { describeDuration } from '../common/duration.js';
import { readerOf } from '../common/log/reader.js';
import type { Logger } from '../common/logger.js';
import { standardError } from '../common/terminal/standard-streams.js';
import type { Exporter, ExporterStats } from '../exporter.js';

/** What the statistics line has of each collector. */
interface CollectorState {
  readonly name: string;
  readonly endpoint: string;
  readonly connected: boolean;
  /** Ended connections that wait for it. */
  readonly waiting: number;
  readonly lostRecords: number;
  /** Records that no message could hold. */
  readonly oversize: number;
  /** Records that it may not have read. */
  readonly uncertainRecords: number;
  readonly errors: number;
  /** Connections that were not exported to their end. */
  readonly unexported: number;
}

/** The fields of the statistics line; docs/statistics.md explains them. */
export interface StateFields {
  readonly connections: number;
  readonly recordsExported: number;
  /** Records since the line before. */
  readonly newRecords: number;
  readonly collectors: readonly CollectorState[];
  /** Where there are any. */
  readonly logLinesDropped?: number;
}

const NOTHING = {
  connected: true,
  waiting: 0,
  lostRecords: 0,
  oversize: 0,
  uncertainRecords: 0,
  errors: 0,
  unexported: 0,
} as const;
const WIDTH = 80;
/** Of the lines below the first one of a log entry. */
const INDENT = '    ';

/** @param before records at the line before; absent where there is none */
export function stateFields(stats: ExporterStats, before = stats.recordsExported): StateFields {
  return {
    connections: stats.connections,
    recordsExported: stats.recordsExported,
    newRecords: stats.recordsExported - before,
    collectors: stats.destinations.map(({ name, endpoint, connected, ended, session, transport, ...rest }) => ({
      name,
      endpoint,
      connected,
      waiting: ended,
      lostRecords: transport.lostRecords,
      oversize: session.oversize,
      uncertainRecords: transport.uncertainRecords,
      errors: Object.values(transport.errors).reduce((sum, count) => sum + count, 0),
      unexported: rest.stale.connections + rest.evictedUnreported.connections + rest.endedOverflow.connections,
    })),
  };
}

/** The same in one sentence; of a collector, what is not 0. */
export function stateSentence({ connections, recordsExported, newRecords, collectors }: StateFields): string {
  const more = newRecords > 0 ? ` (+${number(newRecords)})` : '';
  const all = `${count(connections, 'connection')}, ${count(recordsExported, 'record')} exported${more}`;
  return [all, ...collectors.flatMap(troublesOf)].join('; ');
}

function troublesOf({
  name,
  connected,
  waiting,
  lostRecords,
  oversize,
  uncertainRecords,
  errors,
  unexported,
}: Omit<CollectorState, 'endpoint'>): string[] {
  const words = [
    ...(connected ? [] : ['not connected']),
    ...(waiting > 0 ? [`${count(waiting, 'ended connection')} waiting`] : []),
    ...(lostRecords > 0 ? [`${count(lostRecords, 'record')} lost`] : []),
    ...(oversize > 0 ? [`${count(oversize, 'record')} too large for a message`] : []),
    ...(uncertainRecords > 0 ? [`${count(uncertainRecords, 'record')} in doubt`] : []),
    ...(errors > 0 ? [count(errors, 'error')] : []),
    ...(unexported > 0 ? [`${count(unexported, 'connection')} not exported`] : []),
  ];
  return words.length > 0 ? [`${name}: ${words.join(', ')}`] : [];
}

function count(value: number, what: string): string {
  return `${number(value)} ${what}${value === 1 ? '' : 's'}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** All statistics that are not 0, for a terminal of 80 columns: a part of them a line, longer ones over several. */
export function statisticsLines(stats: ExporterStats): string {
  const { destinations, ...parts } = stats;
  const flat = Object.entries(parts).filter(([, value]) => typeof value !== 'object');
  const nested = Object.entries(parts).filter(([, value]) => typeof value === 'object');
  const sections: [string, unknown][] = [
    ['ctflow', Object.fromEntries(flat)],
    ...nested,
    ...destinations.map(({ name, endpoint, ...rest }): [string, unknown] => [
      name === endpoint ? name : `${name} ${endpoint}`,
      rest,
    ]),
  ];
  return sections
    .map(([name, values]) => ({ name, words: wordsOf(values) }))
    .filter(({ words }) => words.length > 0)
    .flatMap(({ name, words }) => wrap(`${name}:`, words))
    .map(line => `\n${INDENT}${line}`)
    .join('');
}

/** `name 12` for each value; `stale.packets 12` within. */
function wordsOf(value: unknown, prefix = ''): string[] {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) => wordsOf(inner, prefix === '' ? name : `${prefix}.${name}`));
  }
  if (value === 0 || value === undefined || value === null || value === '') return [];
  return [`${prefix} ${typeof value === 'number' ? number(value) : String(value)}`];
}

function wrap(head: string, words: readonly string[], comma = ','): string[] {
  const lines: string[] = [];
  let line = head;
  for (const [i, word] of words.entries()) {
    const text = i < words.length - 1 ? `${word}${comma}` : word;
    if (line.length + 1 + text.length > WIDTH - INDENT.length && line.trim() !== '') {
      lines.push(line);
      line = ' ';
    }
    line += ` ${text}`;
  }
  return [...lines, line];
}

/**
 * How the run went, in one sentence: what was exported, and all that was not.
 * @param left records that were left unexported at the end
 */
export function summarySentence(stats: ExporterStats, seconds: number, left = 0): string {
  const { poll, store, events, denied, recordsExported, destinations, removed } = stats;
  const all = [
    count(poll.polls, 'poll'),
    count(store.added, 'connection'),
    `${count(recordsExported, 'record')} exported to ${count(destinations.length, 'destination')}`,
  ];
  const lost = [
    [poll.incomplete, 'incomplete poll'],
    [events?.lost ?? 0, 'event'],
    [events?.unread ?? 0, 'unread event'],
    [denied?.nflog?.lost ?? 0, 'denied packet'],
    [store.refused, 'connection at --max-connections'],
  ] as const;
  const kernel = lost.filter(([value]) => value > 0).map(([value, what]) => count(value, what));
  const { collectors } = stateFields(stats, 0);
  const troubles = collectors.flatMap(state => troublesOf({ ...state, connected: true, waiting: 0 }));
  const gone = removed && {
    ...NOTHING,
    name: 'removed destinations',
    lostRecords: removed.lostRecords,
    unexported: removed.unexported.connections,
  };
  const losses = [
    ...(kernel.length > 0 ? [`not seen: ${kernel.join(', ')}`] : []),
    ...troubles,
    ...(gone ? troublesOf(gone) : []),
    ...(left > 0 ? [`${count(left, 'record')} left unexported`] : []),
  ];
  return `ran for ${describeDuration(seconds * 1_000)}: ${all.join(', ')}; ${losses.length > 0 ? losses.join('; ') : 'nothing was lost'}`;
}

/** Logs the short line, each time it is called. */
export function logState(log: Logger, exporter: Pick<Exporter, 'stats'>): () => void {
  let records = 0;
  return () => {
    const fields = stateFields(exporter.stats(), records);
    records = fields.recordsExported;
    const reader = readerOf(2);
    if (reader === 'terminal') log.info(stateSentence(fields));
    else if (reader === 'journald') log.info({ statistics: { ...fields, ...dropped() } }, stateSentence(fields));
    else log.info({ ...fields, ...dropped() }, 'statistics');
  };
}

/**
 * Logs everything: as fields, or as text for people.
 * @param summary a sentence in front
 */
export function logStatistics(log: Logger, stats: ExporterStats, message: string, summary?: string): void {
  const reader = readerOf(2);
  if (reader === 'program') return log.info({ ...(summary && { summary }), ...stats, ...dropped() }, message);
  const sentence = summary === undefined ? [] : wrap('', summary.split(' '), '');
  const lines = sentence.map(line => `\n${INDENT}${line.trim()}`).join('');
  const text = `${message}${lines}${statisticsLines(stats)}`;
  if (reader === 'terminal') log.info(text);
  else log.info({ statistics: { ...stats, ...dropped() } }, text);
}

function dropped(): { logLinesDropped?: number } {
  const lines = standardError().dropped;
  return lines > 0 ? { logLinesDropped: lines } : {};
}
