import type { ExecutionContext } from 'ava';
import { configureGlobal } from 'fast-check';

/** The seed of all property tests; CTFLOW_SEED sets another. */
export const FUZZ_SEED = Number(process.env['CTFLOW_SEED'] ?? 20261123);

// as long as a test says; by itself fast-check makes at most some ten of anything
configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });

/** The seed for fast-check, printed with the test. */
export function seeded(t: ExecutionContext): { seed: number } {
  t.log(`seed ${FUZZ_SEED}`);
  return { seed: FUZZ_SEED };
}
