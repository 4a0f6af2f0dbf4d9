import test from 'ava';
import { BackOff, spread } from '../../src/transport/back-off.js';

test('each failed attempt doubles the wait, up to eight times the first or to what is given, until one succeeds', t => {
  const waits = (backOff: BackOff): number[] => Array.from({ length: 6 }, () => backOff.next());
  const backOff = new BackOff(250);
  t.false(backOff.failing);
  t.deepEqual(waits(backOff), [250, 500, 1_000, 2_000, 2_000, 2_000]);
  t.true(backOff.failing);
  backOff.reset();
  t.false(backOff.failing);
  t.is(backOff.next(), 250);
  t.deepEqual(waits(new BackOff(100, 150)), [100, 150, 150, 150, 150, 150]);
});

test('after thousands of failures a wait is still a number', t => {
  const [none, some] = [new BackOff(0), new BackOff(1)];
  for (let i = 0; i < 2_000; i++) t.deepEqual([none.next(), some.next() <= 8], [0, true]);
});

test('times are spread by a quarter at most', t => {
  const times = Array.from({ length: 1_000 }, () => spread(1_000));
  t.true(times.every(time => time >= 750 && time <= 1_250));
  t.true(Math.max(...times) - Math.min(...times) > 250);
});
