import { lstatSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, resolve } from 'node:path';
import type { Backend } from './backend.js';
import { createFallbackBackend } from './fallback.js';
import { type Binding, createNativeBackend } from './native.js';
import { CtflowError, errnoOf } from '../common/errors.js';

/**
 * Loads the backend. `auto` is native where the native module is there, and the fallback only where no file of this
 * platform is there, with a line to `log`.
 * @param file path of another native module, which may be absent
 * @throws CtflowError CTFLOW_BACKEND_BROKEN where the module is there and does not load or fit, or its place is not known;
 * CTFLOW_BACKEND_ABSENT where it was asked for and is absent
 */
export async function loadBackend(
  choice: 'auto' | 'native' | 'fallback',
  log?: (line: string) => void,
  file?: string,
): Promise<Backend> {
  if (choice === 'fallback') return createFallbackBackend();
  const chosen = process.env['NAPI_RS_NATIVE_LIBRARY_PATH'];
  const useChosen = file === undefined && Boolean(chosen);
  const path = useChosen ? resolve(chosen!) : (file ?? (await ownFile()));
  const binding = loadBinding(path, useChosen);
  if (binding) return createNativeBackend(binding);
  const absent = `There is no native module ${basename(path)}${othersBeside(path)}`;
  if (choice === 'native') {
    throw new CtflowError(
      'CTFLOW_BACKEND_ABSENT',
      absent,
      'Install Rust (https://rustup.rs) and run npm run build, or choose --backend fallback',
    );
  }
  log?.(`${absent}: using the fallback in TypeScript`);
  return createFallbackBackend();
}

async function ownFile(): Promise<string> {
  try {
    const { nativeFile } = await import('../../native/file.js');
    return nativeFile();
  } catch (error) {
    throw new CtflowError(
      'CTFLOW_BACKEND_BROKEN',
      `It is not known where the native module is: ${(error as Error).message.split('\n')[0]}`,
      'Install ctflow whole, set NAPI_RS_NATIVE_LIBRARY_PATH to the native module, or choose --backend fallback',
      error,
    );
  }
}

/** Modules of other platforms, which somebody may have thought to be this one's. */
function othersBeside(path: string): string {
  try {
    const others = readdirSync(dirname(path)).filter(name => name.endsWith('.node'));
    return others.length > 0 ? `, only ${others.join(', ')}` : '';
  } catch {
    return '';
  }
}

/** Only ENOENT is absence: a folder that cannot be read, or a link that leads nowhere, is a fault. */
function isAbsent(path: string): boolean {
  try {
    lstatSync(path);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}

/** The native module, undefined where none is built for this platform. */
function loadBinding(path: string, chosen: boolean): Binding | undefined {
  if (!chosen && isAbsent(path)) return undefined;
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
