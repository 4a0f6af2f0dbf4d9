import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { formatSize, parseSize } from '../../src/common/size.js';

for (const [text, bytes] of [
  ['0', 0],
  ['512', 512],
  ['512B', 512],
  ['64KiB', 65_536],
  ['32MiB', 33_554_432],
  ['1GiB', 1_073_741_824],
] as const) {
  test(`${text} is ${bytes} bytes`, t => {
    t.is(parseSize(text), bytes);
    t.is(parseSize(formatSize(bytes)), bytes);
  });
}

test('a size is written in the largest unit that leaves no rest', t => {
  t.deepEqual([33_554_432, 4096, 1000, 0].map(formatSize), ['32MiB', '4KiB', '1000B', '0B']);
});

for (const text of ['', '1.5MiB', '-1', '32MB', '32 MiB', '32mib', 'MiB', '1e3']) {
  test(`'${text}' is no size`, t => {
    t.is(t.throws(() => parseSize(text), { instanceOf: CtflowError }).code, 'CTFLOW_USAGE');
  });
}
