import test from 'ava';
import * as fc from 'fast-check';
import { Selection } from '../../../src/daemon/top/selection.js';
import { seeded } from '../../helpers/seed.js';

const SUBJECTS = fc.array(fc.tuple(fc.integer({ min: -3, max: 9 }), fc.integer({ min: 0, max: 3 })), { maxLength: 60 });

test('it takes what sorting takes first, whatever the order in which they are offered', t => {
  fc.assert(
    fc.property(SUBJECTS, fc.integer({ min: 0, max: 20 }), (subjects, most) => {
      const selection = new Selection(most);
      for (const [subject, [first, second]] of subjects.entries()) selection.offer(first, second, subject);
      const sorted = subjects
        .map(([first, second], subject) => ({ first, second, subject }))
        .toSorted((a, b) => b.first - a.first || b.second - a.second || a.subject - b.subject);
      t.deepEqual(
        selection.take(),
        sorted.slice(0, most).map(({ subject }) => subject),
      );
      t.deepEqual(selection.take(), [], 'none is kept');
    }),
    { ...seeded(t), numRuns: 200 },
  );
});

test('what has no place in the order comes last', t => {
  const selection = new Selection(3);
  selection.offer(-Infinity, -1, 0);
  selection.offer(0, 0, 1);
  selection.offer(-5, 0, 2);
  selection.offer(-Infinity, -1, 3);
  t.deepEqual(selection.take(), [1, 2, 0]);
});
