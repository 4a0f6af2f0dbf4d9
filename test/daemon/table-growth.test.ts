import test from 'ava';
import { removalMark, TableGrowth, type TableForecast } from '../../src/daemon/table-growth.js';

const LIMIT = 100_000;

type Looks = readonly (readonly [at: number, entries: number])[];

function growthOf(looks: Looks): TableGrowth {
  const growth = new TableGrowth();
  for (const [at, entries] of looks) growth.observe({ entries, limit: LIMIT }, at);
  return growth;
}

/** What the last look says. */
function grown(...looks: Looks): TableForecast | undefined {
  return growthOf(looks).forecast(looks.at(-1)![0]);
}

test('one look says nothing of growth, and no table says nothing at all', t => {
  t.is(grown([0, 5]), undefined);
  const growth = new TableGrowth();
  growth.observe(undefined, 0);
  growth.observe(undefined, 5_000);
  t.is(growth.forecast(5_000), undefined);
});

test('a table that fills is forecast to its 95th percent, and to its last', t => {
  t.deepEqual(grown([0, 10_000], [10_000, 15_000]), {
    rate: 500,
    span: 10_000,
    removesIn: 160_000,
    fullIn: 170_000,
  });
  t.is(removalMark(262_144), 248_995, 'as the kernel divides');
});

test('one that shrinks or stands still is not forecast to be full', t => {
  t.deepEqual(grown([0, 15_000], [10_000, 10_000]), { rate: -500, span: 10_000 });
  t.deepEqual(grown([0, 15_000], [10_000, 15_000]), { rate: 0, span: 10_000 });
});

test('the time since the last look is over', t => {
  const growth = growthOf([
    [0, 10_000],
    [10_000, 15_000],
  ]);
  t.like(growth.forecast(40_000), { removesIn: 130_000, fullIn: 140_000 });
  t.like(growth.forecast(175_000), { removesIn: 0, fullIn: 5_000 });
  t.like(growth.forecast(200_000), { removesIn: 0, fullIn: 0 });
});

test('what has come is 0, whatever the rate', t => {
  t.deepEqual(grown([0, 97_000], [1_000, 96_000]), { rate: -1_000, span: 1_000, removesIn: 0 });
  t.deepEqual(grown([0, LIMIT], [1_000, LIMIT]), { rate: 0, span: 1_000, removesIn: 0, fullIn: 0 });
});

test('where there is no limit it never fills', t => {
  const growth = new TableGrowth();
  for (const at of [0, 1_000]) growth.observe({ entries: at, limit: 0 }, at);
  t.deepEqual(growth.forecast(), { rate: 1_000, span: 1_000 });
});

test('the rate is that of the last minute, or of the last two looks where they are further apart', t => {
  const looks = Array.from({ length: 500 }, (_, i): [number, number] => [i * 1_000, i < 400 ? 0 : (i - 400) * 10]);
  const { rate, span } = grown(...looks)!;
  t.true(span >= 59_000 && span <= 61_000, String(span));
  t.is(rate, 10);
  t.deepEqual(grown([0, 0], [3_600_000, 0], [3_605_000, 50])!.rate, 10);
  t.is(grown([0, 0], [3_600_000, 7_200])!.rate, 2);
});

test('many looks in a second are one', t => {
  const looks = Array.from({ length: 301 }, (_, i): [number, number] => [i * 200, i]);
  const { rate, span } = grown(...looks)!;
  t.true(Math.abs(rate - 5) < 0.01 && span <= 60_000);
});
