import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../bench/host/machine.js';

const SUITE = 'bookworm';

/**
 * The file system of a small Debian, kept for the next time.
 * @param name of a folder in build/
 * @param packages beside those that no Debian is without
 * @returns the folder; @throws where neither mmdebstrap nor debootstrap can make it
 */
export function debianRoot(name: string, packages: readonly string[]): string {
  const folder = join(ROOT, 'build', name);
  const root = join(folder, 'root');
  if (existsSync(join(folder, 'complete'))) return root;
  if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder}/`))
    throw new Error(`something is mounted below ${folder}; unmount it first`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const program = ['mmdebstrap', 'debootstrap'].find(name => spawnSync(name, ['--version']).status === 0);
  if (!program) throw new Error('neither mmdebstrap nor debootstrap is installed');
  // what it mounts is gone with it, however it ends
  const apart = ['--mount', '--propagation', 'private', program];
  const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
  execFileSync('unshare', [...apart, '--variant=minbase', ...include, SUITE, root], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  writeFileSync(join(folder, 'complete'), '');
  return root;
}
