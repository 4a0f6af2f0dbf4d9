import type { ExporterStats } from '../../exporter.js';
import { metric, metricBy, type MetricGroup, unexported } from './metric.js';

type Group = MetricGroup<ExporterStats>;

/** Counts by reason, those of two sockets together. */
function sums(...counts: (Readonly<Record<string, number>> | undefined)[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const one of counts) for (const [key, value] of Object.entries(one ?? {})) sum[key] = (sum[key] ?? 0) + value;
  return sum;
}

const polls: Group = {
  title: 'Polls',
  when: '',
  metrics: [
    metric('counter', 'ctflow_polls_total', "Polls of the kernel's table.", ({ poll }) => poll.polls),
    metric(
      'counter',
      'ctflow_incomplete_polls_total',
      'Polls that failed or did not see the whole table.',
      ({ poll }) => poll.incomplete,
    ),
    metric(
      'counter',
      'ctflow_overdue_polls_total',
      'Polls skipped because the previous one was still running.',
      ({ poll }) => poll.overdue,
    ),
    metric('counter', 'ctflow_poll_entries_total', 'Entries read in all polls.', ({ poll }) => poll.rows),
    metricBy(
      'counter',
      'ctflow_poll_skipped_entries_total',
      'Entries of polls that were left out.',
      'reason',
      ({ poll }) => poll.skipped,
    ),
    metric(
      'gauge',
      'ctflow_poll_interval_seconds',
      'Time between the beginnings of two polls, as it is now.',
      ({ poll }) => poll.interval / 1000,
    ),
    metric(
      'gauge',
      'ctflow_poll_behind_seconds',
      'Time that the poll which is running has taken so far, or by which the next one is late.',
      ({ poll }) => poll.behind / 1000,
    ),
    metric(
      'gauge',
      'ctflow_poll_cpu_ratio',
      'Share of one core that polls take, 1 for all of it.',
      ({ poll }) => poll.share / 100,
    ),
  ],
};

const connections: Group = {
  title: 'Connections',
  when: '',
  metrics: [
    metric(
      'gauge',
      'ctflow_stored_connections',
      'Connections stored now, with those that have ended and wait for their last record.',
      ({ connections }) => connections,
    ),
    metric('counter', 'ctflow_connections_added_total', 'Connections ever stored.', ({ store }) => store.added),
    metric(
      'counter',
      'ctflow_connections_earlier_total',
      'Of the connections stored, those older than ctflow.',
      ({ store }) => store.earlier,
    ),
    metric(
      'counter',
      'ctflow_connections_reopened_total',
      'Connections ended as a new one had their addresses and ports.',
      ({ store }) => store.reopened,
    ),
    metric(
      'counter',
      'ctflow_counter_resets_total',
      'Times that somebody set the counters of a connection to zero.',
      ({ store }) => store.counterResets,
    ),
    metric(
      'counter',
      'ctflow_connections_evicted_total',
      'Connections ended at the limit to make room.',
      ({ store }) => store.evicted,
    ),
    metric('counter', 'ctflow_connections_refused_total', 'Connections without room.', ({ store }) => store.refused),
    metric(
      'counter',
      'ctflow_connections_destroyed_total',
      'Connections whose last counters came from a DESTROY event.',
      ({ store }) => store.destroyed,
    ),
    metric(
      'counter',
      'ctflow_connections_unseen_total',
      'Connections known from their DESTROY event alone: no poll saw them.',
      ({ store }) => store.unseen,
    ),
    metric(
      'counter',
      'ctflow_connections_eventless_total',
      'Connections that ended without an event, though events were read.',
      ({ store }) => store.eventless,
    ),
    metric(
      'counter',
      'ctflow_own_rows_total',
      "Rows of polls and events of ctflow's own connections to its collectors.",
      ({ store }) => store.own,
    ),
    metric(
      'counter',
      'ctflow_filtered_rows_total',
      'Rows of polls and events left out by mark or status.',
      ({ store }) => store.filtered,
    ),
    metric(
      'counter',
      'ctflow_repeated_events_total',
      'DESTROY events that the kernel delivered again.',
      ({ store }) => store.repeated,
    ),
    ...unexported<ExporterStats>(
      'ctflow_ambiguous',
      'of DESTROY events that may have been exported before',
      ({ store }) => store.ambiguous,
    ),
    ...unexported<ExporterStats>(
      'ctflow_late',
      'whose DESTROY event came after they had to be ended',
      ({ store }) => store.late,
    ),
    metric('gauge', 'ctflow_names', 'Names in records, known now.', ({ names }) => names.count),
    metric('counter', 'ctflow_names_overflow_total', 'Names without room.', ({ names }) => names.overflow),
    metric(
      'counter',
      'ctflow_namespaces_left_total',
      'With --netns: times that the network namespace went, or another came in its place.',
      ({ namespacesLeft }) => namespacesLeft,
    ),
  ],
};

