import test from 'ava';
import { compare, type Comparison } from '../../../bench/compare/comparison.js';
import { sideOf } from '../../../bench/compare/side.js';
import type { BenchmarkRun, Memory, Result } from '../../../bench/results/results.js';
import { benchmarkResult, benchmarkRun, inTurn, sharedMachineRuns, took } from './runs.js';

type Sides = readonly [base: readonly BenchmarkRun[], head: readonly BenchmarkRun[]];

function of([base, head]: Sides, threshold = 0.05): Comparison {
  return compare(sideOf(base), sideOf(head), threshold);
}

/** So many runs of a row that takes `ratio` times as long in HEAD. */
function slower(ratio: number, count: number, more: Partial<Result> = {}): Sides {
  return inTurn(
    count,
    off => [took(0.001 * off, more)],
    off => [took(0.001 * off * ratio, more)],
  );
}

/** One run of a side with a row for each subject. */
function rowsOf(subjects: readonly string[], off: number): Result[] {
  return subjects.map(subject => took(0.001 * off, { subject, case: subject }));
}

function memory(more: Partial<Memory>): { memory: Memory } {
  return { memory: { bytes: 1000, allocations: 10, estimated: false, ...more } };
}

test('a row is worse when the lower bound of its CPU time is above the threshold', t => {
  const { verdict, rows, worse } = of(slower(1.1, 5));
  t.is(verdict, 'worse');
  t.deepEqual(worse, rows);
  const [{ cpu }] = rows;
  t.true(Math.abs(cpu!.change - 0.1) < 0.01);
  t.true(cpu!.low! > 0.05 && cpu!.low! < cpu!.change && cpu!.change < cpu!.high!);
});

test('a row is fine when the upper bound is below it', t => {
  for (const ratio of [1.02, 1, 0.5]) t.is(of(slower(ratio, 5)).verdict, 'fine', `${ratio}`);
  t.is(of(slower(1.1, 5), 0.2).verdict, 'fine');
});

test('a row is undecided when the threshold lies within the bounds', t => {
  const { verdict, undecided } = of(slower(1.05, 5));
  t.is(verdict, 'undecided');
  t.regex(undecided.join(), /decode native ipv4 .*between \+[45]\.\d % and \+5\.\d %; more runs/);
});

test('CPU time decides, whatever the wall time does', t => {
  const sides = inTurn(
    5,
    off => [took(0.001 * off)],
    off => [{ ...took(0.001 * off), samples: [0.003] }],
  );
  t.is(of(sides).verdict, 'fine');
  t.true(of(sides).rows[0].time!.change > 1);
  const [waitingBase, waitingHead] = slower(1, 5).map(runs =>
    runs.map(run => ({ ...run, results: run.results.map(withoutCpu) })),
  );
  const [base, head] = slower(1, 5);
  for (const [sides, said] of [
    [[waitingBase, waitingHead], 'no CPU time was taken'],
    [[waitingBase, head], 'BASE has no CPU time'],
    [[base, waitingHead], 'HEAD has no CPU time'],
  ] as const) {
    const { verdict, undecided } = of(sides);
    t.is(verdict, 'undecided');
    t.deepEqual(undecided, [`decode native ipv4 (connections 10,000): ${said}`]);
  }
});

function withoutCpu({ cpu: _, ...result }: Result): Result {
  return result;
}

test('a run is one figure, however many samples it took', t => {
  const [[base], [head]] = slower(1.5, 1);
  const many = (run: BenchmarkRun): BenchmarkRun => {
    const [{ samples, cpu, ...result }] = run.results;
    const repeat = (values: readonly number[]): number[] => Array.from({ length: 50 }, () => [...values]).flat();
    return { ...run, results: [{ ...result, samples: repeat(samples), cpu: repeat(cpu!) }] };
  };
  const { verdict, undecided } = of([[many(base)], [many(head)]]);
  t.is(verdict, 'undecided');
  t.deepEqual(undecided, [
    '1+1 runs are too few: chance alone sets them as far apart. 3+3 can decide; 2 of BASE and 2 of HEAD are lacking',
  ]);
});

