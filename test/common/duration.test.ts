import test from 'ava';
import { parseDuration } from '../../src/common/duration.js';
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
