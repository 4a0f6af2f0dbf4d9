import { VERSION } from '../../common/version.js';
import type { ExporterStats } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import type { CertificateExpiry } from './certificates.js';
import { metric, metricBy, type MetricGroup } from './metric.js';

/** What is known of the process itself. */
export interface ProcessFigures {
  readonly backend: ExporterStats['backend'];
  readonly source: Source['kind'];
  readonly certificates: readonly CertificateExpiry[];
  readonly logLinesDropped: number;
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
  ],
};
