import test from 'ava';
import * as fc from 'fast-check';
import { SlotList } from '../../src/store/slot-list.js';
import { seeded } from '../helpers/seed.js';

const CAPACITY = 12;

function contents(list: SlotList): number[] {
  const slots: number[] = [];
  for (let slot = list.head; slot >= 0; slot = list.after(slot)) {
    slots.push(slot);
    if (slots.length > CAPACITY) throw new Error('the list runs in a circle');
  }
  return slots;
}

test('a list does what an array does, over thousands of operations', t => {
  const operation = fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('push') },
      { weight: 4, arbitrary: fc.constant('remove') },
      fc.constant('clear'),
    ),
    fc.nat(CAPACITY - 1),
  );
  let operations = 0;
  fc.assert(
    fc.property(fc.array(operation, { minLength: 60, maxLength: 60 }), script => {
      const list = SlotList.of(CAPACITY);
      let model: number[] = [];
      for (const [what, slot] of script) {
        operations++;
        if (what === 'clear') {
          list.clear();
          model = [];
        } else {
          model = model.filter(other => other !== slot);
          if (what === 'push') {
            list.push(slot);
            model.push(slot);
          } else {
            list.remove(slot);
          }
        }
        if (contents(list).join() !== model.join()) return false;
        for (let s = 0; s < CAPACITY; s++) if (list.has(s) !== model.includes(s)) return false;
      }
      return true;
    }),
    { ...seeded(t), numRuns: 300 },
  );
  t.true(operations >= 15_000, `${operations} operations`);
});

test('slot 0 works as any other', t => {
  const list = SlotList.of(2);
  t.false(list.has(0));
  list.push(0);
  t.true(list.has(0));
  t.is(list.head, 0);
  t.is(list.after(0), -1);
  list.push(1);
  list.push(0);
  t.deepEqual(contents(list), [1, 0]);
  list.remove(0);
  list.remove(1);
  t.is(list.head, -1);
});

test('a slot that is not in the list has none after it', t => {
  const list = SlotList.of(3);
  list.push(0);
  list.push(1);
  list.remove(0);
  t.is(list.after(0), -1);
  t.is(list.after(2), -1);
});
