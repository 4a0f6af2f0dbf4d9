import test from 'ava';
import { describeDuration, parseDuration } from '../../src/common/duration.js';
import { CtflowError } from '../../src/common/errors.js';

test('reads durations as milliseconds', t => {
  const read = { '5s': 5000, '250ms': 250, '1m30s': 90_000, '2h': 7_200_000, '1d': 86_400_000, '1.5s': 1500, '0s': 0 };
  for (const [text, milliseconds] of Object.entries(read)) t.is(parseDuration(text), milliseconds, text);
});

for (const text of ['', '5', 's', '-5s', '5 s', '5x', '1e3s', 'Infinity', '5s!']) {
  test(`'${text}' is not a duration`, t => {
    t.like(
      t.throws(() => parseDuration(text), { instanceOf: CtflowError }),
      { code: 'CTFLOW_USAGE' },
    );
  });
}

test('people read the two largest units of a duration', t => {
  const read = {
    '0 s': 400,
    '59 s': 59_400,
    '1 min': 60_000,
    '2 h 1 min': 7_290_000,
    '364 d 23 h': 31_535_999_000,
  };
  for (const [text, milliseconds] of Object.entries(read)) t.is(describeDuration(milliseconds), text);
});
