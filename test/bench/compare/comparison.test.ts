import test from 'ava';
import { compare, worse } from '../../../bench/compare/comparison.js';
import { sideOf } from '../../../bench/compare/side.js';
import type { Memory, Result } from '../../../bench/results/results.js';
import { around, benchmarkResult, benchmarkRun } from './runs.js';

function of(base: Partial<Result>, head: Partial<Result>) {
  return compare(sideOf([benchmarkRun([benchmarkResult(base)])]), sideOf([benchmarkRun([benchmarkResult(head)])]));
}

function memory(more: Partial<Memory>): { memory: Memory } {
  return { memory: { bytes: 1000, allocations: 10, estimated: false, ...more } };
}

test('a difference of all samples is significant, and worse beyond the threshold alone', t => {
  const comparison = of({ samples: around(0.001) }, { samples: around(0.0011) });
  const { time } = comparison.rows[0];
  t.true(time!.significant);
  t.true(Math.abs(time!.change - 0.1) < 1e-9);
  t.is(worse(comparison, 0.05).length, 1);
  t.is(worse(comparison, 0.11).length, 0);
});

test('what is within the spread is not significant, however small the threshold', t => {
  const comparison = of({ samples: around(0.001, 11, 0.5) }, { samples: around(0.00101, 11, 0.5) });
  t.false(comparison.rows[0].time!.significant);
  t.is(worse(comparison, 0).length, 0);
});

test('faster is never worse', t => {
  t.is(worse(of({ samples: around(0.001) }, { samples: around(0.0001) }), 0).length, 0);
});

test('exact figures of memory decide, estimates do not, Rust’s part of an estimate does', t => {
  t.is(worse(of(memory({}), memory({ bytes: 1100 })), 0.05).length, 1);
  t.is(worse(of(memory({}), memory({ allocations: 11 })), 0.05).length, 1);
  t.is(worse(of(memory({}), memory({ bytes: 1040 })), 0.05).length, 0);
  t.is(worse(of(memory({ estimated: true }), memory({ bytes: 9000, estimated: true })), 0.05).length, 0);
  const rust = (bytes: number) => memory({ estimated: true, rust: { bytes, allocations: 1 } });
  t.is(worse(of(rust(100), rust(110)), 0.05).length, 1);
  t.is(worse(of(rust(0), rust(8)), 0.05).length, 1, 'what was nothing before');
});

test('results with other parameters are not compared, and are listed', t => {
  const { rows, alone } = of({}, { parameters: { connections: 20_000 }, items: 20_000 });
  t.is(rows.length, 0);
  t.deepEqual(alone, [
    'BASE alone: decode native ipv4 (connections 10,000): the other side has it with other parameters (connections 20,000)',
    'HEAD alone: decode native ipv4 (connections 20,000): the other side has it with other parameters (connections 10,000)',
  ]);
});

test('what only one side measured is listed', t => {
  const base = sideOf([benchmarkRun([benchmarkResult(), benchmarkResult({ subject: 'encode', case: 'encode' })])]);
  const { rows, alone } = compare(base, sideOf([benchmarkRun([benchmarkResult()])]));
  t.is(rows.length, 1);
  t.deepEqual(alone, ['BASE alone: encode native ipv4 (connections 10,000): the other side did not measure it']);
});

test('parameters are the same in any order', t => {
  t.is(of({ parameters: { a: 1, b: [2, 3] } }, { parameters: { b: [2, 3], a: 1 } }).rows.length, 1);
});

test('runs of one side: samples together, memory in the middle', t => {
  const one = (samples: number[], bytes: number) => benchmarkRun([benchmarkResult({ samples, ...memory({ bytes }) })]);
  const [result] = sideOf([one([1, 2], 10), one([3], 30), one([4], 20)]).results.values();
  t.deepEqual(result.samples, [1, 2, 3, 4]);
  t.is(result.memory?.bytes, 20);
});

test('runs of two commits or machines are not one side', t => {
  const run = benchmarkRun([benchmarkResult()]);
  t.throws(() => sideOf([run, { ...run, commit: 'other' }]), { message: /cannot be one side/ });
  const machine = { ...run.machine, kernel: '6.1.0' };
  t.throws(() => sideOf([run, { ...run, machine }]), { message: /different machines: kernel: 6\.18\.0, 6\.1\.0/ });
});
