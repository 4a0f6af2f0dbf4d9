import type { CpuCounter } from '../../sources/table-statistics.js';
import type { CensusCounts } from './census.js';
import { metric, metricBy, type Metric, type MetricGroup } from './metric.js';

/** What the kernel says of its table. */
export interface KernelFigures {
  readonly entries: number;
  readonly limit?: number | undefined;
  /** Over all CPUs. */
  readonly counters: Readonly<Record<CpuCounter, number>>;
}

type Kernel = KernelFigures | undefined;

/** Name, counter, and what it counts (struct ip_conntrack_stat, nf_conntrack_core.c). */
const COUNTERS: readonly (readonly [name: string, counter: CpuCounter, help: string])[] = [
  ['found', 'found', 'Entries that were in the way when a tuple for NAT was looked for.'],
  ['invalid', 'invalid', 'Packets that conntrack could not assign to a connection.'],
  ['insert', 'insert', 'Entries inserted by programs, as conntrack -I does, and not by packets.'],
  ['insert_failed', 'insertFailed', 'Entries that could not be inserted, as one of the same tuple was there.'],
  ['drop', 'drop', 'Packets dropped as no entry could be made for them: the table was full, or there was no memory.'],
  ['early_drop', 'earlyDrop', 'Entries removed before their time, as the table was full.'],
  ['icmp_error', 'icmpError', 'ICMP errors that could not be read or belong to no connection.'],
  ['search_restart', 'searchRestart', 'Look-ups begun again, as an entry moved to another bucket meanwhile.'],
  ['clash_resolve', 'clashResolve', 'Entries that two packets made at once, and that became one.'],
  ['chaintoolong', 'chainTooLong', 'Entries dropped as a bucket of the hash table had too many.'],
];

/** The kernel's own; there where there is a kernel to ask. */
export const KERNEL_METRICS: MetricGroup<Kernel> = {
  title: "The kernel's table",
  when: 'Not with a recording. By ctnetlink, with the fallback by procfs; the counters are those of all CPUs together, without their limit of 32 bits.',
  metrics: [
    metric(
      'gauge',
      'ctflow_conntrack_entries',
      'Entries in the table, ended ones that the kernel holds among them.',
      kernel => kernel?.entries,
    ),
    metric(
      'gauge',
      'ctflow_conntrack_entries_limit',
      'Entries that the table may have, 0 for any number.',
      kernel => kernel?.limit,
    ),
    ...COUNTERS.map(([name, counter, help]): Metric<Kernel> =>
      metric('counter', `ctflow_conntrack_${name}_total`, help, kernel => kernel?.counters[counter]),
    ),
  ],
};

/** Of connections that the kernel has. */
export const CENSUS_METRICS: MetricGroup<CensusCounts> = {
  title: 'Connections by kind',
  when: 'Connections of the last poll that have not ended, counted anew every 5 s at most.',
  metrics: [
    {
      name: 'ctflow_connections',
      type: 'gauge',
      help: 'Connections by protocol, state and family (ipv4, ipv6). The state is that of TCP, SCTP or DCCP; of others UNREPLIED, REPLIED or ASSURED. Protocols without a name here are `other` together.',
      labels: ['protocol', 'state', 'family'],
      read: ({ byState }) => byState.map(([protocol, state, family, count]) => [[protocol, state, family], count]),
    },
    {
      name: 'ctflow_zone_connections',
      type: 'gauge',
      help: 'Connections by zone; zones beyond 64 are `other` together.',
      labels: ['zone'],
      read: ({ byZone }) => byZone.map(([zone, count]) => [[zone], count]),
    },
    metricBy(
      'gauge',
      'ctflow_offloaded_connections',
      'Connections that a flowtable forwards. Counters of `suspect` ones may be too small: a flowtable of the namespace has no `counter`, or they cannot be seen.',
      'counters',
      ({ offloaded, suspect }) => ({ exact: offloaded - suspect, suspect }),
    ),
  ],
};
