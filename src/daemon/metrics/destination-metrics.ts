import type { DestinationStats } from '../../destination/destination-stats.js';
import type { ExporterStats } from '../../exporter.js';
import { type Metric, metric, metricBy, type MetricGroup, metricOfEach, unexported } from './metric.js';

type One = Metric<DestinationStats>;

/** Connections that a destination dropped before their last record, by reason, with what their records would have had. */
function dropped(unit: string, what: string, read: (loss: DestinationStats['stale']) => number): One {
  return metricBy(
    'counter',
    `ctflow_destination_dropped_${unit}_total`,
    `${what} that were dropped before their last record: stale (not exported in time), evicted (at the limit), overflow (of the queue).`,
    'reason',
    ({ stale, evictedUnreported, endedOverflow }) => ({
      stale: read(stale),
      evicted: read(evictedUnreported),
      overflow: read(endedOverflow),
    }),
  );
}

const METRICS: readonly One[] = [
  {
    name: 'ctflow_destination_info',
    type: 'gauge',
    help: 'The address of the destination. Always 1.',
    labels: ['endpoint'],
    read: ({ endpoint }) => [[[endpoint], 1]],
  },
  metric('gauge', 'ctflow_destination_connected', 'Whether a session is open: 1 or 0.', ({ connected }) => connected),
  metric(
    'gauge',
    'ctflow_destination_queued_connections',
    'Ended connections that wait for their last record.',
    ({ ended }) => ended,
  ),
  metric(
    'counter',
    'ctflow_destination_sessions_total',
    'Sessions opened, and files begun.',
    ({ transport }) => transport.connects,
  ),
  metric(
    'counter',
    'ctflow_destination_reconnections_total',
    'Sessions opened after the first one, and files begun after it.',
    ({ transport }) => Math.max(transport.connects - 1, 0),
  ),
  metric(
    'counter',
    'ctflow_destination_encoded_records_total',
    'Flow records encoded.',
    ({ session }) => session.records,
  ),
  metric(
    'counter',
    'ctflow_destination_encoded_options_records_total',
    'Options records encoded.',
    ({ session }) => session.optionsRecords,
  ),
  metric(
    'counter',
    'ctflow_destination_encoded_messages_total',
    'IPFIX messages encoded.',
    ({ session }) => session.messages,
  ),
  metric(
    'counter',
    'ctflow_destination_encoded_bytes_total',
    'Octets of IPFIX messages encoded.',
    ({ session }) => session.octets,
  ),
  metric(
    'counter',
    'ctflow_destination_oversize_records_total',
    'Flow records that fit no message.',
    ({ session }) => session.oversize,
  ),
  metricBy(
    'counter',
    'ctflow_destination_oversize_template_records_total',
    'Flow records that fit no message, by template.',
    'template',
    ({ session }) => session.oversizeTemplates,
  ),
  metric(
    'counter',
    'ctflow_destination_retired_templates_total',
    'Templates that made room for others.',
    ({ session }) => session.retiredTemplates,
  ),
  metric('counter', 'ctflow_destination_sent_records_total', 'Records sent.', ({ transport }) => transport.records),
  metric(
    'counter',
    'ctflow_destination_sent_messages_total',
    'IPFIX messages sent.',
    ({ transport }) => transport.messages,
  ),
  metric(
    'counter',
    'ctflow_destination_sent_bytes_total',
    'Octets of IPFIX messages sent.',
    ({ transport }) => transport.octets,
  ),
  metricBy(
    'counter',
    'ctflow_destination_errors_total',
    'Sends that failed, and sessions that could not be opened, by the name of the error.',
    'error',
    ({ transport }) => transport.errors,
  ),
  metric(
    'counter',
    'ctflow_destination_lost_records_total',
    'Flow records that are known not to have arrived.',
    ({ transport }) => transport.lostRecords,
  ),
  metric(
    'counter',
    'ctflow_destination_uncertain_records_total',
    'Records that were sent and may not have been read.',
    ({ transport }) => transport.uncertainRecords,
  ),
  dropped('connections', 'Ended connections', ({ connections }) => connections),
  dropped('packets', 'Packets of ended connections', ({ packets }) => packets),
  dropped('bytes', 'Octets of ended connections', ({ octets }) => octets),
  ...unexported<DestinationStats>(
    'ctflow_destination_filtered',
    'that have ended and were left out by --filter',
    ({ filtered }) => filtered,
  ),
  metric(
    'gauge',
    'ctflow_destination_udp_segmentation',
    'Over UDP: whether the kernel segments bursts, 1 or 0.',
    ({ udpSegmentation }) => udpSegmentation,
  ),
  metric(
    'gauge',
    'ctflow_destination_certificate_expiry_timestamp_seconds',
    'Over TLS and DTLS: when the certificate expires that the collector showed last, seconds since 1970.',
    ({ certificateExpires }) => certificateExpires && certificateExpires / 1000,
  ),
  metric(
    'counter',
    'ctflow_destination_removed_files_total',
    'Closed files that were removed, as only so many are kept.',
    ({ removedFiles }) => removedFiles,
  ),
  metric(
    'gauge',
    'ctflow_destination_aggregation_keys',
    'With --aggregate-keys: keys of this interval now.',
    ({ aggregation }) => aggregation?.keys,
  ),
  metric(
    'counter',
    'ctflow_destination_aggregation_overflow_total',
    'With --aggregate-keys: times that a connection found no room for its key.',
    ({ aggregation }) => aggregation?.overflowed,
  ),
  metric(
    'counter',
    'ctflow_destination_restart_uncertain_records_total',
    'With --state: records that may be missing after a restart.',
    ({ restartUncertain }) => restartUncertain?.records,
  ),
  metric(
    'counter',
    'ctflow_destination_restart_uncertain_packets_total',
    'With --state: packets in records that may be missing after a restart.',
    ({ restartUncertain }) => restartUncertain?.packets,
  ),
  metric(
    'counter',
    'ctflow_destination_restart_uncertain_bytes_total',
    'With --state: octets in records that may be missing after a restart.',
    ({ restartUncertain }) => restartUncertain?.octets,
  ),
];

/** What the statistics of each destination have; the label is its name. */
export const DESTINATION_METRICS: MetricGroup<ExporterStats> = {
  title: 'Destinations',
  when: 'Of each destination, by its name (`destination`).',
  metrics: METRICS.map(one =>
    metricOfEach<ExporterStats, DestinationStats>(
      ({ destinations }) => destinations,
      'destination',
      ({ name }) => name,
      one,
    ),
  ),
};

/** Of destinations that are no longer there. */
export const REMOVED_METRICS: MetricGroup<ExporterStats> = {
  title: 'Removed destinations',
  when: 'Once a reload has removed a destination: what those had done that were removed.',
  metrics: [
    metric(
      'counter',
      'ctflow_removed_destinations_total',
      'Destinations that were removed.',
      ({ removed }) => removed?.destinations,
    ),
    metric(
      'counter',
      'ctflow_removed_destination_encoded_records_total',
      'Flow records encoded for them.',
      ({ removed }) => removed?.records,
    ),
    metric(
      'counter',
      'ctflow_removed_destination_lost_records_total',
      'Flow records that are known not to have arrived there.',
      ({ removed }) => removed?.lostRecords,
    ),
    ...unexported<ExporterStats>(
      'ctflow_removed_destination_unexported',
      'that were dropped there, or were not exported to their end',
      ({ removed }) => removed?.unexported,
    ),
  ],
};
