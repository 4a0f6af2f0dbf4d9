import { addCounts } from '../../common/add-counts.js';
import type { DestinationStats } from '../../destination/destination-stats.js';
import type { ExporterStats } from '../../exporter.js';
import { noCounts } from '../../store/stored-connections.js';

/** What the exporter of one network namespace counts. */
export interface NamedStats {
  /** Undefined where only one is read. */
  readonly netns: string | undefined;
  readonly stats: ExporterStats;
}

/** The name of a destination of one network namespace among those of several. */
export function nameIn(netns: string | undefined, name: string): string {
  return netns === undefined ? name : `${netns}/${name}`;
}

/** What is said of one network namespace among several. */
export function sayOf(netns: string | undefined, what: string): string {
  return netns === undefined ? what : `${what} (${netns})`;
}

/** Where nothing was read yet. */
export function noStats(backend: ExporterStats['backend']): ExporterStats {
  return {
    backend,
    connections: 0,
    poll: { polls: 0, incomplete: 0, overdue: 0, rows: 0, skipped: {}, interval: 0, share: 0, behind: 0 },
    store: noCounts(),
    recordsExported: 0,
    destinations: [],
    names: { count: 0, overflow: 0 },
  };
}

/**
 * Those of several network namespaces in one: sums of what is counted, the worst of what is not.
 * @param earlier sums of namespaces that are no longer read
 */
export function mergeStats(all: readonly NamedStats[], earlier: ExporterStats): ExporterStats {
  const [first, ...others] = all;
  if (first && first.netns === undefined && others.length === 0) return first.stats;
  let sum = earlier;
  for (const { stats } of all) sum = addCounts(sum, { ...stats, destinations: [] })!;
  const polls = all.map(({ stats }) => stats.poll);
  const { inventory, kubernetes, geoip, dns } = first?.stats ?? sum;
  const paths = all.flatMap(({ stats }) => stats.state?.path ?? []);
  return {
    ...sum,
    // of those that are read now
    connections: all.reduce((count, { stats }) => count + stats.connections, 0),
    poll: {
      ...sum.poll,
      interval: Math.max(0, ...polls.map(({ interval }) => interval)),
      share: polls.reduce((total, { share }) => total + share, 0),
      behind: Math.max(0, ...polls.map(({ behind }) => behind)),
    },
    // there is one for all
    ...(inventory && { inventory }),
    ...(kubernetes && { kubernetes }),
    ...(geoip && { geoip }),
    ...(dns && { dns }),
    ...(sum.state && { state: { ...sum.state, path: paths.join(' ') } }),
    destinations: all.flatMap(({ netns, stats }) =>
      stats.destinations.map((one): DestinationStats => ({ ...one, name: nameIn(netns, one.name) })),
    ),
  };
}
