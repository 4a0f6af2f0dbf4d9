import test from 'ava';
import { ConnectionTable, IN_USE, SharedRoom } from '../../src/store/connection-table.js';
import { HELPER_WORD, LABELS_WORD, ROW_SIZE, ROW_WORDS, RULE, RULE_WORD } from '../../src/row/layout.generated.js';
import { rows } from '../helpers/builders/rows.js';

test('a slot holds a copy of the row up to the labels', t => {
  const table = new ConnectionTable(2);
  const batch = rows(
    { sourcePort: 1, destinationPort: 2, counters: [1, 2, 3, 4] },
    { sourcePort: 3, destinationPort: 4 },
  );
  const slot = table.allocate(batch.u32, ROW_WORDS);
  const kept = batch.u32.slice(ROW_WORDS, ROW_WORDS + LABELS_WORD);
  batch.u32.fill(0xffff_ffff);
  t.deepEqual(table.rows.slice(slot * ROW_WORDS, slot * ROW_WORDS + LABELS_WORD), kept);
  t.is(table.flags[slot], IN_USE);
});

test('the added fields of a slot change neither each other nor its neighbours', t => {
  const table = new ConnectionTable(2);
  const batch = rows({ sourcePort: 1, helper: 'ftp' }, { sourcePort: 2, helper: 'sip' });
  for (const row of [0, 1]) batch.u32[(row * ROW_SIZE + RULE) >> 2] = 70 + row;
  for (const row of [0, 1]) {
    const slot = table.allocate(batch.u32, row * ROW_WORDS);
    table.setStartMs(slot, 1_700_000_000_000 + slot);
    table.setEndMs(slot, 1_700_000_001_000 + slot);
    table.setChangedAt(slot, 5.5 + slot);
    table.byChange.push(slot);
  }
  for (const slot of [0, 1]) {
    const at = slot * ROW_WORDS;
    t.deepEqual(table.rows.slice(at, at + LABELS_WORD), batch.u32.slice(at, at + LABELS_WORD));
    t.is(table.rows[at + RULE_WORD], 70 + slot);
    t.is(table.startMs(slot), 1_700_000_000_000 + slot);
    t.is(table.endMs(slot), 1_700_000_001_000 + slot);
    t.is(table.changedAt(slot), 5.5 + slot);
    t.true(table.byChange.has(slot));
    const { helpers } = table.columns({});
    const helper = batch.u32.slice(at + HELPER_WORD, at + HELPER_WORD + 4);
    t.deepEqual(helpers.slice(slot * 16, slot * 16 + 16), new Uint8Array(helper.buffer));
  }
  t.deepEqual([table.byChange.head, table.byChange.after(0)], [0, 1]);
});

test('slots are allocated once, the lowest first, and again when they are free', t => {
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

test('clear frees every slot', t => {
  const table = new ConnectionTable(3);
  const row = rows({}).u32;
  table.allocate(row, 0);
  table.free(table.allocate(row, 0));
  table.clear();
  t.deepEqual([table.count, table.top, table.flags[0]], [0, 0, 0]);
  t.deepEqual([table.allocate(row, 0), table.allocate(row, 0), table.allocate(row, 0)], [0, 1, 2]);
});

test('tables that share room have so many open connections together', t => {
  const room = new SharedRoom(3);
  const [one, other] = [new ConnectionTable(3, 2, room), new ConnectionTable(3, 2, room)];
  const batch = rows({ sourcePort: 1 });
  const first = one.allocate(batch.u32, 0);
  one.allocate(batch.u32, 0);
  t.false(other.full);
  const third = other.allocate(batch.u32, 0);
  t.true(one.full);
  t.true(other.full);
  // one that has ended takes no room of those that are open, and gives none back twice
  one.moveToEnded(first);
  t.false(other.full);
  other.allocate(batch.u32, 0);
  one.free(first);
  t.true(other.full);
  other.free(third);
  t.false(one.full);
  other.leaveRoom();
  t.is(room.taken, 1);
  t.is(other.count, 1);
  other.clear();
  t.is(room.taken, 1, 'what has left takes nothing with it');
  one.clear();
  t.is(room.taken, 0);
});
