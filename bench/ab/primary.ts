import type { Job } from '../run/job.js';
import type { Result } from '../results/results.js';

type Name = Pick<Result, 'subject' | 'case' | 'backend'>;

/**
 * The rows that decide: reading, merging and exporting, each where it is ctflow's own work and nothing of the kernel's table.
 * Holm holds them together, so that each more of them costs all of them pairs. At most MOST_PRIMARY of rule.ts.
 */
export const PRIMARY: readonly Name[] = [
  { subject: 'decode', case: 'decode', backend: 'native' },
  { subject: 'decode', case: 'decode', backend: 'fallback' },
  { subject: 'poll', case: 'merge', backend: 'both' },
  { subject: 'encode', case: 'encode', backend: 'native' },
  { subject: 'encode', case: 'encode', backend: 'fallback' },
  { subject: 'export-conntrack', case: 'export', backend: 'native' },
];

/** All of them work and do not wait, and are judged by CPU time: what else runs on the machine lengthens the wall time. */
export const JUDGED_BY = 'cpu';

/** Few connections: a process is to be short, so that the two of a pair meet the same machine. */
const CONNECTIONS = 2_000;
const TENTH = CONNECTIONS / 10;
const TIMING = { samples: 10, warmUps: 30, seconds: 0.15, paired: true } as const;

/** What the processes of a pair measure, one job a pair. */
export const JOBS: readonly Job[] = [
  { subject: 'decode', backends: ['native', 'fallback'] as const },
  { subject: 'poll', backends: ['native'] as const },
  { subject: 'encode', backends: ['native', 'fallback'] as const },
  { subject: 'export-conntrack', backends: ['native'] as const },
].map(one => ({
  ...one,
  family: 'ipv4',
  sizes: { connections: CONNECTIONS, fresh: TENTH, gone: TENTH, destinations: 1, mtu: 1400 },
  timing: TIMING,
  memory: false,
}));

export function isPrimary(row: Name): boolean {
  return PRIMARY.some(name => sameName(name, row));
}

export function sameName(a: Name, b: Name): boolean {
  return a.subject === b.subject && a.case === b.case && a.backend === b.backend;
}
