import { heap, time } from '@datadog/pprof';
import { readFileSync } from 'node:fs';
import type { Case } from '../subject.js';
import { without, type Profile } from './call-tree.js';

const CPU_INTERVAL_US = 500;
/** Bytes between two samples of the heap, on average. */
const HEAP_INTERVAL = 16 << 10;
const STACK_DEPTH = 128;
const WARM_UPS = 5;
/** Also where the process was held up for all the time that it had. */
const LEAST_OPERATIONS = 20;
/** What is not the operation: set-up between operations, and what the collector has counted. */
const NOT_MEASURED = new Set(['prepare', 'check', 'arrived', 'ask']);
/** The label of samples that were taken in an operation. */
const TIMED = { timed: 1 };

export interface CaseProfile {
  readonly cpu: Profile;
  readonly space: Profile;
  /** That the CPU profile is of. */
  readonly operations: number;
  /** CPU that this thread took in these operations, nanoseconds. */
  readonly total: number;
}

/** Repeats the operation for so many seconds at least, first under the one profiler, then under the other. */
export async function profileCase(one: Case, seconds: number): Promise<CaseProfile> {
  for (let i = 0; i < WARM_UPS; i++) await once(one);
  let total = 0;
  let operations = 0;
  time.start({ intervalMicros: CPU_INTERVAL_US, withContexts: true, collectCpuTime: true });
  await repeat(seconds, async () => {
    await one.prepare?.();
    const before = scheduled();
    time.setContext(TIMED);
    await one.operation();
    time.setContext({});
    total += scheduled() - before;
    operations++;
    await one.check?.();
  });
  const cpu = time.stop();
  cpu.sample = cpu.sample.filter(({ label }) => label.length > 0);
  heap.start(HEAP_INTERVAL, STACK_DEPTH);
  await repeat(seconds, () => once(one));
  const space = heap.profile();
  heap.stop();
  without(space, NOT_MEASURED);
  return { cpu, space, operations, total };
}

async function repeat(seconds: number, operation: () => Promise<void>): Promise<void> {
  const end = process.hrtime.bigint() + BigInt(Math.ceil(seconds * 1e9));
  for (let i = 0; i < LEAST_OPERATIONS || process.hrtime.bigint() < end; i++) await operation();
}

async function once(one: Case): Promise<void> {
  await one.prepare?.();
  await one.operation();
  await one.check?.();
}

/** Nanoseconds that the main thread has been on a processor; elsewhere than on Linux all threads. */
function scheduled(): number {
  if (process.platform === 'linux') return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]);
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
