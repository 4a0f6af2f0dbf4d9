import { Counter, Gauge, Registry } from 'prom-client';
import type { ExporterStats } from '../../exporter.js';
import type { CensusCounts } from './census.js';
import { DESTINATION_METRICS, REMOVED_METRICS } from './destination-metrics.js';
import { EXPORTER_METRICS } from './exporter-metrics.js';
import { FEATURE_METRICS } from './feature-metrics.js';
import { CENSUS_METRICS, KERNEL_METRICS, type KernelFigures } from './kernel-metrics.js';
import { type Metric, type MetricGroup, metricOfEach } from './metric.js';
import { PRESSURE_METRICS, type PressureFigures } from './pressure-metrics.js';
import { PROCESS_METRICS, type ProcessFigures } from './process-metrics.js';
import { RECORDER_METRICS } from './recorder-metrics.js';
import type { RecorderServiceStats } from '../recorder/recorder-service.js';
import type { Timings } from './timings.js';

/** What metrics of one exporter are read from, at one moment. */
export interface ExporterSnapshot {
  readonly exporter: ExporterStats;
  /** Where there is a kernel to ask. */
  readonly kernel: KernelFigures | undefined;
  readonly census: CensusCounts;
  readonly pressure: PressureFigures;
}

/** The same of one of several network namespaces. */
export interface NamespaceSnapshot extends ExporterSnapshot {
  readonly netns: string;
}

/** What the metrics of the process are read from. */
export interface ProcessSnapshot {
  readonly process: ProcessFigures;
  /** Where a flight recorder is on. */
  readonly recorder: RecorderServiceStats | undefined;
}

/** Everything that metrics are read from, where one exporter runs. */
export interface Snapshot extends ExporterSnapshot, ProcessSnapshot {}

function from<All, Part>(pick: (all: All) => Part, { metrics, ...rest }: MetricGroup<Part>): MetricGroup<All> {
  return { ...rest, metrics: metrics.map(({ read, ...one }) => ({ ...one, read: all => read(pick(all)) })) };
}

function ofExporter(group: MetricGroup<ExporterStats>): MetricGroup<ExporterSnapshot> {
  return from(({ exporter }) => exporter, group);
}

const OF_PROCESS = from(({ process }: ProcessSnapshot) => process, PROCESS_METRICS);
const OF_RECORDER = from(({ recorder }: ProcessSnapshot) => recorder, RECORDER_METRICS);
const OF_TABLE: readonly MetricGroup<ExporterSnapshot>[] = [
  from(({ kernel }) => kernel, KERNEL_METRICS),
  from(({ census }) => census, CENSUS_METRICS),
  from(({ pressure }) => pressure, PRESSURE_METRICS),
  ...[...EXPORTER_METRICS, ...FEATURE_METRICS].map(ofExporter),
];
const OF_DESTINATIONS = [DESTINATION_METRICS, REMOVED_METRICS].map(ofExporter);

/** Every metric that is read, in the order of docs/metrics.md. */
export const METRIC_GROUPS: readonly MetricGroup<Snapshot>[] = [
  OF_PROCESS,
  ...OF_TABLE,
  OF_RECORDER,
  ...OF_DESTINATIONS,
];

/** The text that Prometheus reads (exposition format 0.0.4). A metric without samples is left out. */
export async function exposition(snapshot: Snapshot, timings?: Timings): Promise<string> {
  const registry = new Registry();
  timings?.register(registry);
  for (const { metrics } of METRIC_GROUPS) for (const metric of metrics) add(registry, metric, snapshot);
  return registry.metrics();
}

/** The same of several network namespaces: all but what is of the process has its label `netns`. */
export async function expositionOfEach(
  process: ProcessSnapshot,
  namespaces: readonly NamespaceSnapshot[],
  timings?: Timings,
): Promise<string> {
  const registry = new Registry();
  timings?.register(registry);
  for (const { metrics } of [OF_PROCESS, OF_RECORDER]) for (const metric of metrics) add(registry, metric, process);
  for (const { metrics } of [...OF_TABLE, ...OF_DESTINATIONS])
    for (const metric of metrics)
      add(
        registry,
        metricOfEach(everyOne, 'netns', ({ netns }: NamespaceSnapshot) => netns, metric),
        namespaces,
      );
  return registry.metrics();
}

const everyOne = (all: readonly NamespaceSnapshot[]): readonly NamespaceSnapshot[] => all;

export const EXPOSITION_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

function add<From>(registry: Registry, { name, help, type, labels, read }: Metric<From>, snapshot: From): void {
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
