import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cargoBuild } from '../host/cargo.js';
import { ROOT } from '../host/machine.js';

const FOLDER = join(ROOT, 'target/allocation-count');
const LIBRARY = join(FOLDER, 'release/libctflow_napi.so');
/** Node wants this ending. */
const MODULE = join(FOLDER, 'ctflow.node');
/** The module is compared with nothing but itself, and is to be there soon. */
const QUICK = ['--config', 'profile.release.lto=false', '--config', 'profile.release.codegen-units=16'];

export interface Allocated {
  readonly bytes: number;
  readonly allocations: number;
}

/**
 * Builds the native module that counts its allocations, beside the one that is measured.
 * @returns the variable that makes the loader take it, or why it cannot be had
 */
export function buildCountingModule(): { env: NodeJS.ProcessEnv } | string {
  const without = cargoBuild('ctflow-napi', '--features', 'allocation-count', '--target-dir', FOLDER, ...QUICK);
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