const events: Group = {
  title: 'Conntrack events',
  when: 'Where events are received (`--events`).',
  metrics: [
    metricBy(
      'counter',
      'ctflow_events_total',
      'Events of the kernel.',
      'kind',
      ({ events: all }) =>
        all &&
        sums(
          ...[all, all.changes].map(
            counts => counts && { new: counts.created, update: counts.updated, destroy: counts.destroyed },
          ),
        ),
    ),
    metricBy(
      'counter',
      'ctflow_dropped_events_total',
      'Events left out: by the filter, unreadable, no events, longer than the buffer.',
      'reason',
      ({ events: all }) =>
        all &&
        sums(
          ...[all, all.changes].map(
            counts =>
              counts && {
                filtered: counts.filtered,
                malformed: counts.malformed,
                ignored: counts.ignored,
                truncated: counts.truncated,
              },
          ),
        ),
    ),
    metricBy(
      'counter',
      'ctflow_event_overruns_total',
      'Times that a receive buffer was full, by the socket: DESTROY events, or NEW and UPDATE.',
      'socket',
      ({ events: all }) => all && { destroy: all.overrun, ...(all.changes && { change: all.changes.overrun }) },
    ),
    metric(
      'counter',
      'ctflow_lost_events_total',
      'Connections whose DESTROY event the kernel dropped.',
      ({ events: all }) => all?.lost,
    ),
    metric(
      'counter',
      'ctflow_unread_events_total',
      'Ended connections that the kernel still held when reading events ended, and events that were not taken in time.',
      ({ events: all }) => all?.unread,
    ),
    metric(
      'gauge',
      'ctflow_poll_only_connections',
      'Connections from before, for which the kernel need not make events.',
      ({ events: all }) => all?.pollOnly,
    ),
    metricBy(
      'gauge',
      'ctflow_event_guard_info',
      'What bounds the ended connections that the kernel holds: filter, polls, or off. Always 1.',
      'guard',
      ({ events: all }) => all && { [all.guard]: 1 },
    ),
    metric(
      'gauge',
      'ctflow_pending_event_connections',
      'Connections known from events and not stored yet.',
      ({ pendingEvents }) => pendingEvents?.count,
    ),
    metric(
      'counter',
      'ctflow_pending_event_overflow_total',
      'Connections known from events for which there was no room.',
      ({ pendingEvents }) => pendingEvents?.overflow,
    ),
    metric(
      'counter',
      'ctflow_pending_event_expired_total',
      'Connections known from events that nothing showed afterwards.',
      ({ pendingEvents }) => pendingEvents?.expired,
    ),
    metric(
      'counter',
      'ctflow_resync_polls_total',
      'Extra polls after lost events.',
      ({ pendingEvents }) => pendingEvents?.resyncs,
    ),
  ],
};

/** What the statistics of every exporter have, and those of events; not what its destinations have. */
export const EXPORTER_METRICS: readonly Group[] = [polls, connections, events];
