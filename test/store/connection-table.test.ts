import test from 'ava';
import { ConnectionTable, IN_USE, ROW_WORDS } from '../../src/store/connection-table.js';
import { rows } from '../helpers/rows.js';

test('a slot holds a copy of the row', t => {
  const table = new ConnectionTable(2);
  const batch = rows(
    { sourcePort: 1, destinationPort: 2, counters: [1, 2, 3, 4] },
    { sourcePort: 3, destinationPort: 4 },
  );
  const slot = table.allocate(batch.u32, ROW_WORDS);
  const kept = batch.u32.slice(ROW_WORDS, 2 * ROW_WORDS);
  batch.u32.fill(0xffff_ffff);
  t.deepEqual(table.rows.slice(slot * ROW_WORDS, (slot + 1) * ROW_WORDS), kept);
  t.is(table.flags[slot], IN_USE);
});

test('slots are handed out once, the lowest first, and again when they were given back', t => {
  const table = new ConnectionTable(3);
  const row = rows({}).u32;
  t.deepEqual([table.allocate(row, 0), table.allocate(row, 0), table.allocate(row, 0)], [0, 1, 2]);
  t.true(table.full);
  table.free(0);
  table.free(2);
  t.is(table.count, 1);
  t.deepEqual([table.allocate(row, 0), table.allocate(row, 0)], [2, 0]);
  t.true(table.full);
  t.is(table.top, 3);
});

test('clear gives everything back', t => {
  const table = new ConnectionTable(3);
  const row = rows({}).u32;
  table.allocate(row, 0);
  table.free(table.allocate(row, 0));
  table.clear();
  t.deepEqual([table.count, table.top, table.flags[0]], [0, 0, 0]);
  t.deepEqual([table.allocate(row, 0), table.allocate(row, 0), table.allocate(row, 0)], [0, 1, 2]);
});
