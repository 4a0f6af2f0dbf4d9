import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../results/results.js';

/** The checkout, seen from build/bench/host/. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    kernel: release(),
    node: process.version,
    rust: said('rustc', '--version').split(' ')[1] ?? '',
  };
}

export function checkout(): { commit: string; dirty: boolean } {
  return {
    commit: said('git', 'rev-parse', 'HEAD') || 'unknown',
    dirty: said('git', 'status', '--porcelain', '--untracked-files=no') !== '',
  };
}

/** What a program prints, empty where it is not there or fails. */
function said(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
