import test from 'ava';
import * as fc from 'fast-check';
import { DumpOrder } from '../../src/store/dump-order.js';
import { seeded } from '../helpers/seed.js';

/** One dump of slots; `known` says which are not new. @returns how many were guessed, at once or second */
function dump(order: DumpOrder, slots: readonly number[], known: (slot: number) => boolean): number {
  let guessed = 0;
  order.begin();
  for (const slot of slots) {
    if (known(slot) && (order.guess === slot || order.second === slot)) guessed++;
    if (known(slot)) order.found(slot);
    else order.added(slot);
  }
  return guessed;
}

test('an order that has been seen once is predicted whole', t => {
  const order = new DumpOrder(10);
  const slots = [7, 2, 9, 0, 5];
  t.is(
    dump(order, slots, () => false),
    0,
  );
  t.is(
    dump(order, slots, () => true),
    5,
  );
});

test('new and removed connections do not spoil the prediction of the others', t => {
  const order = new DumpOrder(10);
  dump(order, [7, 2, 9, 0, 5], () => false);
  const now = [1, 7, 9, 3, 0, 5, 4];
  t.is(
    dump(order, now, slot => ![1, 3, 4].includes(slot)),
    4,
  );
  t.is(
    dump(order, now, () => true),
    7,
    'from then on the new ones are guessed too',
  );
});

test('after clear there is no prediction', t => {
  const order = new DumpOrder(4);
  dump(order, [0, 1, 2, 3], () => false);
  order.clear();
  t.is(order.guess, -1);
  t.is(order.second, -1);
});

test('a prediction is always a slot or none', t => {
  const slots = fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 30 });
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(slots, { maxLength: 8 }), dumps => {
        const order = new DumpOrder(10);
        for (const rows of dumps) {
          order.begin();
          for (const [slot, known] of rows) {
            for (const guess of [order.guess, order.second]) if (!(guess >= -1 && guess < 10)) return false;
            if (known) order.found(slot);
            else order.added(slot);
          }
        }
        return true;
      }),
      seeded(t),
    ),
  );
});
