import test from 'ava';
import * as fc from 'fast-check';
import type { AggregateKey } from '../../src/ipfix/profile-aggregate.js';
import { keyText } from '../../src/record/sum-row.js';
import { SumTable } from '../../src/record/sum-table.js';
import { ROW_WORDS } from '../../src/row/layout.generated.js';
import { ExportSlots } from '../../src/schedule/export-state.js';
import { udp } from '../helpers/builders/connections.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import { seeded } from '../helpers/seed.js';

const KEYS: readonly AggregateKey[] = ['src.port'];

const slotsOf = (table: SumTable): number[] => {
  const slots = new Uint32Array(100);
  return [...slots.subarray(0, table.first(slots, 100))];
};

test('property: keys are found among others, however they come and go; the remainder is the last resort', t => {
  const step = fc.oneof(fc.record({ port: fc.nat(9) }), fc.record({ remove: fc.nat(9) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (steps, limit) => {
      const connections = Array.from({ length: 10 }, (_, port) => udp(port, 1_000, [1, 10, 0, 0]));
      const table = flowTable(...connections);
      const exported = new ExportSlots(10);
      const sums = new SumTable(KEYS, limit, false);
      const model: { port: number | undefined; slot: number }[] = [];
      for (const one of steps) {
        if ('remove' in one) {
          const [gone] = model.splice(one.remove % Math.max(model.length, 1), 1);
          if (gone) sums.remove(gone.slot);
          continue;
        }
        const slot = sums.add(table, exported, one.port);
        const keys = model.filter(({ port }) => port !== undefined).length;
        const there = model.find(({ port }) => port === one.port);
        const wanted = there ?? (keys < limit ? undefined : model.find(({ port }) => port === undefined));
        if (wanted) t.is(slot, wanted.slot);
        else model.push({ port: keys < limit ? one.port : undefined, slot });
        t.is(slot === 0, !there && keys >= limit, 'the remainder where there is no room');
      }
      t.deepEqual(
        slotsOf(sums),
        model.map(({ slot }) => slot),
      );
      t.is(sums.size, model.length);
    }),
    seeded(t),
  );
});

test('of both zones the original one is the key, and of two marks each', t => {
  const table = flowTable(
    udp(1, 1_000, [1, 10, 0, 0], { originalZone: 5, replyZone: 5 }),
    udp(2, 1_000, [1, 10, 0, 0], { originalZone: 5 }),
    udp(3, 1_000, [1, 10, 0, 0], { replyZone: 5 }),
    udp(4, 1_000, [1, 10, 0, 0], { originalZone: 5, mark: 1 }),
  );
  const exported = new ExportSlots(4);
  const sums = new SumTable(['zone', 'mark'], 10, false);
  const slots = [0, 1, 2, 3].map(slot => sums.add(table, exported, slot));
  t.is(slots[0], slots[1]);
  t.is(new Set(slots).size, 3);
});

test('sums of an earlier run are found under their key, or go into the remainder', t => {
  const table = flowTable(udp(1, 1_000, [2, 20, 1, 10]), udp(2, 1_000, [1, 10, 0, 0]));
  const exported = new ExportSlots(2);
  const before = new SumTable(['src.port', 'protocol'], 10, false);
  const slot = before.add(table, exported, 0);
  before.add(table, exported, 1);
  const same = new SumTable(['src.port', 'protocol'], 10, false);
  const found = same.load(before.rows, slot);
  t.true(found.same);
  t.is(
    keyText(same.rows.words, found.slot * ROW_WORDS),
    keyText(before.rows.words, slot * ROW_WORDS),
    'of the same key and key set',
  );
  const fewer = new SumTable(['protocol'], 10, false);
  const [one, other] = slotsOf(before).map(slot => fewer.load(before.rows, slot));
  t.is(one.slot, other.slot);
  t.deepEqual([one.same, one.slot > 0], [false, true], 'fewer keys can be told');
  const more = new SumTable(['src.port', 'src'], 10, false);
  t.deepEqual(more.load(before.rows, slot), { slot: 0, same: false }, 'others cannot');
  const small = new SumTable(['src.port', 'protocol'], 1, false);
  t.deepEqual(
    slotsOf(before).map(slot => small.load(before.rows, slot)),
    [
      { slot: 1, same: true },
      { slot: 0, same: false },
    ],
  );
});
