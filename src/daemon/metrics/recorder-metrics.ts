import type { RecorderServiceStats } from '../recorder/recorder-service.js';
import { metric, metricBy, type MetricGroup } from './metric.js';

export const RECORDER_METRICS: MetricGroup<RecorderServiceStats | undefined> = {
  title: 'Flight recorder',
  when: 'With `--record-last`.',
  metrics: [
    metric(
      'gauge',
      'ctflow_recorder_span_seconds',
      'Time that the recorder holds, from the oldest to the newest.',
      all => all && all.span / 1000,
    ),
    metric('gauge', 'ctflow_recorder_size_bytes', 'What it has on disk.', all => all?.octets),
    metric('gauge', 'ctflow_recorder_segments', 'Files that it has on disk.', all => all?.segments),
    metric('gauge', 'ctflow_recorder_waiting_bytes', 'What waits for the disk.', all => all?.waiting),
    metric('counter', 'ctflow_recorder_written_bytes_total', 'Octets written to the disk.', all => all?.octetsWritten),
    metric(
      'counter',
      'ctflow_recorder_cpu_seconds_total',
      'CPU time that recording took of the main thread.',
      all => all && all.cpu / 1000,
    ),
    metric('counter', 'ctflow_recorder_events_total', 'Events recorded.', all => all?.events),
    metricBy(
      'counter',
      'ctflow_recorder_dropped_events_total',
      'Events that are not recorded, by the reason: the limits of rate and CPU, too much that waited, an error of the disk.',
      'reason',
      all => all?.droppedEvents,
    ),
    metricBy(
      'counter',
      'ctflow_recorder_dumps_total',
      'Dumps recorded, whole or in part.',
      'what',
      all => all && { whole: all.dumps, part: all.partDumps },
    ),
    metricBy(
      'counter',
      'ctflow_recorder_skipped_dumps_total',
      'Dumps that are not recorded, by the reason: the table is too large for the size, or as events. Not those for which it was too early.',
      'reason',
      all => all?.skippedDumps,
    ),
    metric('counter', 'ctflow_recorder_errors_total', 'Errors of the disk.', all => all?.errors),
    metricBy(
      'counter',
      'ctflow_recordings_total',
      'Recordings written out, and attempts that failed.',
      'outcome',
      all => all && { written: all.recordings, failed: all.failedRecordings },
    ),
    metricBy(
      'counter',
      'ctflow_recorder_conditions_total',
      'Times that a condition was met, by what it asked for: a recording, or none so soon after the one before.',
      'condition',
      all =>
        all && {
          table_fill: all.conditions['table-fill'],
          drops: all.conditions.drops,
          suppressed: all.conditions.suppressed,
        },
    ),
  ],
};
