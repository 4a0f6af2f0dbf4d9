import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../common/errors.js';

/**
 * Makes a folder for its owner alone, and those above it that are not there. Node's own `recursive` asks for ever where the kernel
 * makes none, as below /proc.
 * @throws the system's error
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    return await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (errno !== 'ENOENT' || dirname(path) === path) throw error;
  }
  await makeFolder(dirname(path));
  await mkdir(path, { mode: 0o700 });
}
