import test from 'ava';
import { mostExported } from '../../src/state/most-exported.js';
import { udp } from '../helpers/builders/connections.js';
import { rows } from '../helpers/builders/rows.js';

const { u32: row } = rows(udp(1, 1_000, [9, 900, 3, 2 ** 33]));
const counters = (...words: number[]): Uint32Array => Uint32Array.from({ length: 8 }, (_, i) => words[i] ?? 0);

test('of several destinations that count which has exported most counts, each counter by itself', t => {
  const most = mostExported([counters(5, 0, 500, 0, 1), counters(7, 0, 400, 0, 2, 0, 0, 1)], row, 0);
  t.deepEqual(most, counters(7, 0, 500, 0, 2, 0, 0, 1));
  const all = [counters(1), counters(2)];
  mostExported(all, row, 0);
  t.deepEqual(all, [counters(1), counters(2)], 'each stays as it is');
});

test('counters below zero, as after a reset, are less than none', t => {
  const below = counters(0xffff_fff0, 0xffff_ffff);
  t.deepEqual(mostExported([below, counters()], row, 0), counters());
  t.deepEqual(mostExported([counters(), below], row, 0), counters());
});

test('where one is not known nothing is', t => {
  t.is(mostExported([counters(5), undefined], row, 0), undefined);
  t.is(mostExported([undefined, counters(5)], row, 0), undefined);
  t.is(mostExported([], row, 0), undefined);
});
