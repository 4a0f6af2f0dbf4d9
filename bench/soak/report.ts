import { ColumnTable } from '../../src/common/terminal/table.js';
import { fitLine } from '../results/statistics.js';
import type { SoakSummary } from './options.js';

const MEBIBYTE = 1 << 20;
/** Connections that differ by less than this share of their number are steady. */
const STEADY = 0.05;

/** The summaries side by side. */
export function soakReport(summaries: readonly SoakSummary[]): string {
  const columns = summaries.map(({ kind }) => ({ head: kind, width: 14, align: 'right' }) as const);
  const table = new ColumnTable([{ head: '', width: 46 }, ...columns]);
  const line = (title: string, cell: (summary: SoakSummary) => string): string =>
    table.row([title, ...summaries.map(cell)]);
  return [
    table.header(),
    line('different connections', ({ connections }) => String(connections)),
    line('entries read', ({ entryReads }) => String(entryReads)),
    line('records sent', ({ sent }) => String(sent)),
    line('records received', ({ received }) => String(received)),
    line('seconds', ({ wall }) => wall.toFixed(1)),
    line('CPU seconds of the exporter, user and system', ({ cpu }) => cpu.toFixed(2)),
    line('CPU seconds of making connections up, left out', ({ madeUp }) => madeUp.toFixed(2)),
    line('raw dumps beside it', ({ rawDumps }) => (rawDumps ? String(rawDumps.dumps) : '-')),
    line('CPU seconds of the raw dumps', ({ rawDumps }) => (rawDumps ? rawDumps.cpu.toFixed(2) : '-')),
    line('peak memory, MiB', ({ peakRss }) => (peakRss / MEBIBYTE).toFixed(0)),
    ...summaries.map(summary => `${memoryCourse(summary)}\n`),
  ].join('');
}

/** Memory against connections where their number changes, against time where it is steady. */
export function memoryCourse({ kind, course }: SoakSummary): string {
  // the first half fills pools and compiles
  const rest = course.slice(Math.floor(course.length / 2));
  const counts = rest.map(([connections]) => connections);
  const steady = Math.max(...counts) - Math.min(...counts) < STEADY * Math.max(...counts);
  if (rest.length < 3) return `${kind}: too short to say how memory grows`;
  const points = rest.map(([connections, rss], i) => [steady ? i : connections, rss] as const);
  const { slope, fit } = fitLine(points);
  const what = steady ? 'with a steady number of connections, memory grows by' : 'memory grows by';
  const each = steady ? 'a poll' : 'a connection';
  return `${kind}: ${what} ${slope.toFixed(0)} bytes ${each} (fit R² ${fit.toFixed(3)}, over the second half)`;
}
