import type { Pressure, PressureGroups } from '../top/pressure-page.js';
import type { TableForecast } from '../table-growth.js';
import { type Metric, metric, type MetricGroup } from './metric.js';

/** What is counted for metrics. */
export const MEASURED = ['source', 'destination', 'timeout', 'snat'] as const satisfies readonly Pressure[];
/** Groups with a rank. */
export const MOST_RANKS = 10;

/** Who fills the kernel's table, and how fast. */
export interface PressureFigures {
  /** Undefined until there were two looks, and where there is no kernel to ask. */
  readonly forecast: TableForecast | undefined;
  readonly groups: Readonly<Record<(typeof MEASURED)[number], PressureGroups>>;
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
  ],
};
