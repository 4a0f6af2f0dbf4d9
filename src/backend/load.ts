import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { nativeFile } from '../../native/file.js';
import type { Backend } from './backend.js';
import { createFallbackBackend } from './fallback.js';
import { type Binding, createNativeBackend } from './native.js';
import { CtflowError } from '../common/errors.js';

/**
 * Loads the backend. `auto` is native where the native module is there, and the fallback only where it is absent for this
 * platform, with a line to `log`.
 * @param file path of another native module, which may be absent
 * @throws CtflowError CTFLOW_BACKEND_BROKEN where the module is there and does not load or fit, CTFLOW_BACKEND_ABSENT
 * where it was asked for and is absent
 */
export async function loadBackend(
  choice: 'auto' | 'native' | 'fallback',
  log?: (line: string) => void,
  file?: string,
): Promise<Backend> {
  if (choice === 'fallback') return createFallbackBackend();
  const chosen = process.env['NAPI_RS_NATIVE_LIBRARY_PATH'];
  const binding =
    file === undefined && chosen ? loadBinding(resolve(chosen), true) : loadBinding(file ?? nativeFile(), false);
  if (binding) return createNativeBackend(binding);
  const platform = `${process.platform}-${process.arch}`;
  if (choice === 'native') {
    throw new CtflowError(
      'CTFLOW_BACKEND_ABSENT',
      `There is no native module for ${platform}`,
      'Install Rust (https://rustup.rs) and run npm run build, or choose --backend fallback',
    );
  }
  log?.(`There is no native module for ${platform}: using the fallback in TypeScript`);
  return createFallbackBackend();
}

/** The native module, undefined where none is built for this platform. */
function loadBinding(path: string, chosen: boolean): Binding | undefined {
  if (!chosen && !existsSync(path)) return undefined;
  try {
    const binding = createRequire(import.meta.url)(path) as Binding;
    if (typeof binding.layoutVersion !== 'function') throw new Error('it is not the native module of ctflow');
    return binding;
  } catch (error) {
    throw new CtflowError(
      'CTFLOW_BACKEND_BROKEN',
      `The native module ${path} does not load: ${(error as Error).message.split('\n')[0]}`,
      chosen
        ? 'Unset NAPI_RS_NATIVE_LIBRARY_PATH, or set it to a native module of ctflow'
        : 'Build it again with npm run build, or remove it',
      error,
    );
  }
}
