import type { Source } from '../sources/source.js';

/** How full the kernel's table is. */
export interface KernelTable {
  readonly entries: number;
  readonly limit: number;
}

/** The entries of the namespace and their limit; undefined where the source shows none. */
export function kernelTable(source: Source): KernelTable | undefined {
  const [entries, limit] = ['nf_conntrack_count', 'nf_conntrack_max'].map(name => source.sysctl(name)?.trim());
  return entries === undefined || limit === undefined ? undefined : { entries: Number(entries), limit: Number(limit) };
}
