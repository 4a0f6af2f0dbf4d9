import { readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type BenchmarkRun, writeRun } from '../../../bench/results/results.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { runProgram } from '../run.js';
import { around, benchmarkResult, benchmarkRun, twoRuns } from './runs.js';

function stored(t: ExecutionContext, run: BenchmarkRun): string {
  const file = temporaryPath(t, 'run.json');
  writeRun(file, run);
  return file;
}

const quick = benchmarkRun([benchmarkResult({ samples: around(0.001) })]);
const slow = benchmarkRun([benchmarkResult({ samples: around(0.0012) })], {
  commit: 'fedcba98'.repeat(5),
  dirty: true,
});

test('a table in Markdown, and exit code 1 where something got worse', async t => {
  const { code, stdout } = await runProgram('compare/main', [stored(t, quick), stored(t, slow)]);
  t.is(code, 1);
  t.is(
    stdout,
    `BASE 0123456 of 2026-11-24, HEAD fedcba9 with changes of 2026-11-24
Sample CPU, 2 cores, 8 GB, kernel 6.18.0, Node v20.19.0, Rust 1.91.0

| benchmark | parameters | time | change | bytes | change | allocations | change |
|---|---|---:|---:|---:|---:|---:|---:|
| decode native ipv4 | connections 10,000 | 1 ms → 1.2 ms | +20.0 % (p<0.001, n=11+11) |  |  |  |  |

Medians of one operation. Floors and other programs decide nothing. ~: no more than chance (Mann-Whitney U, p ≥ 0.05). ≈: an estimate, which decides nothing.

1 of 1 got significantly worse by more than 5 %:
- **decode native ipv4 (connections 10,000)**
`,
  );
});

test('exit code 0 below the threshold, and where it got better', async t => {
  t.is((await runProgram('compare/main', [stored(t, quick), stored(t, slow), '--threshold', '25%'])).code, 0);
  const { code, stdout } = await runProgram('compare/main', [stored(t, slow), stored(t, quick)]);
  t.is(code, 0);
  t.regex(stdout, /\| −16\.7 % \(p<0\.001, n=11\+11\) \|/);
  t.regex(stdout, /Nothing got significantly worse by more than 5 %\./);
});

test('the same samples on both sides: ~', async t => {
  const { code, stdout } = await runProgram('compare/main', [stored(t, quick), stored(t, quick)]);
  t.is(code, 0);
  t.regex(stdout, /\| ~ \(p=1\.000, n=11\+11\) \|/);
});

