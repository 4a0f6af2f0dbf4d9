import test from 'ava';
import * as fc from 'fast-check';
import { SequenceTracker } from '../../src/collector/sequence.js';
import { seeded } from '../helpers/seed.js';

const T = 1_780_000_000;
const MAX = 0xffffffff;

test('messages that follow each other lose nothing', t => {
  const sequence = new SequenceTracker();
  t.deepEqual(sequence.next(0, T, 0), { kind: 'first', lost: 0 }); // templates only
  t.deepEqual(sequence.next(0, T, 5), { kind: 'next', lost: 0 });
  t.deepEqual(sequence.next(5, T, 1), { kind: 'next', lost: 0 });
});

test('the first message sets the base, whatever its number', t => {
  const sequence = new SequenceTracker();
  t.deepEqual(sequence.next(1_000_000, T, 3), { kind: 'first', lost: 0 });
  t.deepEqual(sequence.next(1_000_003, T, 3), { kind: 'next', lost: 0 });
});

test('a gap counts records, not messages', t => {
  const sequence = new SequenceTracker();
  sequence.next(0, T, 5);
  t.deepEqual(sequence.next(12, T, 5), { kind: 'gap', lost: 7 });
  t.deepEqual(sequence.next(17, T, 5), { kind: 'next', lost: 0 });
});

test('numbers wrap at 2^32, with and without a gap', t => {
  const sequence = new SequenceTracker();
  sequence.next(MAX - 1, T, 5);
  t.deepEqual(sequence.next(3, T, 1), { kind: 'next', lost: 0 });
  const other = new SequenceTracker();
  other.next(MAX - 9, T, 5);
  t.deepEqual(other.next(2, T, 1), { kind: 'gap', lost: 7 });
  t.deepEqual(other.next(MAX - 4, T, 6), { kind: 'late', lost: -6 });
  t.deepEqual(other.next(1, T, 1), { kind: 'late', lost: -1 });
});

test('late messages fill their gap piece by piece, and each only once', t => {
  const sequence = new SequenceTracker();
  sequence.next(0, T, 10);
  t.deepEqual(sequence.next(40, T + 1, 10), { kind: 'gap', lost: 30 });
  t.deepEqual(sequence.next(20, T, 10), { kind: 'late', lost: -10 });
  t.deepEqual(sequence.next(20, T, 10), { kind: 'repeated', lost: 0 });
  t.deepEqual(sequence.next(30, T, 10), { kind: 'late', lost: -10 });
  t.deepEqual(sequence.next(10, T, 10), { kind: 'late', lost: -10 });
  t.deepEqual(sequence.next(50, T + 1, 1), { kind: 'next', lost: 0 });
});

test('a repeated message changes nothing', t => {
  const sequence = new SequenceTracker();
  sequence.next(0, T, 5);
  sequence.next(5, T, 5);
  t.deepEqual(sequence.next(5, T, 5), { kind: 'repeated', lost: 0 });
  t.deepEqual(sequence.next(10, T, 5), { kind: 'next', lost: 0 });
});

test('a restart of the exporter is no loss: its export time is newer than all before', t => {
  const sequence = new SequenceTracker();
  sequence.next(5000, T, 5);
  t.deepEqual(sequence.next(0, T + 1, 5), { kind: 'restart', lost: 0 });
  t.deepEqual(sequence.next(5, T + 1, 5), { kind: 'next', lost: 0 });
});

test('after a restart, gaps of the run before are not filled', t => {
  const sequence = new SequenceTracker();
  sequence.next(0, T, 5);
  sequence.next(100, T, 5);
  t.is(sequence.next(0, T + 1, 5).kind, 'restart');
  t.deepEqual(sequence.next(50, T + 1, 5), { kind: 'gap', lost: 45 });
});

test('a restart with a clock that went back is recognized in the end', t => {
  const sequence = new SequenceTracker();
  sequence.next(5000, T, 5);
  const kinds = Array.from({ length: 17 }, (_, i) => sequence.next(i, 0, 1).kind);
  t.deepEqual(kinds, [...Array(15).fill('repeated'), 'restart', 'next']);
});

test('after a message whose records cannot be counted no number is expected', t => {
  const sequence = new SequenceTracker();
  sequence.next(0, T, 5);
  t.deepEqual(sequence.next(7, T, undefined), { kind: 'gap', lost: 2 });
  t.deepEqual(sequence.next(20, T, 5), { kind: 'first', lost: 0 });
  t.deepEqual(sequence.next(26, T, 5), { kind: 'gap', lost: 1 });
});

test('loss is exact for any messages dropped and any neighbours swapped', t => {
  const message = fc.record({ records: fc.integer({ min: 1, max: 40 }), dropped: fc.boolean(), swapped: fc.boolean() });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: MAX }),
      fc.array(message, { minLength: 3, maxLength: 60 }),
      (base, messages) => {
        let at = base;
        const sent = messages.map(({ records, dropped, swapped }, i) => {
          const sequence = at;
          at = (at + records) % (MAX + 1);
          const edge = i === 0 || i === messages.length - 1; // nobody can know of losses at the ends
          return { sequence, records, dropped: dropped && !edge, swapped: swapped && !edge, time: T + i };
        });
        const arriving = sent.filter(({ dropped }) => !dropped);
        for (let i = 1; i < arriving.length - 1; i++) {
          if (arriving[i].swapped) [arriving[i], arriving[i - 1]] = [arriving[i - 1], arriving[i]];
        }
        // what comes before the one that sets the base is not known to have been lost
        arriving.sort((a, b) => (a === sent[0] ? -1 : b === sent[0] ? 1 : 0));
        const tracker = new SequenceTracker();
        let lost = 0;
        for (const { sequence, time, records } of arriving) lost += tracker.next(sequence, time, records).lost;
        t.is(
          lost,
          sent.filter(({ dropped }) => dropped).reduce((sum, { records }) => sum + records, 0),
        );
      },
    ),
    seeded(t),
  );
});
