import test from 'ava';
import { Attributes } from '../../src/netlink/attributes.js';

function viewOf(bytes: number[]): DataView {
  return new DataView(Uint8Array.from(bytes).buffer);
}

function walk(bytes: number[], littleEndian = true): { seen: number[][]; broken: boolean } {
  const attributes = new Attributes();
  const seen: number[][] = [];
  attributes.enter(viewOf(bytes), littleEndian, 0, bytes.length);
  while (attributes.next()) seen.push([attributes.type, attributes.payload, attributes.size]);
  return { seen, broken: attributes.broken };
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
    t.deepEqual(walk([4, 0, 1, 0, length, 0, 2, 0, 1, 2, 3, 4]).broken, length !== 8, String(length));
    t.is(walk([4, 0, 1, 0, length, 0, 2, 0, 1, 2, 3, 4]).seen.length, 1);
  }
});

test('a cursor can be used again after a malformed attribute', t => {
  const attributes = new Attributes();
  attributes.enter(viewOf([0, 0, 0, 0]), true, 0, 4);
  t.false(attributes.next());
  t.true(attributes.broken);
  attributes.enter(viewOf([4, 0, 7, 0]), true, 0, 4);
  t.true(attributes.next());
  t.false(attributes.broken);
});
