import test from 'ava';
import { KernelCounters } from '../../../src/daemon/metrics/kernel-counters.js';
import { CPU_COUNTERS, type CpuCounter, type CpuStatistics } from '../../../src/sources/table-statistics.js';

const counters = (value: number): Record<CpuCounter, number> =>
  Object.fromEntries(CPU_COUNTERS.map((counter, i) => [counter, value + i])) as Record<CpuCounter, number>;
const cpu = (number: number, value: number): CpuStatistics => ({ cpu: number, ...counters(value) });

test('counters are summed over CPUs', t => {
  const kernel = new KernelCounters();
  kernel.add({ cpus: [cpu(0, 5), cpu(3, 7)] });
  for (const [i, counter] of CPU_COUNTERS.entries()) t.is(kernel.sums[counter], 12 + 2 * i);
});

test("each CPU's counter wraps at 32 bits by itself, and the sum goes on", t => {
  const kernel = new KernelCounters();
  kernel.add({ cpus: [cpu(0, 2 ** 32 - 20), cpu(1, 100)] });
  const before = kernel.sums.found;
  kernel.add({ cpus: [cpu(0, 30), cpu(1, 110)] });
  t.is(kernel.sums.found, before + 50 + 10);
  kernel.add({ cpus: [cpu(0, 2 ** 31 - 100), cpu(1, 110)] });
  kernel.add({ cpus: [cpu(0, 2 ** 32 - 200), cpu(1, 110)] });
  kernel.add({ cpus: [cpu(0, 0), cpu(1, 110)] });
  t.is(kernel.sums.found, 2 * 2 ** 32 + 110);
});

test('a counter that began anew is no wrap: the sum never goes back, and does not jump', t => {
  const kernel = new KernelCounters();
  kernel.add({ cpus: [cpu(0, 1_000)] });
  kernel.add({ cpus: [cpu(0, 3)] });
  t.is(kernel.sums.found, 1_003);
  kernel.add({ cpus: [cpu(0, 3), cpu(1, 4)] });
  t.is(kernel.sums.found, 1_007, 'a CPU that came later');
  kernel.add({ cpus: [] });
  t.is(kernel.sums.found, 1_007);
});
