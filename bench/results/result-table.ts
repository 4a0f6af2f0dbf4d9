import { ColumnTable, type Column } from '../../src/common/terminal/table.js';
import type { Result } from './results.js';
import { median, spread } from './statistics.js';

const COLUMNS: readonly Column[] = [
  { head: 'subject', width: 18 },
  { head: 'case', width: 16 },
  { head: 'backend', width: 8 },
  { head: 'family', width: 6 },
  { head: 'items', width: 9, align: 'right' },
  { head: 'ms an operation', width: 16, align: 'right' },
  { head: '±', width: 5, align: 'right' },
  { head: 'ns an item', width: 10, align: 'right' },
  { head: 'CPU ns', width: 8, align: 'right' },
  { head: 'bytes', width: 9, align: 'right' },
  { head: 'allocs', width: 7, align: 'right' },
  { head: 'samples', width: 7, align: 'right' },
  { head: 'remarks', width: 10 },
];

/** Results as lines for people, each as soon as it is there. */
export class ResultTable {
  readonly #table = new ColumnTable(COLUMNS);

  header(): string {
    return this.#table.header();
  }

  row(result: Result): string {
    const { samples, cpu, items, memory } = result;
    const wall = median(samples);
    const each = (seconds: number): string => ((seconds * 1e9) / items).toFixed(1);
    return this.#table.row([
      result.subject,
      result.case,
      result.backend,
      result.family,
      String(items),
      samples.length > 0 ? (wall * 1e3).toFixed(3) : '-',
      samples.length > 0 ? `${(spread(samples) * 100).toFixed(0)}%` : '-',
      samples.length > 0 ? each(wall) : '-',
      cpu && cpu.length > 0 ? each(median(cpu)) : '-',
      memory ? estimate(memory.bytes, memory.estimated) : '-',
      memory ? estimate(memory.allocations, memory.estimated) : '-',
      String(samples.length),
      remarks(result),
    ]);
  }
}

/** Figures that are estimates have a tilde. */
function estimate(value: number, estimated: boolean): string {
  return `${estimated ? '~' : ''}${value}`;
}

function remarks({ parameters, extra }: Result): string {
  const { connections: _, ...settings } = parameters;
  const { peakRss: __, rss: ___, ...facts } = extra;
  return Object.entries({ ...settings, ...facts })
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
