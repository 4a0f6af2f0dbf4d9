import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../../bench/host/machine.js';
import { collect } from '../../../test/helpers/kernel/namespace.js';
import { lacking } from '../../../test/helpers/kernel/require.js';

/** Where programs of the interoperability proof are built. */
export const BUILT = join(ROOT, 'target/interop');
export const SOURCES = join(ROOT, 'proof/interop');

/** Why a machine lacks the first of these that it lacks; see `lacking`. */
export const without = (...needs: readonly string[]): string | undefined => needs.map(lacking).find(Boolean);

/** The version of a Debian package. */
export function packageVersion(name: string): string {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
  return stdout || 'unknown';
}

/** Gives a program messages on its standard input, one behind another. @returns the objects that it writes, a line each */
export async function readLines<T>(
  program: string,
  args: readonly string[],
  messages: readonly Buffer[],
): Promise<T[]> {
  const { code, stdout, stderr } = await collect(spawn(program, args), { input: Buffer.concat(messages) });
  if (code !== 0) throw new Error(`${program}: exit ${code}\n${stderr}`);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as T);
}
