import { ColumnTable, type Column } from '../../src/common/terminal/table.js';
import { isOurs, type Result } from '../results/results.js';
import { median } from '../results/statistics.js';

const COLUMNS: readonly Column[] = [
  { head: 'subject', width: 13 },
  { head: 'ctflow', width: 20 },
  { head: 'beside', width: 27 },
  { head: 'items', width: 8, align: 'right' },
  { head: 'wall', width: 8, align: 'right' },
  { head: 'CPU', width: 8, align: 'right' },
  { head: 'settings', width: 8 },
];

/** How many times as long as ctflow each of the others takes, within one run and for the same sizes. */
export function ratioTable(results: readonly Result[]): string {
  const table = new ColumnTable(COLUMNS);
  let text = table.header();
  for (const ctflow of results) {
    if (!isOurs(ctflow)) continue;
    for (const other of results) {
      if (isOurs(other)) continue;
      if (other.subject !== ctflow.subject || other.family !== ctflow.family || !sameSizes(other, ctflow)) continue;
      text += table.row([
        ctflow.subject,
        ctflow.case,
        other.case,
        String(other.items),
        times(other.samples, ctflow.samples),
        times(other.cpu, ctflow.cpu),
        settingsOf(other),
      ]);
    }
  }
  return text;
}

/** The parameters that both have are equal. */
function sameSizes(a: Result, b: Result): boolean {
  return Object.entries(a.parameters).every(([name, value]) => (b.parameters[name] ?? value) === value);
}

function settingsOf({ parameters: { connections: _, ...settings } }: Result): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function times(other: readonly number[] = [], own: readonly number[] = []): string {
  const ratio = median(other) / median(own);
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)} x` : '-';
}
