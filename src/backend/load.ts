import { fileURLToPath } from 'node:url';
import type { Backend } from './backend.js';
import { createFallbackBackend } from './fallback.js';
import { type Binding, createNativeBackend } from './native.js';
import { CtflowError } from '../common/errors.js';

/** The generated loader, beside dist/. */
const LOADER = new URL('../../native/binding.js', import.meta.url).href;

/**
 * Loads the backend. `auto` is native where the native module is there, and the fallback only where it is absent for this
 * platform, which `log` is told.
 * @param loader address of another generated loader
 * @throws CtflowError CTFLOW_BACKEND_BROKEN where the module is there and does not load or fit, CTFLOW_BACKEND_ABSENT
 * where it was asked for and is absent
 */
export async function loadBackend(
  choice: 'auto' | 'native' | 'fallback',
  log?: (line: string) => void,
  loader = LOADER,
): Promise<Backend> {
  if (choice === 'fallback') return createFallbackBackend();
  const binding = await loadBinding(loader);
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

/** The native module, undefined where none is there for this platform. */
async function loadBinding(loader: string): Promise<Binding | undefined> {
  try {
    const binding = (await import(loader)) as Binding;
    if (typeof binding.layoutVersion !== 'function') throw new Error('it is not the native module of ctflow');
    return binding;
  } catch (error) {
    const chosen = process.env['NAPI_RS_NATIVE_LIBRARY_PATH'];
    const failure = failureOf(error);
    if (failure === undefined && !chosen) return undefined;
    throw new CtflowError(
      'CTFLOW_BACKEND_BROKEN',
      `The native module${chosen ? ` ${chosen}` : ''} does not load: ${failure ?? 'no such file'}`,
      chosen
        ? 'Unset NAPI_RS_NATIVE_LIBRARY_PATH, or set it to a native module of ctflow'
        : `Build it again with npm run build, or remove ${fileURLToPath(new URL('.', loader))}*.node`,
      error,
    );
  }
}

/**
 * Why the loader failed, undefined where every file that it looked for is missing. It hides the errors of its attempts in a
 * chain of causes and keeps only their messages.
 */
function failureOf(error: unknown): string | undefined {
  const attempts: string[] = [];
  for (let at = (error as Error).cause; at instanceof Error; at = at.cause) attempts.push(at.message.split('\n')[0]);
  if (attempts.length === 0) return (error as Error).message;
  return attempts.find(message => !/^Cannot find module '(\.\/)?ctflow[.-]|^Unsupported (OS|arch)/.test(message));
}
