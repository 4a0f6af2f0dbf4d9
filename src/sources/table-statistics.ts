import type { CpuStatistics, TableStatistics } from '../../native/binding.js';
import { CtflowError, errnoOf } from '../common/errors.js';
import { readFileSync } from 'node:fs';

export type { CpuStatistics, TableStatistics };

/** What each CPU counts (struct ip_conntrack_stat), in the order of the kernel's enum ctattr_stats_cpu. */
export type CpuCounter = Exclude<keyof CpuStatistics, 'cpu'>;

/** Columns of /proc/net/stat/nf_conntrack (ct_cpu_seq_show in nf_conntrack_standalone.c); older kernels lack some. */
const COLUMNS: Readonly<Record<CpuCounter, string>> = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insertFailed: 'insert_failed',
  drop: 'drop',
  earlyDrop: 'early_drop',
  icmpError: 'icmp_error',
  searchRestart: 'search_restart',
  clashResolve: 'clashres',
  chainTooLong: 'chainlength',
};
export const CPU_COUNTERS = Object.keys(COLUMNS) as CpuCounter[];

const STATISTICS = '/proc/net/stat/nf_conntrack';

/**
 * Reads what IPCTNL_MSG_CT_GET_STATS and IPCTNL_MSG_CT_GET_STATS_CPU tell, from procfs of this process' network namespace.
 * @param sysctl as of Source
 * @throws CtflowError CTFLOW_PROCFS
 */
export function procfsStatistics(sysctl: (name: string) => string | undefined, path = STATISTICS): TableStatistics {
  const number = (name: string): number | undefined => {
    const text = sysctl(name);
    return text === undefined ? undefined : Number(text);
  };
  const limit = number('nf_conntrack_max');
  return {
    entries: number('nf_conntrack_count') ?? 0,
    ...(limit !== undefined && { limit }),
    cpus: parseStatistics(readText(path)),
  };
}

/** @param text a line of names, and a line of hexadecimal numbers for each CPU */
export function parseStatistics(text: string): CpuStatistics[] {
  const [names, ...lines] = text
    .trimEnd()
    .split('\n')
    .map(line => line.trim().split(/\s+/));
  const places = CPU_COUNTERS.map(counter => [counter, names.indexOf(COLUMNS[counter])] as const);
  return lines.map((numbers, cpu) => {
    const counters = places.map(([counter, at]) => [counter, at < 0 ? 0 : Number.parseInt(numbers[at], 16)]);
    return { cpu, ...(Object.fromEntries(counters) as Record<CpuCounter, number>) };
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const what = `${path} cannot be read (${errnoOf(error)})`;
    throw new CtflowError('CTFLOW_PROCFS', what, 'Load connection tracking with modprobe nf_conntrack', error);
  }
}
