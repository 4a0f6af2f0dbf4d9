import { spawnSync } from 'node:child_process';
import { ROOT } from './machine.js';

/**
 * Builds a crate of the workspace, for release where nothing else is said.
 * @returns why it cannot be had, undefined where it is there
 */
export function cargoBuild(crate: string, how: readonly string[] = ['--release']): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  const { error, status, stderr } = spawnSync('cargo', ['build', '--quiet', '-p', crate, ...how], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (error) return 'cargo is not installed';
  return status === 0 ? undefined : `${crate} does not build:\n${stderr}`;
}
