import { VERSION } from '../../common/version.js';
import type { ExporterStats } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import type { CertificateExpiry } from './certificates.js';
import { metric, metricBy, type MetricGroup } from './metric.js';

/** What is known of the process itself. */
/** How many network namespaces are read. */
export interface NamespaceFigures {
  readonly read: number;
  /** Beyond the limit. */
  readonly refused: number;
  /** No longer read, since they are gone. */
  readonly retired: number;
  /** Records of these that were left unexported. */
  readonly unexported: number;
}

export interface ProcessFigures {
  readonly backend: ExporterStats['backend'];
  readonly source: Source['kind'];
  readonly certificates: readonly CertificateExpiry[];
  readonly logLinesDropped: number;
  /** Where several may be read. */
  readonly namespaces?: NamespaceFigures | undefined;
}

/** When this process began, seconds since 1970. */
const STARTED = performance.timeOrigin / 1000;

export const PROCESS_METRICS: MetricGroup<ProcessFigures> = {
  title: 'ctflow itself',
  when: '',
  metrics: [
    {
      name: 'ctflow_info',
      type: 'gauge',
      help: 'Version of ctflow and of Node, backend (native, fallback) and source (netlink, procfs, ovs, replay). Always 1.',
      labels: ['version', 'node', 'backend', 'source'],
      read: ({ backend, source }) => [[[VERSION, process.versions.node, backend, source], 1]],
    },
    metric('gauge', 'ctflow_process_start_time_seconds', 'When ctflow was started, seconds since 1970.', () => STARTED),
    metricBy(
      'counter',
      'ctflow_process_cpu_seconds_total',
      'CPU time of all threads, by mode: user or system.',
      'mode',
      () => {
        const { user, system } = process.cpuUsage();
        return { user: user / 1e6, system: system / 1e6 };
      },
    ),
    metric('gauge', 'ctflow_process_resident_memory_bytes', 'Memory of the process that is in RAM.', () =>
      process.memoryUsage.rss(),
    ),
    metric(
      'counter',
      'ctflow_log_lines_dropped_total',
      'Lines of the log that nobody read in time, or that could not be written.',
      ({ logLinesDropped }) => logLinesDropped,
    ),
    {
      name: 'ctflow_certificate_expiry_timestamp_seconds',
      type: 'gauge',
      help: 'With TLS and DTLS: when a certificate expires that ctflow reads from a file, seconds since 1970; of several in one file, the first to expire.',
      labels: ['destination', 'setting', 'file'],
      read: ({ certificates }) =>
        certificates.map(({ destination, setting, file, expires }) => [[destination, setting, file], expires]),
    },
    metric(
      'gauge',
      'ctflow_namespaces',
      'Network namespaces that are read, where several may be.',
      from => from.namespaces?.read,
    ),
    metric(
      'gauge',
      'ctflow_namespaces_refused',
      'Network namespaces that are there and not read, because of `--max-namespaces`.',
      from => from.namespaces?.refused,
    ),
    metric(
      'counter',
      'ctflow_namespaces_retired_total',
      'Network namespaces that are gone and no longer waited for.',
      from => from.namespaces?.retired,
    ),
    metric(
      'counter',
      'ctflow_namespaces_retired_unexported_records_total',
      'Records of these that were left unexported.',
      from => from.namespaces?.unexported,
    ),
  ],
};
