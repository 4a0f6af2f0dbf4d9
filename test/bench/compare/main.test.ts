import { readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type BenchmarkRun, type Result, writeRun } from '../../../bench/results/results.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { runProgram } from '../run.js';
import { benchmarkResult, benchmarkRun, inTurn, sharedMachineRuns, took, twoSides } from './runs.js';

function stored(t: ExecutionContext, run: BenchmarkRun): string {
  const file = temporaryPath(t, 'run.json');
  writeRun(file, run);
  return file;
}

/** Their names as an argument of the command. */
function side(t: ExecutionContext, runs: readonly BenchmarkRun[]): string {
  return runs.map(run => stored(t, run)).join(',');
}

/** Five runs of each side, taken in turn. */
function files(
  t: ExecutionContext,
  base: (off: number) => Result[],
  head: (off: number) => Result[],
): [string, string] {
  const [before, after] = inTurn(5, base, head);
  return [side(t, before), side(t, after)];
}

const quick = (off: number): Result[] => [took(0.001 * off)];
const slow = (off: number): Result[] => [took(0.0012 * off)];
const one = benchmarkRun(quick(1));

test('a table in Markdown, and exit code 1 where something got worse', async t => {
  const { code, stdout } = await runProgram('compare/main', files(t, quick, slow));
  t.is(code, 1);
  t.is(
    stdout,
    `BASE 0123456 of 2026-11-24, 5 runs, HEAD fedcba9 of 2026-11-24, 5 runs
Sample CPU, 2 cores, 8 GB, kernel 6.18.0, Node v20.19.0, Rust 1.91.0

| benchmark | parameters | verdict | CPU | change | wall | change | bytes | change | allocations | change |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
| decode native ipv4 | connections 10,000 | worse | 898 µs → 1.08 ms | +20.2 % (+19.9 % to +20.8 %) | 998 µs → 1.2 ms | +20.2 % (+19.5 % to +21.0 %) |  |  |  |  |

Medians over runs, of one operation; changes with their intervals. A run is one figure, however many samples it took. A row with a verdict is fine when the upper bound of its CPU time lies below +5 %, and worse when the lower bound lies above. Rows without a verdict, floors and other programs decide nothing. ≈: an estimate, which decides nothing.

Worse by more than 5 %: 1 row.
- **decode native ipv4 (connections 10,000)**
`,
  );
});