test('the more rows decide together the more runs are needed, and how many are lacking is said', t => {
  const subjects = ['a', 'b', 'c', 'd', 'e', 'f'];
  const sides = inTurn(
    4,
    off => rowsOf(subjects, off),
    off => rowsOf(subjects, off),
  );
  t.deepEqual(of(sides).undecided, [
    '4+4 runs are too few for 6 rows held together: chance alone sets them as far apart. 5+5 can decide; 1 of BASE and 1 of HEAD are lacking',
  ]);
  const more = inTurn(
    5,
    off => rowsOf(subjects, off),
    off => rowsOf(subjects, off),
  );
  t.is(of(more).verdict, 'fine');
  t.deepEqual(of([sides[0], more[1]]).undecided.length, 0, '4+5 of 126 ways are enough');
});

test('what bench:ab measures decides where it is there, else all of ctflow, eight rows at most', t => {
  const names = Array.from({ length: 8 }, (_, i) => `row ${i}`);
  const primary = (ratio: number, off: number): Result[] => [
    took(0.001 * off),
    took(0.002 * off * ratio, { family: 'ipv6' }),
    ...rowsOf(names, off * ratio),
  ];
  const declared = of(
    inTurn(
      5,
      off => primary(1, off),
      off => primary(2, off),
    ),
  );
  t.is(declared.primary, 1);
  t.is(declared.verdict, 'fine');
  t.deepEqual(
    declared.rows.map(({ verdict }) => verdict),
    ['fine', ...Array.from({ length: 9 }, () => undefined)],
  );
  const eight = inTurn(
    6,
    off => rowsOf(names, off),
    off => rowsOf(names, off),
  );
  t.is(of(eight).primary, 8);
  t.is(of(eight).verdict, 'fine');
  const nine = inTurn(
    6,
    off => rowsOf([...names, 'row 8'], off),
    off => rowsOf([...names, 'row 8'], off),
  );
  t.is(of(nine).verdict, 'undecided');
  t.regex(of(nine).undecided.join(), /more than 8 rows would decide together/);
});

test('runs that were not taken in turn decide nothing', t => {
  const [base, head] = slower(1.5, 5);
  const later = head.map((run, i) => ({ ...run, date: new Date(Date.UTC(2026, 10, 25, 20, i)).toISOString() }));
  t.is(of([base, head]).verdict, 'worse');
  const { verdict, undecided } = of([base, later]);
  t.is(verdict, 'undecided');
  t.regex(undecided.join(), /all runs of BASE came before those of HEAD/);
  t.regex(of([later, base]).undecided.join(), /all runs of HEAD came before those of BASE/);
});

test('one commit against itself on a shared machine is never called worse or fine', t => {
  const runs = sharedMachineRuns();
  const sides = [
    [[0], [1]],
    [[0], [2]],
    [[0], [3]],
    [[1], [2]],
    [[1], [3]],
    [[2], [3]],
    [
      [0, 1],
      [2, 3],
    ],
    [
      [0, 2],
      [1, 3],
    ],
    [
      [0, 3],
      [1, 2],
    ],
  ].map(side => side.map(numbers => numbers.map(i => runs[i])));
  for (const [base, head] of sides) {
    for (const sides of [
      [base, head],
      [head, base],
    ] as const) {
      const { verdict, worse, undecided } = of(sides);
      t.is(verdict, 'undecided');
      t.is(worse.length, 0);
      t.regex(undecided.join(), /runs are too few/);
    }
  }
});

