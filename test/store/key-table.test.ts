import test from 'ava';
import * as fc from 'fast-check';
import { KeyTable } from '../../src/store/key-table.js';
import { seeded } from '../helpers/seed.js';

type Key = [number, number, number];

/** Few keys, so that many entries share one. */
const key = fc.tuple(fc.nat(2), fc.constantFrom(0, 0xffff_ffff), fc.nat(1));
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: key }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant('clear' as const) },
);

/** After some nobody looks for a key: entries that were not looked for are placed later. */
const steps = fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 });

function list(table: KeyTable, of: Key): number[] {
  const found: number[] = [];
  for (let entry = table.find(...of); entry >= 0; entry = table.find(...of, entry)) found.push(entry);
  return found;
}

test('keys are listed in order of arrival, whatever is added and removed', t => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 12 }), (changes, capacity) => {
      const table = new KeyTable(capacity);
      let model: { entry: number; key: Key }[] = [];
      for (const [one, looks] of changes) {
        if (one === 'clear') {
          table.clear();
          model = [];
        } else if ('add' in one) {
          if (table.full) continue;
          const entry = table.add(...one.add);
          t.true(entry >= 0 && entry < capacity && model.every(other => other.entry !== entry));
          model.push({ entry, key: one.add });
        } else if (model.length > 0) {
          const [gone] = model.splice(one.remove % model.length, 1);
          table.remove(gone.entry);
        }
        t.is(table.count, model.length);
        t.is(table.full, model.length === capacity);
        const order: number[] = [];
        for (let entry = table.order.head; entry >= 0; entry = table.order.after(entry)) order.push(entry);
        t.deepEqual(
          order,
          model.map(({ entry }) => entry),
        );
        if (!looks) continue;
        for (const a of [0, 1, 2]) {
          for (const b of [0, 0xffff_ffff]) {
            for (const c of [0, 1]) {
              const expected = model.filter(({ key }) => key.join() === [a, b, c].join()).map(({ entry }) => entry);
              t.deepEqual(list(table, [a, b, c]), expected);
            }
          }
        }
      }
    }),
    { ...seeded(t), numRuns: 60 },
  );
});

test('many keys are found while buckets grow, and after a table was cleared', t => {
  fc.assert(
    fc.property(fc.array(fc.nat(400), { minLength: 300, maxLength: 600 }), numbers => {
      const table = new KeyTable(500, 16);
      for (let round = 0; round < 2; round++) {
        const model: { entry: number; number: number }[] = [];
        for (const number of numbers) {
          if (table.full) table.remove(model.shift()!.entry);
          model.push({ entry: table.add(number, 7, 0), number });
          // now and then, so that many are placed together
          if (number % 16 === 0) table.find(number, 7, 0);
        }
        for (let number = 0; number <= 401; number++) {
          const expected = model.filter(one => one.number === number).map(({ entry }) => entry);
          t.deepEqual(list(table, [number, 7, 0]), expected);
        }
        table.clear();
      }
    }),
    { ...seeded(t), numRuns: 10 },
  );
});

test('a table takes its memory with the first entry', t => {
  const capacity = 1 << 20;
  const before = process.memoryUsage().arrayBuffers;
  const table = new KeyTable(capacity);
  t.true(process.memoryUsage().arrayBuffers - before < capacity);
  t.is(table.find(1, 2, 3), -1);
  table.clear();
  t.is(table.order.head, -1);
  t.is(table.add(1, 2, 3), 0);
  t.is(table.find(1, 2, 3), 0);
  t.true(process.memoryUsage().arrayBuffers - before > capacity);
});
