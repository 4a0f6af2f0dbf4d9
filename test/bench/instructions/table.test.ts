import test from 'ava';
import { alarms, changeOf, instructionTable, type InstructionRow } from '../../../bench/instructions/table.js';

const row = (subject: string, base: number, head: number, rows = 256): InstructionRow => ({
  subject,
  base: { instructions: base, rows: 256 },
  head: { instructions: head, rows },
});

test('more than one percent is an alarm, and less or fewer is none', t => {
  const rows = [row('more', 1000, 1011), row('just', 1000, 1009), row('same', 1000, 1000), row('fewer', 1000, 500)];
  t.deepEqual(alarms(rows), ['more']);
});

test('what one side lacks, or has with other rows, is shown and not compared', t => {
  const [base] = [row('old', 1000, 0)].map(({ subject, base }) => ({ subject, base: base! }));
  const rows = [base, row('other rows', 1000, 9000, 512)];
  t.deepEqual(rows.map(changeOf), [undefined, undefined]);
  t.deepEqual(alarms(rows), []);
  const lines = instructionTable(rows).replaceAll(/ +/g, ' ').trimEnd().split('\n');
  t.regex(lines[1], /^old 256 1000 - - -/);
  t.regex(lines[2], /^other rows 512 1000 9000 17\.6 -/);
});

test('counts are exact, with what a row takes and the change', t => {
  const text = instructionTable([row('decode', 365_318, 372_000)]).replaceAll(/ +/g, ' ');
  t.regex(text, /\ndecode 256 365318 372000 1453\.1 \+1\.83 % ALARM/);
});
