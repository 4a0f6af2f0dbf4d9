import type { Pressure, PressureGroups } from '../top/pressure-page.js';
import type { PortsLine } from '../top/snat-ports.js';
import type { TableForecast } from '../table-growth.js';
import { type Metric, metric, type MetricGroup } from './metric.js';

/** What is counted for metrics. */
export const MEASURED = ['source', 'destination', 'timeout', 'snat'] as const satisfies readonly Pressure[];
/** Groups with a rank. */
export const MOST_RANKS = 10;

/** What is left of the ports of translated sources, where the settings give them. */
export interface PortsFigures {
  /** The ends that have the largest share of the ports that are in use when the kernel finds none. */
  readonly fullest?: { readonly line: PortsLine; readonly share: number };
  /** The ends that will be the first without a port. */
  readonly soonest?: PortsLine;
}

/** Who fills the kernel's table, and how fast. */
export interface PressureFigures {
  /** Undefined until there were two looks, and where there is no kernel to ask. */
  readonly forecast: TableForecast | undefined;
  readonly groups: Readonly<Record<Exclude<(typeof MEASURED)[number], 'snat'>, PressureGroups>> & {
    readonly snat: Omit<PressureGroups, 'lines'> & { readonly lines: readonly PortsLine[] };
  };
  /** Absent where the settings say nothing of ports. */
  readonly ports?: PortsFigures;
}

type One = Metric<PressureFigures>;

/** The largest groups of a kind by their rank. */
function ranked(name: string, help: string, kind: (typeof MEASURED)[number]): One {
  return {
    name,
    type: 'gauge',
    help,
    labels: ['rank'],
    read: ({ groups }) => groups[kind].lines.map(({ entries }, i) => [[String(i + 1)], entries]),
  };
}

function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1_000;
}

export const PRESSURE_METRICS: MetricGroup<PressureFigures> = {
  title: 'Who fills the table',
  when: `Entries of the last poll that have not ended, counted anew every 60 s at most. A rank is 1 to ${MOST_RANKS}, 1 for the most: [\`ctflow pressure\`](pressure.md) says whose they are. A label with addresses would be a new series with each address, and tell them to all who may read.`,
  metrics: [
    metric(
      'gauge',
      'ctflow_conntrack_growth_entries_per_second',
      "Entries a second by which the kernel's table grows, over the last minute; below 0 where it shrinks.",
      ({ forecast }) => forecast?.rate,
    ),
    metric(
      'gauge',
      'ctflow_conntrack_early_removal_seconds',
      'Time until the table is so full that the kernel begins to remove entries before their time, if it grows on like this; 0 from then on. Left out where this does not come.',
      ({ forecast }) => seconds(forecast?.removesIn),
    ),
    metric(
      'gauge',
      'ctflow_conntrack_full_seconds',
      'Time until the table is full, if it grows on like this; 0 where it is. Left out where this does not come.',
      ({ forecast }) => seconds(forecast?.fullIn),
    ),
    ranked('ctflow_top_source_entries', 'Entries of the sources that have the most.', 'source'),
    ranked('ctflow_top_destination_entries', 'Entries of the destinations that have the most.', 'destination'),
    {
      name: 'ctflow_timeout_entries',
      type: 'gauge',
      help: 'Entries by the time after which the kernel deletes them if no packet comes: `1m-2m` is a minute or more, and less than two.',
      labels: ['left'],
      read: ({ groups }) => groups.timeout.lines.map(({ name, entries }) => [[name], entries]),
    },
    ranked(
      'ctflow_top_snat_ports',
      'Ports in use by translated sources, from one external address to one port of a remote one by one protocol, where these are the most. Without ports in a rule there are 64512.',
      'snat',
    ),
    {
      name: 'ctflow_top_snat_ports_free',
      type: 'gauge',
      help: 'Ports that are free of the range that `snatPorts` gives, at the same rank as in ctflow_top_snat_ports. Left out where it gives none.',
      labels: ['rank'],
      read: ({ groups }) =>
        groups.snat.lines.flatMap(({ free }, i): [string[], number][] =>
          free === undefined ? [] : [[[String(i + 1)], free]],
        ),
    },
    metric(
      'gauge',
      'ctflow_snat_ports_used_ratio',
      'Of the translated sources whose range `snatPorts` gives, the largest share of the ports that are in use when the kernel finds none: from 1 on it may find none. Looked for among the 1,000 with the most ports.',
      ({ ports }) => ports?.fullest?.share,
    ),
    metric(
      'gauge',
      'ctflow_snat_ports_exhausted_seconds',
      'Time until the kernel finds no port for the first of them, if ports in use become more as between the last two counts; 0 where it may find none now. Left out where this does not come.',
      ({ ports }) => seconds(ports?.soonest?.exhaustedIn),
    ),
  ],
};
