import test from 'ava';
import { cacheLines, copyEight, sameEight } from '../../src/row/words.js';

test('memory of whole cache lines is as long as asked for, all zero, and has room for every kind of number', t => {
  const bytes = cacheLines(192);
  t.deepEqual(bytes, new Uint8Array(192));
  const { buffer, byteOffset } = bytes;
  t.is(new Float64Array(buffer, byteOffset).length, 24);
  t.is(buffer.byteLength, byteOffset + 192);
});

test('eight words are copied from where they stand to where they belong, and no other', t => {
  const from = Uint32Array.from({ length: 12 }, (_, i) => 0xffff_ff00 + i);
  const to = new Uint32Array(13);
  copyEight(to, 3, from, 2);
  t.deepEqual(to, Uint32Array.of(0, 0, 0, ...from.subarray(2, 10), 0, 0));
});

test('eight words are the same only where each of them is', t => {
  const a = Uint32Array.from({ length: 12 }, (_, i) => 0xffff_ff00 + i);
  const b = new Uint32Array(13);
  b.set(a.subarray(2, 10), 3);
  t.true(sameEight(a, 2, b, 3));
  for (let word = 0; word < 13; word++) {
    const other = b.slice();
    other[word] ^= 0x8000_0000;
    t.is(sameEight(a, 2, other, 3), word < 3 || word > 10, `word ${word}`);
  }
});
