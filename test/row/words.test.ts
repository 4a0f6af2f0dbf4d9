import test from 'ava';
import { cacheLines } from '../../src/row/words.js';

test('memory of whole cache lines is as long as asked for, all zero, and has room for every kind of number', t => {
  const bytes = cacheLines(192);
  t.deepEqual(bytes, new Uint8Array(192));
  const { buffer, byteOffset } = bytes;
  t.is(new Float64Array(buffer, byteOffset).length, 24);
  t.is(buffer.byteLength, byteOffset + 192);
});
