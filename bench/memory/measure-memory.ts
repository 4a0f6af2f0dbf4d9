import type { Memory } from '../results/results.js';
import { median } from '../results/statistics.js';
import type { Case } from '../subject.js';
import { rustAllocated, type Allocated } from './counting-module.js';
import { HeapGrowth } from './heap-growth.js';
import { sampledAllocations } from './sampled-allocations.js';

/** Operations before the first that counts: code that is not yet compiled allocates more. */
const WARM_UPS = 100;
/** Milliseconds after which it is taken for compiled. */
const WARM_UP_MS = 2_000;
/** Operations whose middle counts, of those without a collection. */
const WANTED = 5;
const TRIES = 20;
const SAMPLED = 3;

/** Flags of Node under which the heap is seldom collected: the young generation holds what an operation allocates. */
export const MEMORY_FLAGS: readonly string[] = [
  '--expose-gc',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
];

/**
 * What one operation of a case allocates: Rust's part exactly, JavaScript's as an estimate, less what an operation that does
 * nothing seems to allocate.
 * @returns undefined where every operation had a collection in it
 */
export async function measureMemory(one: Case): Promise<Memory | undefined> {
  const nothing: Case = { ...one, operation: () => {}, prepare: () => {}, check: () => undefined };
  const [own, ground] = [await operations(one), await operations(nothing)];
  if (own === undefined || ground === undefined) return undefined;
  const bytes = Math.max(0, Math.round(own.bytes - ground.bytes));
  const allocations = Math.max(0, Math.round(own.allocations - ground.allocations));
  const { rust } = own;
  return {
    bytes: bytes + rust.bytes,
    allocations: allocations + rust.allocations,
    estimated: true,
    ...(rust.allocations > 0 && { rust }),
  };
}

async function operations(one: Case): Promise<(Allocated & { rust: Allocated }) | undefined> {
  const warm = process.hrtime.bigint() + BigInt(WARM_UP_MS) * 1_000_000n;
  for (let i = 0; i < WARM_UPS && process.hrtime.bigint() < warm; i++) await once(one, run => run());
  const growth = new HeapGrowth();
  const bytes: number[] = [];
  const rust: Allocated[] = [];
  for (let i = 0; i < TRIES && bytes.length < WANTED; i++) {
    await once(one, async run => {
      await growth.begin();
      const before = rustAllocated();
      await run();
      const after = rustAllocated();
      const grown = await growth.end();
      rust.push({ bytes: after.bytes - before.bytes, allocations: after.allocations - before.allocations });
      if (grown !== undefined) bytes.push(grown);
    });
  }
  growth.close();
  if (bytes.length === 0) return undefined;
  const allocations: number[] = [];
  for (let i = 0; i < SAMPLED; i++) {
    await once(one, async run => void allocations.push(await sampledAllocations(run)));
  }
  return {
    bytes: median(bytes),
    allocations: median(allocations),
    rust: { bytes: median(rust.map(r => r.bytes)), allocations: median(rust.map(r => r.allocations)) },
  };
}

/** One operation between its preparation and its check. */
async function once(one: Case, measured: (run: () => unknown) => unknown): Promise<void> {
  await one.prepare?.();
  await measured(() => one.operation());
  await one.check?.();
}
