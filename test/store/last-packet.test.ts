import test from 'ava';
import * as fc from 'fast-check';
import { lastPacketAgo } from '../../src/store/kernel-timeouts.js';
import { seeded } from '../helpers/seed.js';

const NOW = 1_700_000_000_000;

/** The answer on the wall clock; R may be unknown. */
const lastPacketTime = (candidates: number[], remaining: number | undefined, from: number, at: number): number =>
  at - lastPacketAgo(candidates, remaining ?? -1, at - from);

test('the last packet passed T - R ago', t => {
  t.is(lastPacketTime([432_000], 431_998, NOW - 5_000, NOW), NOW - 2_000);
  t.is(lastPacketTime([30], 30, NOW - 5_000, NOW), NOW);
});

test('the first candidate that lies in the window is taken', t => {
  t.is(lastPacketTime([432_000, 300], 297, NOW - 5_000, NOW), NOW - 3_000);
  t.is(lastPacketTime([10, 300], 297, NOW - 5_000, NOW), NOW - 3_000, 'more is left than the first one gives');
  t.is(lastPacketTime([300, 299], 297, NOW - 5_000, NOW), NOW - 3_000);
  t.is(lastPacketTime([310, 299], 297, NOW - 5_000, NOW), NOW - 2_000);
});

test('the kernel rounds R down, so a candidate may lie up to a second before the window, which then holds it', t => {
  t.is(lastPacketTime([120], 115, NOW - 5_000, NOW), NOW - 5_000);
  t.is(lastPacketTime([120], 115, NOW - 4_001, NOW), NOW - 4_001);
  t.is(lastPacketTime([120], 115, NOW - 4_000, NOW), NOW, 'a whole second before: another timeout was at work');
});

test('where no candidate fits, or R is not known, the poll’s time stands', t => {
  t.is(lastPacketTime([], 10, NOW - 5_000, NOW), NOW);
  t.is(lastPacketTime([30], undefined, NOW - 5_000, NOW), NOW);
  t.is(lastPacketTime([30], 31, NOW - 5_000, NOW), NOW);
  t.is(lastPacketTime([30], 10, NOW - 5_000, NOW), NOW);
});

test('with the timer that the kernel set, the answer is within a second of the truth, and always in the window', t => {
  fc.assert(
    fc.property(
      fc.constantFrom(10, 30, 120, 300, 432_000),
      fc.nat(60_000),
      fc.integer({ min: 1, max: 60_000 }),
      (timeout, ago, window) => {
        const remaining = Math.floor((timeout * 1000 - ago) / 1000);
        if (remaining < 0) return;
        const from = NOW - window;
        const answer = lastPacketTime([timeout], remaining, from, NOW);
        if (answer < from || answer > NOW) throw new Error(`${answer} outside the window`);
        if (ago < window && Math.abs(answer - (NOW - ago)) >= 1_000) throw new Error(`${NOW - answer} for ${ago}`);
      },
    ),
    { ...seeded(t), numRuns: 2_000 },
  );
  t.is(lastPacketTime([30], 29, NOW - 10, NOW), NOW - 10);
});
