import type { ExporterStats } from '../../exporter.js';
import type { GeoipFileStats, GeoipStats } from '../../inventory/addresses/geoip.js';
import { metric, metricBy, type MetricGroup } from './metric.js';

type Group = MetricGroup<ExporterStats>;

export const geoip: Group = {
  title: 'GeoIP',
  when: 'With `--geoip-asn` or `--geoip-country`.',
  metrics: [
    metricBy(
      'gauge',
      'ctflow_geoip_loaded_timestamp_seconds',
      'When the database in force was read, seconds since 1970.',
      'kind',
      ({ geoip: all }) => all && ofFiles(all, ({ loadedAt }) => loadedAt / 1000),
    ),
    metricBy(
      'gauge',
      'ctflow_geoip_built_timestamp_seconds',
      'When that database was made, seconds since 1970.',
      'kind',
      ({ geoip: all }) => all && ofFiles(all, ({ builtAt }) => builtAt / 1000),
    ),
    metricBy(
      'counter',
      'ctflow_geoip_reloads_total',
      'Times that new content came into force.',
      'kind',
      ({ geoip: all }) => all && ofFiles(all, ({ reloads }) => reloads),
    ),
    metricBy(
      'counter',
      'ctflow_geoip_errors_total',
      'Contents that could not be used and stayed out of force.',
      'kind',
      ({ geoip: all }) => all && ofFiles(all, ({ errors }) => errors),
    ),
    metricBy(
      'counter',
      'ctflow_geoip_addresses_total',
      'Addresses of new flows: the answer was still known, or was looked up in the files.',
      'answer',
      ({ geoip: all }) => all && { known: all.known, looked_up: all.lookedUp },
    ),
    metric(
      'counter',
      'ctflow_geoip_damaged_total',
      'Addresses at which a database is damaged: nothing is known of them.',
      ({ geoip: all }) => all?.damaged,
    ),
  ],
};

export const dns: Group = {
  title: 'Names in the DNS',
  when: 'With `--dns-names`.',
  metrics: [
    metric('gauge', 'ctflow_dns_addresses', 'Addresses whose answer is kept now.', ({ dns: all }) => all?.addresses),
    metric(
      'gauge',
      'ctflow_dns_waiting_addresses',
      'Addresses that wait for an answer.',
      ({ dns: all }) => all?.waiting,
    ),
    metric('counter', 'ctflow_dns_questions_total', 'Addresses that were asked for.', ({ dns: all }) => all?.asked),
    metricBy(
      'counter',
      'ctflow_dns_answers_total',
      'Answers: a name, none, nothing that is a host name; no answer in time; an error.',
      'answer',
      ({ dns: all }) =>
        all && {
          name: all.answered,
          none: all.without,
          unusable: all.unusable,
          timeout: all.timeouts,
          failed: all.failed,
        },
    ),
    metric(
      'counter',
      'ctflow_dns_overflow_total',
      'Addresses that were not asked for, or flows that did not wait, as too many others did.',
      ({ dns: all }) => all?.overflow,
    ),
    metricBy(
      'counter',
      'ctflow_dns_evicted_total',
      'Answers that were forgotten: for the room, or as they were too old.',
      'reason',
      ({ dns: all }) => all && { room: all.evicted.room, age: all.evicted.age },
    ),
  ],
};

function ofFiles({ asn, country }: GeoipStats, read: (file: GeoipFileStats) => number): Record<string, number> {
  return { ...(asn && { asn: read(asn) }), ...(country && { country: read(country) }) };
}
