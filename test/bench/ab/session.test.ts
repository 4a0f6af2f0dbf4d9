import test from 'ava';
import type { MeasuredPair, Outcome } from '../../../bench/ab/pair.js';
import { ruleFor } from '../../../bench/ab/rule.js';
import { runSession, type Session } from '../../../bench/ab/session.js';
import { report } from '../../../bench/ab/report.js';
import type { AbRun } from '../../../bench/ab/result.js';
import type { Job } from '../../../bench/run/job.js';
import type { Result } from '../../../bench/results/results.js';
import { seededRandom } from '../../../bench/workload/random.js';
import { benchmarkResult } from '../compare/runs.js';

const PRIMARY = [
  { subject: 'decode', case: 'decode', backend: 'native' },
  { subject: 'encode', case: 'encode', backend: 'native' },
] as const;
const job = (subject: string): Job => ({ subject }) as Job;
const JOBS = [job('decode'), job('encode')];

type Answer = (subject: string, round: number) => Outcome;

/** A session over answers instead of processes. */
function session(base: Answer, head: Answer, more: Partial<Session> = {}): ReturnType<typeof runSession> {
  const rounds = new Map<string, number>();
  return runSession({
    jobs: JOBS,
    primary: PRIMARY,
    rule: ruleFor(0.05, PRIMARY.length, 27),
    time: 60_000,
    async measure({ subject }): Promise<MeasuredPair> {
      const round = (rounds.get(subject) ?? 0) + 1;
      rounds.set(subject, round);
      const at = new Date(round).toISOString();
      return { at, first: 'base', base: base(subject, round), head: head(subject, round) };
    },
    ...more,
  });
}

const random = seededRandom(5);

/** What a process answers: a row of the subject, `cost` times as dear as usual, that sways by a percent. */
function answer(subject: string, cost = 1, more: Partial<Result> = {}): { results: Result[] } {
  const cpu = 0.001 * cost * (1 + random() / 100);
  return {
    results: [benchmarkResult({ subject, case: subject, samples: [cpu * 1.1], cpu: [cpu], gc: 1e-6, ...more })],
  };
}

const usual: Answer = subject => answer(subject);

test('two sides that are alike are fine, after the first look', async t => {
  const { verdict, end, rows, problems, drift } = await session(usual, usual);
  t.is(verdict, 'fine');
  t.is(end, 'decided');
  t.deepEqual(problems, []);
  t.is(drift.length, 12);
  t.true(drift.every(({ wall, cpu }) => wall > 0 && cpu > 0));
  t.deepEqual(
    rows.map(({ verdict, pairs, cpu }) => [verdict, pairs.length, cpu!.low! < 0 && cpu!.high! > 0]),
    [
      ['fine', 12, true],
      ['fine', 12, true],
    ],
  );
});

test('a row that is slower is worse, by its name', async t => {
  const { verdict, rows } = await session(usual, subject => answer(subject, subject === 'encode' ? 1.1 : 1));
  t.is(verdict, 'worse');
  t.deepEqual(
    rows.map(({ subject, verdict }) => [subject, verdict]),
    [
      ['decode', 'fine'],
      ['encode', 'worse'],
    ],
  );
});

test('a row that is decided is not measured any longer', async t => {
  const { rows } = await session(usual, subject => answer(subject, subject === 'encode' ? 1.05 : 1));
  t.deepEqual(
    rows.map(({ pairs }) => pairs.length),
    [12, 27],
  );
});

test('what cannot be told apart from the threshold is undecided, and no pass', async t => {
  const { verdict, end } = await session(usual, subject => answer(subject, 1.05));
  t.is(verdict, 'undecided');
  t.is(end, 'pairs');
});

test('when the time is over it is undecided', async t => {
  const { verdict, end, rows } = await session(usual, usual, { time: 0 });
  t.deepEqual([verdict, end, rows[0].pairs.length, rows[0].cpu!.low], ['undecided', 'time', 1, null]);
});

test('only rows of ctflow decide: a floor and a peer that got slower are shown', async t => {
  const withOthers =
    (cost: number): Answer =>
    subject => ({
      results: [
        ...answer(subject).results,
        ...answer(subject, cost, { case: 'floor', backend: 'kernel' }).results,
        ...answer(subject, cost, { case: 'other', backend: 'peer' }).results,
      ],
    });
  const { verdict, rows } = await session(withOthers(1), withOthers(3));
  t.is(verdict, 'fine');
  const floor = rows.find(({ backend }) => backend === 'kernel')!;
  t.is(floor.verdict, undefined);
  t.true(floor.cpu!.low! > 1.5);
});

