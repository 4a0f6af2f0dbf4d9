import type { ExporterStats } from '../../exporter.js';
import type { MetricGroup, Sample } from './metric.js';

/** Where all events are received. */
export const outcomes: MetricGroup<ExporterStats> = {
  title: 'Connections that came to nothing',
  when: 'With `--events all`.',
  metrics: [
    {
      type: 'counter',
      name: 'ctflow_failed_connections_total',
      help: 'Connections that ended refused (TCP: RST in answer to SYN), unanswered (no packet of the reply direction) or reset (TCP: answered, then RST without FIN), by the service at their original destination: its name in the inventory, else protocol/port. Services beyond 64 are `other` together.',
      labels: ['outcome', 'service'],
      read: ({ outcomes: all = {} }) =>
        Object.entries(all).flatMap(([service, { refused, unanswered, reset }]) =>
          Object.entries({ refused, unanswered, reset }).map(([outcome, count]): Sample => [[outcome, service], count]),
        ),
    },
  ],
};
