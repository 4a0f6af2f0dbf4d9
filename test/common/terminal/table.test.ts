import test from 'ava';
import { ColumnTable } from '../../../src/common/terminal/table.js';

const COLUMNS = [
  { head: 'proto', width: 6 },
  { head: 'source', width: 12 },
  { head: 'n', width: 5, align: 'right' },
  { head: 'more', width: 10 },
] as const;

test('columns are aligned, and lines end with their last character', t => {
  const table = new ColumnTable(COLUMNS);
  t.is(table.header(), 'proto  source           n more\n');
  t.is(table.row(['tcp', '192.0.2.1', '12', 'dnat']), 'tcp    192.0.2.1       12 dnat\n');
  t.is(table.row(['udp', '', '', '']), 'udp\n');
});

test('a cell that is too wide is printed whole, and later columns align again', t => {
  const table = new ColumnTable(COLUMNS);
  t.is(table.row(['tcp', '2001:db8::1234', '7', 'x']), 'tcp    2001:db8::1234   7 x\n');
  t.is(table.row(['tcp', '2001:db8:1:2:3:4:5:6', '7', 'x']), 'tcp    2001:db8:1:2:3:4:5:6 7 x\n');
});

test('characters of other widths are aligned by their width on a terminal', t => {
  const table = new ColumnTable(COLUMNS);
  t.is(table.row(['tcp', 'a → b', '7', 'é']), 'tcp    a → b            7 é\n');
  t.is(table.row(['tcp', '東京', '7', 'x']), 'tcp    東京             7 x\n');
  t.is(table.row(['tcp', '東京東京東京東京', '7', 'x']), 'tcp    東京東京東京東京 7 x\n');
});

test('the fast path for ASCII and cli-table3 give the same line', t => {
  const columns = COLUMNS.map(column => ({ ...column }));
  const cells = ['tcp', '2001:db8::1234', '123', 'x'];
  const mixed = new ColumnTable([...columns, { head: 'last', width: 4 }]).row([...cells, 'é']);
  const ascii = new ColumnTable([...columns, { head: 'last', width: 4 }]).row([...cells, 'e']);
  t.is(mixed, ascii.replace(/e\n$/, 'é\n'));
});
