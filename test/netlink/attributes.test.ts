import test from 'ava';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import { ATTRIBUTE_HEADER, fits, headerOf, lengthOf, spanOf, typeOf } from '../../src/netlink/attributes.js';

function walk(bytes: number[], littleEndian = true): { seen: number[][]; broken: boolean } {
  const padded = Uint8Array.from({ length: (bytes.length + 3) & ~3 }, (_, i) => bytes[i] ?? 0);
  const words = new Int32Array(padded.buffer);
  const seen: number[][] = [];
  for (let next = 0; bytes.length - next >= ATTRIBUTE_HEADER;) {
    const header = headerOf(words[next >> 2], littleEndian !== HOST_LITTLE_ENDIAN);
    const length = lengthOf(header);
    if (!fits(length, bytes.length - next)) return { seen, broken: true };
    seen.push([typeOf(header), next + ATTRIBUTE_HEADER, length - ATTRIBUTE_HEADER]);
    next += spanOf(length);
  }
  return { seen, broken: false };
}

test('attributes follow each other at four-byte boundaries', t => {
  t.deepEqual(walk([5, 0, 1, 0, 9, 0, 0, 0, 4, 0, 2, 0, 6, 0, 3, 0, 1, 2, 0, 0]), {
    seen: [
      [1, 4, 1],
      [2, 12, 0],
      [3, 16, 2],
    ],
    broken: false,
  });
});

test('headers are in either byte order', t => {
  t.deepEqual(walk([0, 6, 0, 3, 1, 2, 0, 0], false), { seen: [[3, 4, 2]], broken: false });
});

test('NLA_F_NESTED and NLA_F_NET_BYTEORDER are not part of the type', t => {
  t.deepEqual(walk([4, 0, 1, 0xc0]).seen, [[1, 4, 0]]);
});

test('the padding of the last attribute may be missing', t => {
  t.deepEqual(walk([5, 0, 1, 0, 9]), { seen: [[1, 4, 1]], broken: false });
});

test('fewer than four bytes at the end are padding', t => {
  t.deepEqual(walk([4, 0, 1, 0, 9, 9, 9]), { seen: [[1, 4, 0]], broken: false });
});

test('a length below the header, or beyond the container, ends the walk', t => {
  for (const length of [0, 3, 9, 255]) {
    t.true(walk([4, 0, 1, 0, length, 0, 2, 0, 1, 2, 3, 4]).broken, String(length));
    t.is(walk([4, 0, 1, 0, length, 0, 2, 0, 1, 2, 3, 4]).seen.length, 1);
  }
});