test('memory: estimates are marked, Rust’s exact part stands beside them', async t => {
  const [base, head] = twoRuns();
  const { stdout } = await runProgram('compare/main', [stored(t, base), stored(t, head)]);
  t.regex(stdout, /\| ≈ 400 kB → 280 kB \| ≈ −30\.0 %; Rust's 80 kB → 56 kB, −30\.0 % \| ≈ 12 → 12 \| ≈ 0\.0 % \|/);
});

test('different machines are refused unless a flag allows them', async t => {
  const elsewhere = stored(t, { ...quick, machine: { ...quick.machine, cpu: 'Another CPU' } });
  const refused = await runProgram('compare/main', [stored(t, quick), elsewhere]);
  t.is(refused.code, 2);
  t.is(refused.stdout, '');
  t.regex(refused.stderr, /different machines \(cpu: Sample CPU, Another CPU\); --across-machines/);
  const told = await runProgram('compare/main', [stored(t, quick), elsewhere, '--across-machines']);
  t.is(told.code, 0);
  t.regex(told.stdout, /\*\*Different machines\*\*, cpu: Sample CPU, Another CPU/);
});

test('nothing in common: exit code 2 and what each side has', async t => {
  const other = stored(t, benchmarkRun([benchmarkResult({ parameters: { connections: 5 }, items: 5 })]));
  const { code, stderr } = await runProgram('compare/main', [stored(t, quick), other]);
  t.is(code, 2);
  t.regex(stderr, /nothing in common\nBASE alone: .*other parameters \(connections 5\)\nHEAD alone: /);
});

test('a usage error: exit code 2', async t => {
  const file = stored(t, quick);
  t.is((await runProgram('compare/main', [file])).code, 2);
  t.is((await runProgram('compare/main', [file, `${file}.not`])).code, 2);
  const much = await runProgram('compare/main', [file, file, '--threshold', 'much']);
  t.is(much.code, 2);
  t.regex(much.stderr, /^bench:compare: --threshold: 'much' is not a percentage\. Write/);
  t.is((await runProgram('compare/main', ['--help'])).code, 0);
});

const three = (samples: number[]): BenchmarkRun => benchmarkRun([benchmarkResult({ samples })]);

test('too few samples decide nothing: exit code 2, and it is said', async t => {
  for (const [few, many] of [
    [[1], [2]],
    [
      [1, 1, 1],
      [10, 10, 10],
    ],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    [[1], Array.from({ length: 30 }, (_, i) => i + 2)],
  ]) {
    const { code, stdout } = await runProgram('compare/main', [stored(t, three(few)), stored(t, three(many))]);
    t.is(code, 2);
    t.regex(stdout, new RegExp(`Not decided: 1 could[^]*${few.length}\\+${many.length} samples are too few`));
    t.notRegex(stdout, /Nothing got/);
  }
  const enough = await runProgram('compare/main', [stored(t, three([1, 2, 3, 4])), stored(t, three([5, 6, 7, 8]))]);
  t.is(enough.code, 1);
});

test('a side that is void, or missing, is no pass: it is named, with exit code 2', async t => {
  const more = benchmarkResult({ case: 'export', samples: around(0.001) });
  const whole = benchmarkRun([benchmarkResult(), more]);
  const memory = { bytes: 1, allocations: 1, estimated: false };
  const wanting: [BenchmarkRun, RegExp][] = [
    [
      benchmarkRun([benchmarkResult(), { ...more, samples: [], extra: { void: 'lost' } }]),
      /not one valid sample \(lost\)/,
    ],
    [benchmarkRun([benchmarkResult()]), /export native ipv4 .*the other side did not measure it/],
    [benchmarkRun([benchmarkResult(), { ...more, items: 5, parameters: { connections: 5 } }]), /with other parameters/],
    [benchmarkRun([benchmarkResult(), { ...more, memory }]), /has no figures of memory/],
  ];
  for (const [other, said] of wanting) {
    for (const [base, head] of [
      [whole, other],
      [other, whole],
    ]) {
      const { code, stdout } = await runProgram('compare/main', [stored(t, base), stored(t, head)]);
      t.is(code, 2, String(said));
      t.regex(stdout.slice(stdout.indexOf('Not decided')), said);
    }
  }
  // what is worse is worse, whatever else is missing
  const slower = benchmarkRun([benchmarkResult({ samples: around(0.002) })]);
  t.is((await runProgram('compare/main', [stored(t, whole), stored(t, slower)])).code, 1);
});

test('floors and other programs are shown, and decide nothing', async t => {
  const floors = (['kernel', 'floor', 'peer'] as const).map(backend => benchmarkResult({ backend }));
  const slower = floors.map(floor => ({ ...floor, samples: around(0.01) }));
  const beside = (more: typeof floors): string => stored(t, benchmarkRun([benchmarkResult(), ...more]));
  const shown = await runProgram('compare/main', [beside(floors), beside(slower)]);
  t.is(shown.code, 0);
  t.regex(shown.stdout, /decode peer ipv4 .*\+900/);
  const voidFloors = await runProgram('compare/main', [
    beside(floors),
    beside(floors.map(f => ({ ...f, samples: [] }))),
  ]);
  t.is(voidFloors.code, 0);
  t.is((await runProgram('compare/main', [beside(floors), beside([])])).code, 0);
  const alone = await runProgram('compare/main', [stored(t, benchmarkRun(floors)), stored(t, benchmarkRun(slower))]);
  t.is(alone.code, 2);
  t.regex(alone.stdout, /nothing of ctflow itself/);
});

test('a file with samples that are no numbers is refused', async t => {
  const file = temporaryPath(t, 'run.json');
  writeFileSync(file, JSON.stringify(quick).replace(/"samples":\[[\d.]+/, '"samples":[null'));
  const { code, stderr } = await runProgram('compare/main', [stored(t, quick), file]);
  t.is(code, 2);
  t.regex(stderr, /run\.json: the samples of decode \(decode\) are not all positive numbers/);
  t.is((await runProgram('compare/main', [',', file])).code, 2);
});

test('several runs of a side, joined by commas', async t => {
  const base = `${stored(t, quick)},${stored(t, quick)}`;
  const { code, stdout } = await runProgram('compare/main', [base, stored(t, slow)]);
  t.is(code, 1);
  t.regex(stdout, /n=22\+11/);
});

test('the page is one file that loads nothing', async t => {
  const [base, head] = twoRuns();
  const html = temporaryPath(t, 'page.html');
  await runProgram('compare/main', [stored(t, base), stored(t, head), '--html', html]);
  const text = readFileSync(html, 'utf8');
  t.regex(text, /<svg/);
  t.notRegex(text, /(?:src|href)="(?!data:)/);
  t.notRegex(text, /<script|@import|url\(/);
  t.notRegex(text, /NaN|undefined/);
});
