import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { error, ok, warning, type Finding } from './finding.js';
import type { Host } from './host.js';

const DAY_MS = 86_400_000;
/** A difference between the two clocks that is no jump: a clock that is corrected goes up to 500 ppm wrong (adjtimex(2)). */
const JUMP_MS = 100;
/** The day before which nobody can run this; packages may have files of any time. */
const WRITTEN = Date.UTC(2025, 0, 1);

/** The numbers of adjtimex(2): Node cannot call it, and perl is part of every Debian. */
const ADJTIMEX: Readonly<Record<string, number>> = { x64: 159, arm64: 171, riscv64: 171, ppc64: 124, s390x: 124 };
/** What it returns where the clock is not synchronised (TIME_ERROR, include/uapi/linux/timex.h). */
const TIME_ERROR = '5';

/** What is known of the clock. */
export interface ClockFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** By how many milliseconds the time of day moved against the time since boot while doctor ran. */
  readonly moved: number;
  /** By the kernel; undefined where it is not known. */
  readonly synchronised: boolean | undefined;
  /** The time of the files of ctflow. */
  readonly built: number;
}

export function checkClock({ now, moved, synchronised, built }: ClockFacts): Finding {
  const today = new Date(now).toISOString().slice(0, 19);
  const set = 'timedatectl set-ntp true';
  if (now < Math.max(built - DAY_MS, WRITTEN))
    return error(`the clock says ${today} UTC, which is before ctflow was built: times of records are wrong`, set);
  if (Math.abs(moved) > JUMP_MS) return warning(`the clock jumped by ${Math.round(moved)} ms while doctor looked`, set);
  if (synchronised === false)
    return warning(`${today} UTC; the clock is not synchronised (adjtimex): times of records may be wrong`, set);
  const state = synchronised ? 'synchronised' : 'whether it is synchronised is not known (that takes perl)';
  return ok(`${today} UTC, ${state}`);
}

/** What the kernel says of its clock; nothing is set. */
export async function isSynchronised(
  host: Pick<Host, 'run'>,
  arch: string = process.arch,
): Promise<boolean | undefined> {
  const number = ADJTIMEX[arch];
  if (number === undefined) return undefined;
  // a struct timex of zeros asks alone
  const { output = '' } = await host.run('perl', ['-e', `print syscall(${number}, my $timex = "\\0" x 256)`]);
  return /^\d+$/.test(output) ? output !== TIME_ERROR : undefined;
}

/** Compares the two clocks. @returns how much one has moved since, milliseconds */
export function watchClock(wall = Date.now, monotonic = () => performance.now()): () => number {
  const before = wall() - monotonic();
  return () => wall() - monotonic() - before;
}

/** The time of this file. */
export function builtAt(): number {
  return statSync(fileURLToPath(import.meta.url)).mtimeMs;
}