for (const [what, head, problem] of [
  [
    'no valid sample',
    () => answer('decode', 1, { samples: [], cpu: [], extra: { void: 90, why: 'too few' } }),
    /^decode native: HEAD has no CPU time in 3 of 3 pairs: not one valid sample \(too few\)\.$/,
  ],
  ['no such row', () => ({ results: [] }), /^decode native: HEAD .* 3 of 3 pairs: it does not measure this row\.$/],
  ['a process that fails', () => ({ failed: 'exit 1' }), /^decode native: HEAD .* 3 of 3 pairs: exit 1\.$/],
  [
    'no CPU time',
    () => ({ results: answer('decode').results.map(({ cpu: _, ...rest }) => rest) }),
    /3 of 3 pairs: its worker takes none\.$/,
  ],
] as const) {
  test(`a side with ${what} is named, is no pass, and is not waited for`, async t => {
    const run = await session(usual, subject => (subject === 'decode' ? head() : answer(subject)));
    t.is(run.verdict, 'undecided');
    t.is(run.end, 'decided');
    t.is(run.problems.length, 1);
    t.regex(run.problems[0], problem);
    const decode = run.rows.find(({ subject }) => subject === 'decode')!;
    t.deepEqual([decode.verdict, decode.pairs.length], ['undecided', 3]);
    t.regex(decode.why!, /HEAD has no CPU time/);
    t.regex(report({ ...WHOLE, ...run }), /\*\*Undecided: decode native\. This is no pass\.\*\*/);
  });
}

test('a side without a row that is not primary is no pass either', async t => {
  const more: Answer = subject => ({
    results: [...answer(subject).results, ...answer(subject, 1, { case: 'new' }).results],
  });
  const { verdict, problems } = await session(more, usual);
  t.is(verdict, 'undecided');
  t.regex(
    problems.join(),
    /^decode new native: HEAD has no CPU time in 12 of 12 pairs: it does not measure this row\./,
  );
});

test('a single pair without a sample is left out', async t => {
  const once: Answer = (subject, round) => (round === 5 ? { failed: 'killed' } : answer(subject));
  const { verdict, rows } = await session(usual, once);
  t.is(verdict, 'fine');
  t.deepEqual([rows[0].pairs.length, rows[0].cpu!.pairs, rows[0].pairs[4].head.void], [12, 11, 'killed']);
});

test('a primary row that neither side has, or has with other parameters, is named', async t => {
  const none = await session(
    () => ({ results: [] }),
    () => ({ results: [] }),
  );
  t.is(none.verdict, 'undecided');
  t.deepEqual(none.problems, ['decode native: neither side measures it.', 'encode native: neither side measures it.']);
  const other = await session(usual, subject => answer(subject, 1, { parameters: { connections: 5 } }));
  t.is(other.verdict, 'undecided');
  t.is(other.problems[0], 'decode native: it was measured with different parameters.');
});

const WHOLE: Omit<AbRun, keyof Awaited<ReturnType<typeof runSession>>> = {
  version: 1,
  base: { name: 'main', commit: '0123456789abcdef' },
  head: { name: 'abcdef0123', commit: 'abcdef0123456789' },
  began: '2026-11-27T05:00:00.000Z',
  ended: '2026-11-27T05:10:00.000Z',
  machine: { cpu: 'Sample CPU', cores: 2, memory: 8e9, kernel: '6.18.0', node: 'v20.19.0', rust: '1.91.0' },
  rule: { threshold: 0.05, alpha: 0.05, looks: [12, 18, 27], primary: 2, leastPairs: 8 },
};

test('what is printed names sides, verdict, interval, collections and pairs', async t => {
  const text = report({
    ...WHOLE,
    ...(await session(usual, subject => answer(subject, subject === 'encode' ? 1.2 : 1))),
  });
  t.regex(text, /^BASE main \(0123456789\), HEAD abcdef0123\n/);
  t.regex(text, /\*\*Worse by more than 5 %: encode native\.\*\*/);
  t.regex(
    text,
    /^\| encode native \| worse \| 10\d ns \| 12\d ns \| \+(19|20)\.\d % \(\+1\d\.\d % to \+2\d\.\d %\) .* \| 0\.1 % → 0\.1 % \| 12 \|$/m,
  );
});
