import test from 'ava';
import { filterWords, FILTER_WORDS } from '../../src/row/filter.js';

test('no filter is all zeros', t => {
  t.deepEqual(filterWords({}), new Uint32Array(FILTER_WORDS));
  t.deepEqual(filterWords({ protocols: [] }), new Uint32Array(FILTER_WORDS));
});

test('each condition has its words and its bit', t => {
  const words = filterWords({
    family: 10,
    zone: 0,
    mark: { value: 0xffff_fff0, mask: 0xffff_fff0 },
    status: { value: 4, mask: 12 },
    protocols: [6, 255],
  });
  t.deepEqual([...words.subarray(0, 8)], [10, 0, 0xffff_fff0, 0xffff_fff0, 4, 12, 0b1111, 0]);
  t.deepEqual([...words.subarray(8)], [1 << 6, 0, 0, 0, 0, 0, 0, 0x8000_0000]);
});
