import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cargoBuild } from '../host/cargo.js';
import { ROOT } from '../host/machine.js';

/** As for tests, where what it needs has been built: its time counts for nothing, and a library for release is beside it. */
const LIBRARY = join(ROOT, 'target/debug/libctflow_napi.so');
/** Node wants this ending, and the next build without the feature takes the library's name. */
const MODULE = join(ROOT, 'target/debug/allocation-count.node');

export interface Allocated {
  readonly bytes: number;
  readonly allocations: number;
}

/**
 * Builds the native module that counts its allocations, beside the one that is measured.
 * @returns the variable that makes the loader take it, or why it cannot be had
 */
export function buildCountingModule(): { env: NodeJS.ProcessEnv } | string {
  const without = cargoBuild('ctflow-napi', ['--features', 'allocation-count']);
  if (without !== undefined) return without;
  copyFileSync(LIBRARY, MODULE);
  return { env: { NAPI_RS_NATIVE_LIBRARY_PATH: MODULE } };
}

/** What Rust has allocated in this process so far; zero where no counting module was loaded. */
export function rustAllocated(): Allocated {
  const path = process.env['NAPI_RS_NATIVE_LIBRARY_PATH'];
  if (path === undefined) return { bytes: 0, allocations: 0 };
  return (createRequire(import.meta.url)(path) as { allocationCounts(): Allocated }).allocationCounts();
}
