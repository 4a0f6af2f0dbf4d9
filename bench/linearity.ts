import { ColumnTable } from '../src/terminal/table.js';
import type { Result } from './results.js';
import { fitLine, median } from './statistics.js';

const COLUMNS = [
  { head: 'connections', width: 11, align: 'right' },
  { head: 'ms an operation', width: 15, align: 'right' },
  { head: 'ns a connection', width: 15, align: 'right' },
  { head: 'against the first', width: 17, align: 'right' },
] as const;

/** For every case that was measured at several sizes: what a connection costs at each, and how straight the line is. */
export function linearityTables(results: readonly Result[]): string {
  const table = new ColumnTable(COLUMNS);
  let text = '';
  for (const [title, sizes] of bySize(results)) {
    const points = sizes.map(({ items, samples }) => [items, median(samples)] as const);
    if (points.length < 2) continue;
    const first = points[0][1] / points[0][0];
    const { slope, fit } = fitLine(points);
    text += `\n${title}\n${table.header()}`;
    for (const [items, seconds] of points) {
      const each = seconds / items;
      text += table.row([
        String(items),
        (seconds * 1e3).toFixed(3),
        (each * 1e9).toFixed(1),
        `${(each / first).toFixed(2)} x`,
      ]);
    }
    text += `slope ${(slope * 1e9).toFixed(1)} ns a connection, fit R² ${fit.toFixed(4)}\n`;
  }
  return text;
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
