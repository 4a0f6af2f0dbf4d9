import test from 'ava';
import { ratioTable } from '../../../bench/peers/ratios.js';
import { benchmarkResult } from '../compare/runs.js';

const own = benchmarkResult({ subject: 'peers-poll', case: 'poll', samples: [0.1, 0.2, 0.3], cpu: [0.1, 0.1, 0.1] });
const other = { ...own, case: 'conntrack', backend: 'peer' } as const;

function lines(...results: Parameters<typeof ratioTable>[0]): string[] {
  return ratioTable(results)
    .trimEnd()
    .split('\n')
    .map(line => line.replaceAll(/ +/g, ' '));
}

test('medians of the other against those of ctflow, in one line each', t => {
  const [, ...rows] = lines(own, { ...other, samples: [0.5, 0.6, 9], cpu: [0.25, 0.25, 0.25] });
  t.deepEqual(rows, ['peers-poll poll conntrack 10000 3.00 x 2.50 x']);
});

test('without CPU there is no ratio of it', t => {
  const { cpu: _, ...without } = other;
  const [, ...rows] = lines(own, { ...without, samples: [0.4] });
  t.deepEqual(rows, ['peers-poll poll conntrack 10000 2.00 x -']);
});

test('other subjects, families and sizes are not compared', t => {
  const rows = lines(
    own,
    { ...other, subject: 'peers-merge' },
    { ...other, family: 'ipv6' },
    { ...other, parameters: { connections: 20_000 } },
  );
  t.is(rows.length, 1);
});

test('a setting that only one of them has does not matter', t => {
  t.is(lines({ ...own, parameters: { connections: 10_000, destinations: 1 } }, other).length, 2);
});
