import { ColumnTable } from '../../src/common/terminal/table.js';
import type { Result } from './results.js';
import { fitLine, median } from './statistics.js';

const TIME_COLUMNS = [
  { head: 'connections', width: 11, align: 'right' },
  { head: 'ms an operation', width: 15, align: 'right' },
  { head: 'ns a connection', width: 15, align: 'right' },
  { head: 'against the first', width: 17, align: 'right' },
] as const;
const MEMORY_COLUMNS = [
  { head: 'connections', width: 11, align: 'right' },
  { head: 'resident MiB', width: 15, align: 'right' },
  { head: 'peak MiB', width: 15, align: 'right' },
  { head: 'bytes each', width: 17, align: 'right' },
] as const;

/** For every case that was measured at several sizes: what a connection costs at each, and how straight the line is. */
export function linearityTables(results: readonly Result[]): string {
  let text = '';
  for (const [title, sizes] of bySize(results)) {
    if (sizes.length < 2) continue;
    text += `\n${title}\n${timeTable(sizes)}`;
    if (sizes.every(({ extra }) => 'rss' in extra)) text += memoryTable(sizes);
  }
  return text;
}

function timeTable(sizes: readonly Result[]): string {
  const table = new ColumnTable(TIME_COLUMNS);
  const points = sizes.map(({ items, samples }) => [items, median(samples)] as const);
  const first = points[0][1] / points[0][0];
  let text = table.header();
  for (const [items, seconds] of points) {
    const each = seconds / items;
    text += table.row([
      String(items),
      (seconds * 1e3).toFixed(3),
      (each * 1e9).toFixed(1),
      `${(each / first).toFixed(2)} x`,
    ]);
  }
  const { slope, fit } = fitLine(points);
  return `${text}slope ${(slope * 1e9).toFixed(1)} ns a connection, fit R² ${fit.toFixed(4)}\n`;
}

/** A slope that is what a connection needs, and a straight line: nothing leaks. */
function memoryTable(sizes: readonly Result[]): string {
  const table = new ColumnTable(MEMORY_COLUMNS);
  const points = sizes.map(({ items, extra }) => [items, extra['rss'] as number] as const);
  let text = table.header();
  for (const { items, extra } of sizes) {
    const mebibytes = (bytes: unknown): string => ((bytes as number) / 2 ** 20).toFixed(1);
    text += table.row([
      String(items),
      mebibytes(extra['rss']),
      mebibytes(extra['peakRss']),
      String(extra['bytesAConnection']),
    ]);
  }
  const { slope, fit } = fitLine(points);
  return `${text}slope ${slope.toFixed(1)} bytes a connection, fit R² ${fit.toFixed(4)}\n`;
}

/** Results that differ in size alone, by what they have in common. */
export function bySize(results: readonly Result[]): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const { connections: _, fresh: __, gone: ___, ...settings } = result.parameters;
    const { subject, case: what, backend, family } = result;
    const more = Object.entries(settings).map(([name, value]) => `, ${name} ${value}`);
    const title = `${subject}: ${what}, ${backend}, ${family}${more.join('')}`;
    const group = groups.get(title);
    if (group) group.push(result);
    else groups.set(title, [result]);
  }
  return groups;
}
