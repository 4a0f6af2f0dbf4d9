import test from 'ava';
import * as fc from 'fast-check';
import { HashChains } from '../../src/denied/hash-chains.js';
import { seeded } from '../helpers/seed.js';

test('items are found by their hash, whatever was added and removed', t => {
  const step = fc.record({ item: fc.nat(19), hash: fc.oneof(fc.nat(3), fc.integer()) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const chains = new HashChains(20);
      const model = new Map<number, number>();
      for (const { item, hash } of steps) {
        if (model.delete(item)) chains.remove(item);
        else {
          model.set(item, hash);
          chains.add(item, hash);
        }
        t.is(chains.count, model.size);
        for (const wanted of new Set(steps.map(({ hash: each }) => each))) {
          const found = [];
          for (let each = chains.first(wanted); each >= 0; each = chains.after(each)) found.push(each);
          const expected = [...model].filter(([, known]) => known === wanted).map(([each]) => each);
          t.deepEqual(
            found.sort((a, b) => a - b),
            expected.sort((a, b) => a - b),
          );
        }
      }
    }),
    seeded(t),
  );
});

test('nothing is found after clear', t => {
  const chains = new HashChains(4);
  chains.add(0, 7);
  chains.clear();
  t.is(chains.first(7), -1);
  t.is(chains.count, 0);
});
