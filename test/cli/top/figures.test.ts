import test from 'ava';
import * as fc from 'fast-check';
import { fit, harmless, short, shortTime } from '../../../src/cli/top/figures.js';
import { seeded } from '../../helpers/seed.js';

test('counts take five characters at most, and what is not known is no zero', t => {
  const known: readonly (readonly [number | undefined, string])[] = [
    [undefined, '-'],
    [0, '0'],
    [999, '999'],
    [1_000, '1.0k'],
    [99_940, '99.9k'],
    [99_960, '100k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [1_234_567_890, '1.2G'],
  ];
  for (const [value, text] of known) t.is(short(value), text);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2 ** 65, noNaN: true }), value => short(value).length <= 5),
    seeded(t),
  );
});

test('times take six characters at most', t => {
  const known: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [59_999, '59s'],
    [65_000, '1m05s'],
    [3_599_999, '59m59s'],
    [86_399_999, '23h59m'],
    [86_400_000, '1d'],
    [9_000 * 86_400_000, '9000d'],
  ];
  for (const [value, text] of known) t.is(shortTime(value), text);
});

test('a text that is too long for its column keeps its beginning and its end', t => {
  t.is(fit('abc', 5), 'abc  ');
  t.is(fit('abc', 5, 'right'), '  abc');
  t.is(fit('[2001:db8:1:2:3:4:5:6]:443', 15), '[2001:d…:6]:443');
  t.is(fit('abc', 1), '…');
  t.is(fit('abc', 0), '');
  t.is(harmless('a\u001b[2J\u0085b\u202e'), 'a?[2J?b?');
});
