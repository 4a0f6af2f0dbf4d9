import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { describeSize, formatSize, parseSize } from '../../src/common/size.js';

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

test('people read a size in the largest unit, rounded', t => {
  const sizes = [0, 512, 1_536, 1_442_604, 209_715_200, 1_610_612_736];
  t.deepEqual(sizes.map(describeSize), ['0 B', '512 B', '1.5 KiB', '1.4 MiB', '200 MiB', '1.5 GiB']);
});

for (const text of ['', '1.5MiB', '-1', '32MB', '32 MiB', '32mib', 'MiB', '1e3']) {
  test(`'${text}' is no size`, t => {
    t.is(t.throws(() => parseSize(text), { instanceOf: CtflowError }).code, 'CTFLOW_USAGE');
  });
}
