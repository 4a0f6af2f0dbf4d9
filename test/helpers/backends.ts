import test, { type ExecutionContext } from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { CtflowError } from '../../src/common/errors.js';
import { loadBackend } from '../../src/backend/load.js';

const only = process.env['CTFLOW_BACKEND'];

/** Why the native backend takes no part, or undefined where it does. */
export let withoutNative: string | undefined;

const native = await loadNative();
const all = [native, only === 'native' ? undefined : createFallbackBackend()].filter(backend => backend !== undefined);

/** Every backend that takes part: both, or the one that CTFLOW_BACKEND names. */
export function backends(): readonly Backend[] {
  return all;
}

/** Registers the test once for each backend. */
export function perBackend(
  title: string,
  implementation: (t: ExecutionContext, backend: Backend) => void | Promise<void>,
): void {
  for (const backend of all) test(`${title} [${backend.name}]`, t => implementation(t, backend));
}

async function loadNative(): Promise<Backend | undefined> {
  if (only === 'fallback') {
    withoutNative = 'CTFLOW_BACKEND is fallback';
    return undefined;
  }
  try {
    return await loadBackend('native');
  } catch (error) {
    const absent = error instanceof CtflowError && error.code === 'CTFLOW_BACKEND_ABSENT';
    if (!absent || only === 'native' || process.env['CTFLOW_NO_SKIP'] === '1') throw error;
    withoutNative = error.message;
    return undefined;
  }
}
