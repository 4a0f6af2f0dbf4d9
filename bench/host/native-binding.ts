import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Binding } from '../../src/backend/native.js';
import { ROOT } from './machine.js';

/** The native module itself, for floors that make the same system calls. */
export async function nativeBinding(): Promise<Binding> {
  const { nativeFile } = (await import(pathToFileURL(join(ROOT, 'native/file.js')).href)) as { nativeFile(): string };
  return createRequire(import.meta.url)(nativeFile()) as Binding;
}
