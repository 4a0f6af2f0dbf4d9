/** Set for a process of bench:aa that is to be slower: 0.1 for a tenth more CPU time in each operation. */
export const PLANTED = 'CTFLOW_BENCH_PLANTED';

const share = Number(process.env[PLANTED] ?? 0);

/** Works as long as the operation did, times that share, so that bench:ab has something to find. @param since its begin */
export function plantedWork(since: NodeJS.CpuUsage): void {
  if (share === 0) return;
  const wanted = spent(since) * (1 + share);
  while (spent(since) < wanted);
}

/** Microseconds of CPU. */
function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}
