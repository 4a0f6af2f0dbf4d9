import { Counter, Gauge, Registry } from 'prom-client';
import type { ExporterStats } from '../../exporter.js';
import type { CensusCounts } from './census.js';
import { DESTINATION_METRICS, REMOVED_METRICS } from './destination-metrics.js';
import { EXPORTER_METRICS } from './exporter-metrics.js';
import { FEATURE_METRICS } from './feature-metrics.js';
import { CENSUS_METRICS, KERNEL_METRICS, type KernelFigures } from './kernel-metrics.js';
import type { Metric, MetricGroup } from './metric.js';
import { PRESSURE_METRICS, type PressureFigures } from './pressure-metrics.js';
import { PROCESS_METRICS, type ProcessFigures } from './process-metrics.js';
import { RECORDER_METRICS } from './recorder-metrics.js';
import type { RecorderServiceStats } from '../recorder/recorder-service.js';
import type { Timings } from './timings.js';

/** Everything that metrics are read from, at one moment. */
export interface Snapshot {
  readonly exporter: ExporterStats;
  readonly process: ProcessFigures;
  /** Where there is a kernel to ask. */
  readonly kernel: KernelFigures | undefined;
  readonly census: CensusCounts;
  readonly pressure: PressureFigures;
  /** Where a flight recorder is on. */
  readonly recorder: RecorderServiceStats | undefined;
}

function from<Part>(pick: (all: Snapshot) => Part, { metrics, ...rest }: MetricGroup<Part>): MetricGroup<Snapshot> {
  return { ...rest, metrics: metrics.map(({ read, ...one }) => ({ ...one, read: all => read(pick(all)) })) };
}

/** Every metric that is read, in the order of docs/metrics.md. */
export const METRIC_GROUPS: readonly MetricGroup<Snapshot>[] = [
  from(({ process }) => process, PROCESS_METRICS),
  from(({ kernel }) => kernel, KERNEL_METRICS),
  from(({ census }) => census, CENSUS_METRICS),
  from(({ pressure }) => pressure, PRESSURE_METRICS),
  ...[...EXPORTER_METRICS, ...FEATURE_METRICS].map(group => from(({ exporter }) => exporter, group)),
  from(({ recorder }) => recorder, RECORDER_METRICS),
  ...[DESTINATION_METRICS, REMOVED_METRICS].map(group => from(({ exporter }) => exporter, group)),
];

/** The text that Prometheus reads (exposition format 0.0.4). A metric without samples is left out. */
export async function exposition(snapshot: Snapshot, timings?: Timings): Promise<string> {
  const registry = new Registry();
  timings?.register(registry);
  for (const { metrics } of METRIC_GROUPS) for (const metric of metrics) add(registry, metric, snapshot);
  return registry.metrics();
}

export const EXPOSITION_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

function add(registry: Registry, { name, help, type, labels, read }: Metric<Snapshot>, snapshot: Snapshot): void {
  const samples = read(snapshot);
  if (samples.length === 0) return;
  const options = { name, help, labelNames: labels, registers: [registry] };
  const set = type === 'counter' ? counter(new Counter(options)) : gauge(new Gauge(options));
  for (const [values, value] of samples) set(Object.fromEntries(labels.map((label, i) => [label, values[i]])), value);
}

type Set = (labels: Record<string, string>, value: number) => void;
const counter =
  (one: Counter): Set =>
  (labels, value) =>
    one.inc(labels, value);
const gauge =
  (one: Gauge): Set =>
  (labels, value) =>
    one.set(labels, value);