test('of many comparisons of the same thing few are called worse; what is slower is found', t => {
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  // a machine that is now fast, now slow, with each row besides
  const noise = (): number => Math.exp(0.2 * (random() + random() + random() - 1.5));
  const names = ['a', 'b', 'c', 'd'];
  const trial = (ratio: number): string => {
    const side = (times: number) => () => {
      const minute = noise();
      return names.map(subject => took(0.001 * minute * noise() * times, { subject, case: subject }));
    };
    return of(inTurn(8, side(1), side(ratio)), 0).verdict;
  };
  const TRIALS = 200;
  const share = (ratio: number): number =>
    Array.from({ length: TRIALS }, () => trial(ratio)).filter(verdict => verdict === 'worse').length / TRIALS;
  t.true(share(1) <= 0.08);
  t.true(share(1.5) >= 0.9);
});

test('exact figures of memory decide, estimates do not, Rust’s part of an estimate does', t => {
  const worse = (base: Partial<Memory>, head: Partial<Memory>): string =>
    of(
      inTurn(
        5,
        off => [took(0.001 * off, memory(base))],
        off => [took(0.001 * off, memory(head))],
      ),
    ).verdict;
  t.is(worse({}, { bytes: 1100 }), 'worse');
  t.is(worse({}, { allocations: 11 }), 'worse');
  t.is(worse({}, { bytes: 1040 }), 'fine');
  t.is(worse({ estimated: true }, { bytes: 9000, estimated: true }), 'fine');
  const rust = (bytes: number): Partial<Memory> => ({ estimated: true, rust: { bytes, allocations: 1 } });
  t.is(worse(rust(100), rust(110)), 'worse');
  t.is(worse(rust(0), rust(8)), 'worse', 'what was nothing before');
});

test('figures of memory that are not the same in every run were not exact', t => {
  const [base, head] = slower(1, 2);
  const allocating = (runs: readonly BenchmarkRun[], bytes: readonly number[]): BenchmarkRun[] =>
    runs.map((run, i) => ({
      ...run,
      results: run.results.map(result => ({ ...result, ...memory({ bytes: bytes[i] }) })),
    }));
  t.is(of([allocating(base, [1000, 1000]), allocating(head, [1200, 1200])]).verdict, 'worse');
  t.is(of([allocating(base, [1000, 1001]), allocating(head, [1200, 1200])]).worse.length, 0);
});

test('results with other parameters are not compared, and are named', t => {
  const other = { parameters: { connections: 20_000 }, items: 20_000 };
  const { rows, alone, verdict } = of([[benchmarkRun([took(1)])], [benchmarkRun([took(1, other)])]]);
  t.is(rows.length, 0);
  t.is(verdict, 'undecided');
  t.deepEqual(alone, [
    'BASE alone: decode native ipv4 (connections 10,000): the other side has it with other parameters (connections 20,000)',
    'HEAD alone: decode native ipv4 (connections 20,000): the other side has it with other parameters (connections 10,000)',
  ]);
});

test('what only one side measured is named, and is no pass', t => {
  const more = took(0.001, { subject: 'encode', case: 'encode' });
  const [base, head] = slower(1, 5);
  const { rows, alone, verdict } = of([base.map(run => ({ ...run, results: [...run.results, more] })), head]);
  t.is(rows.length, 1);
  t.is(verdict, 'undecided');
  t.deepEqual(alone, ['BASE alone: encode native ipv4 (connections 10,000): the other side did not measure it']);
});

test('a row that some runs of a side lack, or have without a valid sample, is named, and is no pass', t => {
  const [base, head] = slower(1, 5);
  const wanting = (results: readonly Result[]): BenchmarkRun[] =>
    head.map((run, i) => (i === 1 ? { ...run, results } : run));
  const isVoid = { ...took(0.001), samples: [], cpu: [], extra: { void: 3, why: 'lost' } };
  for (const [results, said] of [
    [[], 'HEAD has valid samples in 4 of 5 runs'],
    [[isVoid], 'HEAD has valid samples in 4 of 5 runs (lost)'],
  ] as const) {
    const { verdict, undecided } = of([base, wanting(results)]);
    t.is(verdict, 'undecided');
    t.deepEqual(undecided, [`decode native ipv4 (connections 10,000): ${said}`]);
  }
});

