import test from 'ava';
import { RecentMap } from '../../../src/inventory/addresses/recent-map.js';

test('what was asked for lately stays, and the map never grows beyond its limit', t => {
  const map = new RecentMap<number, string>(100);
  map.set(0, 'asked for');
  let gone = 0;
  for (let key = 1; key < 1_000; key++) {
    t.is(map.get(0), 'asked for');
    t.is(map.get(key), undefined);
    gone += map.set(key, 'once');
    t.true(map.size <= 100);
  }
  t.is(map.get(999), 'once');
  t.is(map.get(500), undefined);
  t.is(gone, 1_000 - map.size);
  map.clear();
  t.is(map.size, 0);
  t.is(map.get(0), undefined);
});

test('a map of one entry is one', t => {
  const map = new RecentMap<string, number>(1);
  map.set('a', 1);
  map.set('b', 2);
  t.is(map.get('b'), 2);
  map.set('c', 3);
  t.is(map.get('c'), 3);
});
