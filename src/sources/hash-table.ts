import type { Source } from './source.js';

/**
 * The buckets of the kernel's hash table, as text; undefined where they cannot be read. While nf_conntrack_hash_resize moves
 * the entries, a dump leaves some out and shows others twice, and ends as any other: one between two numbers of buckets is
 * not complete. A change there and back within one dump is not seen.
 */
export function bucketsOf(source: Pick<Source, 'sysctl'>): string | undefined {
  try {
    return source.sysctl('nf_conntrack_buckets');
  } catch {
    return undefined; // closed
  }
}