test('exit code 0 below the threshold, and where it got better', async t => {
  t.is((await runProgram('compare/main', [...files(t, quick, slow), '--threshold', '25%'])).code, 0);
  const { code, stdout } = await runProgram('compare/main', files(t, slow, quick));
  t.is(code, 0);
  t.regex(stdout, /\| fine \|.*\| −16\.\d % \(/);
  t.regex(stdout, /Nothing got worse by more than 5 % \(1 row\)\./);
});

test('one run of each side decides nothing, however many samples it has: exit code 2 and what is lacking', async t => {
  for (const seconds of [0.001, 0.01]) {
    const samples = Array.from({ length: 30 }, () => seconds);
    const other = benchmarkRun([benchmarkResult({ samples, cpu: samples })]);
    const { code, stdout } = await runProgram('compare/main', [stored(t, one), stored(t, other)]);
    t.is(code, 2);
    t.regex(
      stdout,
      /Undecided\. This is no pass\.\n\nNot decided:\n- 1\+1 runs are too few: .*2 of BASE and 2 of HEAD are lacking/,
    );
    t.notRegex(stdout, /Nothing got|Worse by/);
  }
});

test('one commit against itself on a shared machine: exit code 2, and no change is claimed', async t => {
  const runs = sharedMachineRuns().map(run => stored(t, run));
  for (const [base, head] of [
    [runs[0], runs[3]],
    [`${runs[0]},${runs[2]}`, `${runs[1]},${runs[3]}`],
  ]) {
    const { code, stdout } = await runProgram('compare/main', [base, head]);
    t.is(code, 2);
    t.regex(stdout, /Undecided\. This is no pass\./);
    t.notRegex(stdout, /Nothing got|Worse by/);
  }
});

test('memory: estimates are marked, Rust’s exact part stands beside them', async t => {
  const [base, head] = twoSides();
  const { stdout } = await runProgram('compare/main', [side(t, base), side(t, head)]);
  t.regex(stdout, /\| ≈ 400 kB → 280 kB \| ≈ −30\.0 %; Rust's 80 kB → 56 kB, −30\.0 % \| ≈ 12 → 12 \| ≈ 0\.0 % \|/);
});

test('different machines are refused; a flag shows their changes, which decide nothing', async t => {
  const [base, head] = inTurn(5, quick, slow);
  const elsewhere = side(
    t,
    head.map(run => ({ ...run, machine: { ...run.machine, cpu: 'Another CPU' } })),
  );
  const refused = await runProgram('compare/main', [side(t, base), elsewhere]);
  t.is(refused.code, 2);
  t.is(refused.stdout, '');
  t.regex(refused.stderr, /different machines \(cpu: Sample CPU, Another CPU\); --across-machines/);
  const shown = await runProgram('compare/main', [side(t, base), elsewhere, '--across-machines']);
  t.is(shown.code, 2);
  t.regex(shown.stdout, /\*\*Different machines\*\*, cpu: Sample CPU, Another CPU/);
  t.regex(shown.stdout, /- the two were measured on different machines/);
});

test('nothing in common: exit code 2 and what each side has', async t => {
  const other = stored(t, benchmarkRun([benchmarkResult({ parameters: { connections: 5 }, items: 5 })]));
  const { code, stderr } = await runProgram('compare/main', [stored(t, one), other]);
  t.is(code, 2);
  t.regex(stderr, /nothing in common\nBASE alone: .*other parameters \(connections 5\)\nHEAD alone: /);
});

test('a usage error: exit code 2', async t => {
  const file = stored(t, one);
  t.is((await runProgram('compare/main', [file])).code, 2);
  t.is((await runProgram('compare/main', [file, `${file}.not`])).code, 2);
  const much = await runProgram('compare/main', [file, file, '--threshold', 'much']);
  t.is(much.code, 2);
  t.regex(much.stderr, /^bench:compare: --threshold: 'much' is not a percentage\. Write/);
  t.is((await runProgram('compare/main', ['--help'])).code, 0);
});

test('what cannot be judged is no pass, and is named', async t => {
  const more = (off: number): Result => took(0.001 * off, { case: 'export' });
  const isVoid = (off: number): Result => ({ ...more(off), samples: [], extra: { void: 'lost' } });
  const { code, stdout } = await runProgram(
    'compare/main',
    files(
      t,
      off => [...quick(off), more(off)],
      off => [...quick(off), isVoid(off)],
    ),
  );
  t.is(code, 2);
  t.regex(stdout.slice(stdout.indexOf('Not decided')), /export native ipv4 .*: HEAD has not one valid sample \(lost\)/);
  // what is worse is worse, whatever else is missing
  const worse = await runProgram(
    'compare/main',
    files(t, off => [...quick(off), more(off)], slow),
  );
  t.is(worse.code, 1);
  t.regex(worse.stdout, /1 row\. Not everything could be judged\./);
});

test('a file with samples that are no numbers is refused', async t => {
  const file = temporaryPath(t, 'run.json');
  writeFileSync(file, JSON.stringify(one).replace(/"samples":\[[\d.]+/, '"samples":[null'));
  const { code, stderr } = await runProgram('compare/main', [stored(t, one), file]);
  t.is(code, 2);
  t.regex(stderr, /run\.json: the samples of decode \(decode\) are not all positive numbers/);
  t.is((await runProgram('compare/main', [',', file])).code, 2);
});

test('--html writes the page', async t => {
  const [base, head] = twoSides();
  const html = temporaryPath(t, 'page.html');
  await runProgram('compare/main', [side(t, base), side(t, head), '--html', html]);
  t.regex(readFileSync(html, 'utf8'), /^<!doctype html>[^]*<svg/);
});
