import test from 'ava';
import { each, eachBeside, extra, paired, ratio, scaled, wall } from '../../../bench/targets/figures.js';
import { TARGETS, type Target } from '../../../bench/targets/rows.js';
import { targetTable } from '../../../bench/targets/table.js';
import type { Result } from '../../../bench/results/results.js';
import { benchmarkResult, benchmarkRun } from '../compare/runs.js';

const decode = { subject: 'decode', case: 'decode' };
const fallback = { ...decode, backend: 'fallback' } as const;

/** The cells of the first line, behind the name. */
function cells(target: Omit<Target, 'what' | 'unit'> & Partial<Target>, ...results: Partial<Result>[]): string[] {
  const run = benchmarkRun(results.map(benchmarkResult));
  const [, , row] = targetTable([{ file: 'run.json', run }], [{ what: 'it', unit: 'seconds', ...target }]).split('\n');
  return row
    .split('|')
    .slice(2, -1)
    .map(cell => cell.trim());
}

test('a figure at most so much', t => {
  const target = { figure: wall(decode), most: 0.001 };
  t.deepEqual(cells(target, { samples: [0.001] }), ['at most 1 ms', '1 ms', 'yes', '', '', '1']);
  t.deepEqual(cells(target, { samples: [0.0012] }), ['at most 1 ms', '1.2 ms', 'no, 20 % above', '', '', '1']);
});

test('a figure at least so much, and by how much it is below', t => {
  const target = { figure: ratio(wall(fallback), wall(decode)), least: 4, unit: 'times' } as const;
  const native = { samples: [0.001] };
  t.deepEqual(cells(target, native, { backend: 'fallback', samples: [0.005] }).slice(1, 3), ['5.00 x', 'yes']);
  t.deepEqual(cells(target, native, { backend: 'fallback', samples: [0.003] }).slice(1, 3), [
    '3.00 x',
    'no, 25 % below',
  ]);
});

test('a limit that the run gives', t => {
  const target = { figure: wall(decode), most: scaled(0.5, wall(fallback)) };
  const results = [{ samples: [0.002] }, { backend: 'fallback', samples: [0.006] }] as const;
  t.deepEqual(cells(target, ...results), ['at most 3 ms', '2 ms', 'yes', '', '', '1']);
});

test('medians, what one item costs, what was counted beside, and figures without a limit', t => {
  t.is(cells({ figure: each(decode) }, { items: 4, samples: [1, 9, 4] })[1], '1 s');
  t.deepEqual(cells({ figure: extra(decode, 'rss'), unit: 'bytes' }, { extra: { rss: 5e6 } }), [
    '',
    '5 MB',
    'beside it',
    '',
    '',
    '1',
  ]);
});

test('a ratio of turns: what disturbs one turn disturbs both, and what each item takes in them stands beside', t => {
  const floor = { subject: 'decode', case: 'walk', backend: 'floor' } as const;
  const absolute = { ours: eachBeside(decode, floor, 'cpu'), beside: eachBeside(floor, decode, 'cpu') };
  const target = { figure: paired(decode, floor, 'cpu'), unit: 'times', absolute } as const;
  const ours = { items: 10, samples: [1, 1, 1], cpu: [2e-6, 2e-5, 4e-6] };
  const beside = { ...floor, items: 10, samples: [1, 1], cpu: [1e-6, 1e-5] };
  t.deepEqual(cells(target, ours, beside), ['', '2.00 x', 'beside it', '1.1 µs', '550 ns', '1']);
  t.is(cells(target, ours, { ...beside, cpu: [] })[1], 'not measured');
});

test('what no run has is not measured; other sizes and families are not taken for it', t => {
  const target = { figure: wall({ ...decode, parameters: { connections: 7 } }), most: 1 };
  const lacking = ['at most 1 s', 'not measured', '', '', '', ''];
  t.deepEqual(cells(target), lacking);
  t.deepEqual(cells(target, { parameters: { connections: 8 } }), lacking);
  t.deepEqual(cells(target, { parameters: { connections: 7 }, family: 'ipv6' }), lacking);
  t.deepEqual(cells(target, { parameters: { connections: 7 }, samples: [] }), lacking);
  t.is(cells(target, { parameters: { connections: 7 } })[2], 'yes');
});

test('of several runs the latest that has the figure, and where each is from', t => {
  const at = (date: string, results: Result[]) => benchmarkRun(results, { date });
  const sources = [
    { file: 'late.json', run: at('2026-11-25T00:00:00Z', []) },
    { file: 'old.json', run: at('2026-11-23T00:00:00Z', [benchmarkResult({ samples: [3] })]) },
    { file: 'new.json', run: at('2026-11-24T00:00:00Z', [benchmarkResult({ samples: [2] })]) },
  ];
  const table = targetTable(sources, [{ what: 'it', unit: 'seconds', figure: wall(decode), most: 1 }]);
  t.regex(table, /\| 2 s \| no, 100 % above \|  \|  \| 1 \|/);
  t.regex(table, /^1\. new\.json: 0123456789, 2026-11-24, Sample CPU, 2 cores/m);
  t.notRegex(table, /late\.json|old\.json/);
});

test('a ratio is never made of two runs', t => {
  const figure = ratio(wall(fallback), wall(decode));
  const one = { file: 'a', run: benchmarkRun([benchmarkResult()]) };
  const other = { file: 'b', run: benchmarkRun([benchmarkResult({ backend: 'fallback' })]) };
  t.regex(targetTable([one, other], [{ what: 'it', unit: 'times', figure, least: 1 }]), /not measured/);
});

test('every target has a name of its own', t => {
  t.is(new Set(TARGETS.map(({ what }) => what)).size, TARGETS.length);
});