test('a side that is void, or missing, is named, and is no pass, whichever it is', t => {
  const more = (off: number): Result => took(0.001 * off, { case: 'export' });
  const quick = (off: number): Result[] => [took(0.001 * off)];
  const whole = (off: number): Result[] => [...quick(off), more(off)];
  const wanting: [(off: number) => Result[], RegExp][] = [
    [
      off => [...quick(off), { ...more(off), samples: [], extra: { void: 'lost' } }],
      /export native ipv4 .*not one valid sample \(lost\)/,
    ],
    [quick, /export native ipv4 .*the other side did not measure it/],
    [off => [...quick(off), { ...more(off), items: 5, parameters: { connections: 5 } }], /with other parameters/],
    [off => [...quick(off), { ...more(off), ...memory({}) }], /has no figures of memory/],
  ];
  for (const [other, said] of wanting) {
    for (const [base, head] of [
      [whole, other],
      [other, whole],
    ]) {
      const { verdict, undecided } = of(inTurn(5, base, head));
      t.is(verdict, 'undecided');
      t.regex(undecided.join('\n'), said);
    }
  }
});

test('floors and other programs are shown, and decide nothing', t => {
  const floors = (['kernel', 'floor', 'peer'] as const).map(backend => ({ backend }));
  const quick = (off: number): Result[] => [took(0.001 * off)];
  const beside =
    (times: number) =>
    (off: number): Result[] => [...quick(off), ...floors.map(floor => took(0.001 * off * times, floor))];
  const shown = of(inTurn(5, beside(1), beside(10)));
  t.is(shown.verdict, 'fine');
  t.true(shown.rows.slice(1).every(({ cpu, verdict }) => cpu!.change > 8 && verdict === undefined));
  const isVoid = (off: number): Result[] => [
    ...quick(off),
    ...floors.map(floor => benchmarkResult({ ...floor, samples: [], cpu: [] })),
  ];
  t.is(of(inTurn(5, beside(1), isVoid)).verdict, 'fine');
  t.is(of(inTurn(5, beside(1), quick)).verdict, 'fine');
  const alone = (times: number) => (off: number) => beside(times)(off).slice(1);
  const none = of(inTurn(5, alone(1), alone(2)));
  t.is(none.verdict, 'undecided');
  t.regex(none.undecided.join(), /no time of ctflow itself/);
});

test('parameters are the same in any order', t => {
  const run = (parameters: Result['parameters']) => [benchmarkRun([benchmarkResult({ parameters })])];
  t.is(of([run({ a: 1, b: [2, 3] }), run({ b: [2, 3], a: 1 })]).rows.length, 1);
});

test('runs of one side: a figure each, memory in the middle', t => {
  const one = (samples: number[], bytes: number, minute: number) =>
    benchmarkRun([benchmarkResult({ samples, cpu: samples, ...memory({ bytes }) })], {
      date: `2026-11-24T20:0${minute}:00Z`,
    });
  const [result] = sideOf([one([1, 2, 9], 10, 0), one([3], 30, 1), one([4], 20, 2)]).results.values();
  t.deepEqual(result.samples, [2, 3, 4]);
  t.deepEqual(result.cpu, [2, 3, 4]);
  t.is(result.memory?.bytes, 20);
  t.true(result.memory?.estimated);
});

test('runs of two commits or machines are not one side, nor is one run twice', t => {
  const run = benchmarkRun([benchmarkResult()]);
  t.throws(() => sideOf([run, { ...run, commit: 'other' }]), { message: /cannot be one side/ });
  const machine = { ...run.machine, kernel: '6.1.0' };
  t.throws(() => sideOf([run, { ...run, machine }]), { message: /different machines: kernel: 6\.18\.0, 6\.1\.0/ });
  t.throws(() => sideOf([run, run]), { message: /the run of 2026-11-24T20:00:00\.000Z is there twice/ });
});
