import test from 'ava';
import { RecentMap } from '../../src/collector/recent-map.js';

test('the entry read or set last is evicted last', t => {
  const map = new RecentMap<string, number>();
  map.set('a', 1);
  map.set('b', 2);
  map.set('c', 3);
  t.is(map.get('a'), 1);
  t.is(map.get('a'), 1);
  t.is(map.get('d'), undefined);
  t.is(map.size, 3);
  t.deepEqual([map.evict(), map.evict(), map.evict(), map.evict()], [2, 3, 1, undefined]);
  t.is(map.size, 0);
});

test('a key that was removed returns as the newest', t => {
  const map = new RecentMap<string, number>();
  map.set('a', 1);
  t.is(map.evict(), 1);
  map.set('b', 2);
  map.set('a', 3);
  t.is(map.evict(), 2);
});
