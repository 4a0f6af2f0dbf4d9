import test from 'ava';
import { isWithin } from '../../src/denied/lifetime.js';

test('a packet matches a connection that existed at its time', t => {
  const lived = { start: 100_000, stop: 200_000 };
  t.true(isWithin(lived, 150_000, true));
  t.false(isWithin(lived, 99_000, true), 'before it');
  t.false(isWithin(lived, 201_000, true), 'after it');
  t.true(isWithin(lived, 99_995, true), 'the packet is stamped before the connection is');
});

test('a time of reading may be later than the packet', t => {
  const lived = { start: 100_000, stop: 200_000 };
  t.true(isWithin(lived, 200_100, false));
  t.false(isWithin(lived, 200_100, true));
  t.false(isWithin(lived, 99_000, false), 'never earlier');
});
