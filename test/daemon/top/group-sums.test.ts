import test from 'ava';
import { GroupSums, MOST_GROUPS } from '../../../src/daemon/top/group-sums.js';

test('connections of one key are summed up, and what is not known is left out of a sum', t => {
  const sums = new GroupSums();
  const add = (key: readonly number[], packets: number, bytes: number, rate: number, start: number): void => {
    sums.key.set(key);
    sums.add(packets, bytes, rate, start);
  };
  add([1, 2, 3, 4, 5], 10, 1000, 5, 300);
  add([1, 2, 3, 4, 6], 1, 1, 1, 1);
  add([1, 2, 3, 4, 5], 20, 2000, Number.NaN, 100);
  add([1, 2, 3, 4, 5], Number.NaN, Number.NaN, Number.NaN, 200);
  t.is(sums.count, 2);
  t.deepEqual([...sums.keyOf(0)], [1, 2, 3, 4, 5]);
  t.deepEqual(
    [sums.connections, sums.packets, sums.bytes, sums.counted, sums.rates, sums.rated, sums.starts].map(all => all[0]),
    [3, 30, 3000, 2, 5, 1, 100],
  );
  t.is(sums.connections[1], 1);
  sums.clear();
  add([1, 2, 3, 4, 6], 7, 70, 0, 9);
  t.deepEqual([sums.count, sums.connections[0], sums.packets[0], sums.starts[0]], [1, 1, 7, 9]);
});

test('beyond the limit of groups connections are counted', t => {
  const sums = new GroupSums();
  for (let i = 0; i < MOST_GROUPS + 3; i++) {
    sums.key[1] = i;
    sums.add(1, 1, 1, 1);
  }
  sums.key[1] = 5;
  sums.add(1, 1, 1, 1);
  t.is(sums.count, MOST_GROUPS);
  t.is(sums.leftOut, 3);
  t.is(sums.connections[5], 2, 'a group that is there still takes');
});

test('keys may have other words, and groups another limit', t => {
  const sums = new GroupSums(10, 4);
  for (let i = 0; i < 6; i++) {
    sums.key[9] = i;
    sums.add(1, 1, 1, 1);
  }
  t.deepEqual([sums.count, sums.leftOut], [4, 2]);
  t.deepEqual([...sums.keyOf(3)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
});
