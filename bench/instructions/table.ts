import { ColumnTable, type Column } from '../../src/common/terminal/table.js';
import type { InstructionCount } from './callgrind.js';

/** More than this is an alarm. */
export const ALARM = 0.01;

/** One subject on both sides; a side that does not have it has no figure. */
export interface InstructionRow {
  readonly subject: string;
  readonly base?: InstructionCount;
  readonly head?: InstructionCount;
}

const COLUMNS: readonly Column[] = [
  { head: 'subject', width: 13 },
  { head: 'rows', width: 5, align: 'right' },
  { head: 'BASE', width: 10, align: 'right' },
  { head: 'HEAD', width: 10, align: 'right' },
  { head: 'a row', width: 8, align: 'right' },
  { head: 'change', width: 9, align: 'right' },
  { head: '', width: 6 },
];

/** Exact counts of one operation, and how many of them a row takes in HEAD. */
export function instructionTable(rows: readonly InstructionRow[]): string {
  const table = new ColumnTable(COLUMNS);
  let text = table.header();
  for (const row of rows) {
    const { subject, base, head } = row;
    const change = changeOf(row);
    text += table.row([
      subject,
      String((head ?? base)?.rows ?? '-'),
      base ? String(base.instructions) : '-',
      head ? String(head.instructions) : '-',
      head ? (head.instructions / head.rows).toFixed(1) : '-',
      change === undefined ? '-' : changeText(change),
      isAlarm(change) ? 'ALARM' : '',
    ]);
  }
  return text;
}

/** 0.01: 1 % more. Undefined where one side lacks it, or handles other rows. */
export function changeOf({ base, head }: InstructionRow): number | undefined {
  if (!base || !head || base.rows !== head.rows) return undefined;
  return head.instructions / base.instructions - 1;
}

export function alarms(rows: readonly InstructionRow[]): string[] {
  return rows.filter(row => isAlarm(changeOf(row))).map(({ subject }) => subject);
}

function isAlarm(change: number | undefined): boolean {
  return change !== undefined && change > ALARM;
}

function changeText(change: number): string {
  return `${change > 0 ? '+' : ''}${(change * 100).toFixed(2)} %`;
}
