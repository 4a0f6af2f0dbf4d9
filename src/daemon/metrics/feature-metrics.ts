import type { ExporterStats } from '../../exporter.js';
import { dns, geoip } from './address-metrics.js';
import { metric, metricBy, type MetricGroup } from './metric.js';
import { outcomes } from './outcome-metrics.js';

type Group = MetricGroup<ExporterStats>;

const denied: Group = {
  title: 'Denied packets',
  when: 'With `--nflog-group`.',
  metrics: [
    metric('gauge', 'ctflow_denied_flows', 'Denied flows stored now.', ({ denied: all }) => all?.flows),
    metric(
      'gauge',
      'ctflow_denied_pending_packets',
      'Denied packets that wait for the next poll.',
      ({ denied: all }) => all?.pending,
    ),
    metric('counter', 'ctflow_denied_flows_added_total', 'Denied flows ever stored.', ({ denied: all }) => all?.added),
    metric(
      'counter',
      'ctflow_denied_flows_evicted_total',
      'Denied flows ended at the limit.',
      ({ denied: all }) => all?.evicted,
    ),
    metric(
      'counter',
      'ctflow_denied_matched_packets_total',
      'Denied packets that conntrack counted too: exported with their connection.',
      ({ denied: all }) => all?.matched,
    ),
    metric(
      'counter',
      'ctflow_denied_matched_late_packets_total',
      'Of these, packets that came after the last record of their connection.',
      ({ denied: all }) => all?.matchedLate,
    ),
    metric(
      'counter',
      'ctflow_denied_overflow_packets_total',
      'Denied packets without room to wait: conntrack may have counted them too.',
      ({ denied: all }) => all?.overflow,
    ),
    metric(
      'counter',
      'ctflow_denied_refused_packets_total',
      'Denied packets without room in the store: not exported.',
      ({ denied: all }) => all?.refusedPackets,
    ),
    metric(
      'counter',
      'ctflow_denied_refused_bytes_total',
      'Octets of denied packets without room in the store: not exported.',
      ({ denied: all }) => all?.refusedOctets,
    ),
    metric(
      'counter',
      'ctflow_nflog_packets_total',
      'Packets received from NFLOG groups.',
      ({ denied: all }) => all?.nflog?.packets,
    ),
    metricBy(
      'counter',
      'ctflow_nflog_dropped_packets_total',
      'Packets of NFLOG groups left out: by the filter, unreadable, no packets, longer than the buffer.',
      'reason',
      ({ denied: all }) =>
        all?.nflog && {
          filtered: all.nflog.filtered,
          malformed: all.nflog.malformed,
          ignored: all.nflog.ignored,
          truncated: all.nflog.truncated,
        },
    ),
    metric(
      'counter',
      'ctflow_nflog_lost_packets_total',
      'Packets that the kernel dropped, by gaps in the sequence numbers.',
      ({ denied: all }) => all?.nflog?.lost,
    ),
    metric(
      'counter',
      'ctflow_nflog_overruns_total',
      'Times that the receive buffer was full.',
      ({ denied: all }) => all?.nflog?.overrun,
    ),
    metric(
      'counter',
      'ctflow_nflog_unnamed_packets_total',
      'Packets without their log prefix, as its table was full.',
      ({ denied: all }) => all?.nflog?.unnamed,
    ),
    metricBy(
      'gauge',
      'ctflow_nft_log_prefixes',
      'Log prefixes of nft rules: with a comment, which names their packets; shared by rules with different comments, so that none does. And rules left out, as there are too many.',
      'comment',
      ({ denied: all }) =>
        all?.comments && {
          named: all.comments.named,
          shared: all.comments.shared,
          left_out: all.comments.leftOut,
        },
    ),
  ],
};

const nat: Group = {
  title: 'NAT events',
  when: 'Where a destination has profile nat.',
  metrics: [
    metricBy(
      'counter',
      'ctflow_nat_events_total',
      'Events of translated connections.',
      'kind',
      ({ nat: all }) => all && { create: all.created, delete: all.deleted },
    ),
    metricBy(
      'counter',
      'ctflow_nat_late_events_total',
      'Create events whose NEW was lost, by what showed the connection.',
      'from',
      ({ nat: all }) => all && { poll: all.lateFromPoll, destroy: all.lateFromDestroy },
    ),
    metric(
      'counter',
      'ctflow_nat_unregistered_connections_total',
      'Translated IPv6 connections without events, as no natEvent is registered for them.',
      ({ nat: all }) => all?.unregistered,
    ),
  ],
};

const state: Group = {
  title: 'State file',
  when: 'With `--state`.',
  metrics: [
    metric('gauge', 'ctflow_state_size_bytes', 'Size of the state file.', ({ state: all }) => all?.size),
    metric(
      'counter',
      'ctflow_state_restored_connections_total',
      'Connections of the previous run that were found again.',
      ({ state: all }) => all?.restored,
    ),
    metric(
      'counter',
      'ctflow_state_ended_while_down_connections_total',
      'Connections of the previous run that ended while no exporter ran.',
      ({ state: all }) => all?.endedWhileDown,
    ),
    metric(
      'counter',
      'ctflow_state_compactions_total',
      'Times that the file was written anew.',
      ({ state: all }) => all?.compactions,
    ),
    metric('counter', 'ctflow_state_errors_total', 'Errors of the disk.', ({ state: all }) => all?.errors),
    metric(
      'counter',
      'ctflow_state_begun_anew_total',
      'Times that the file was begun anew while in use.',
      ({ state: all }) => all?.begunAnew,
    ),
    metricBy(
      'counter',
      'ctflow_state_ends_total',
      'Ended connections: of the previous run, written down, or not written down and why.',
      'outcome',
      ({ state: all }) =>
        all && {
          recovered: all.ends.recovered,
          written: all.ends.written,
          full: all.ends.full,
          failed: all.ends.failed,
          without_identity: all.ends.withoutIdentity,
        },
    ),
    metric(
      'counter',
      'ctflow_restart_uncertain_records_total',
      'Records that may be missing after a restart, of all collectors.',
      ({ state: all }) => all?.restartUncertain.records,
    ),
    metric(
      'counter',
      'ctflow_restart_uncertain_packets_total',
      'Packets in records that may be missing after a restart, of all collectors.',
      ({ state: all }) => all?.restartUncertain.packets,
    ),
    metric(
      'counter',
      'ctflow_restart_uncertain_bytes_total',
      'Octets in records that may be missing after a restart, of all collectors.',
      ({ state: all }) => all?.restartUncertain.octets,
    ),
  ],
};

const routes: Group = {
  title: 'Interfaces by routes',
  when: 'Where a destination has `--interfaces route`.',
  metrics: [
    metric('counter', 'ctflow_route_questions_total', 'Questions to the kernel.', ({ routes: all }) => all?.asked),
    metric(
      'counter',
      'ctflow_route_changes_total',
      'Times that the answers were forgotten, as a route, rule, nexthop, link or address had changed.',
      ({ routes: all }) => all?.forgotten,
    ),
    metricBy(
      'counter',
      'ctflow_route_missing_interfaces_total',
      'Interfaces that are not in a record, by the reason.',
      'reason',
      ({ routes: all }) => all && { unreachable: all.unreachable, ambiguous: all.ambiguous },
    ),
    metricBy(
      'counter',
      'ctflow_route_records_without_interfaces_total',
      'Records without interfaces: too much was asked at once, or the kernel could not be asked.',
      'reason',
      ({ routes: all }) => all && { postponed: all.postponed, failed: all.failed },
    ),
  ],
};

const owners: Group = {
  title: 'Owners of sockets',
  when: 'With `--owners`.',
  metrics: [
    metric('gauge', 'ctflow_owners', 'Owners that are known now.', ({ owners: all }) => all?.owners),
    metric(
      'counter',
      'ctflow_owner_looks_total',
      "Times that the kernel's sockets were read.",
      ({ owners: all }) => all?.looks,
    ),
    metric('counter', 'ctflow_owner_sockets_total', 'Sockets that were read.', ({ owners: all }) => all?.sockets),
    metric(
      'counter',
      'ctflow_owner_connections_total',
      'Connections that were looked for.',
      ({ owners: all }) => all?.connections,
    ),
    metric('counter', 'ctflow_owner_named_ends_total', 'Ends that have an owner.', ({ owners: all }) => all?.named),
    metricBy(
      'counter',
      'ctflow_owner_unknown_total',
      'Connections or ends without an owner, by the reason.',
      'reason',
      ({ owners: all }) =>
        all && {
          without: all.without,
          ambiguous: all.ambiguous,
          unproven: all.unproven,
          ended: all.ended,
          zone: all.inZone,
          overflow: all.overflow,
          table_full: all.ownersOverflow,
          failed: all.failed,
        },
    ),
    metric(
      'counter',
      'ctflow_owner_cpu_seconds_total',
      'CPU time of looking owners up.',
      ({ owners: all }) => all && all.cpu / 1000,
    ),
  ],
};

const inventory: Group = {
  title: 'Inventory',
  when: 'With `--inventory`.',
  metrics: [
    metricBy(
      'gauge',
      'ctflow_inventory_entries',
      'Entries of the inventory in force.',
      'kind',
      ({ inventory: all }) =>
        all && { pod: all.pods, node: all.nodes, service: all.services, pod_prefix: all.podPrefixes },
    ),
    metric(
      'gauge',
      'ctflow_inventory_loaded_timestamp_seconds',
      'When the inventory in force was read, seconds since 1970.',
      ({ inventory: all }) => all && all.loadedAt / 1000,
    ),
    metric(
      'counter',
      'ctflow_inventory_reloads_total',
      'Times that new content came into force.',
      ({ inventory: all }) => all?.reloads,
    ),
    metric(
      'counter',
      'ctflow_inventory_errors_total',
      'Contents that had a mistake and stayed out of force.',
      ({ inventory: all }) => all?.errors,
    ),
  ],
};

const kubernetes: Group = {
  title: 'Kubernetes',
  when: 'With `--kubernetes`.',
  metrics: [
    metricBy(
      'gauge',
      'ctflow_kubernetes_objects',
      'What is known of the cluster.',
      'kind',
      ({ kubernetes: all }) =>
        all && { pod: all.pods, node: all.nodes, service: all.services, pod_prefix: all.podPrefixes },
    ),
    metric(
      'gauge',
      'ctflow_kubernetes_synced_kinds',
      'Kinds of objects of which all have been read, of 4.',
      ({ kubernetes: all }) => all?.synced,
    ),
    metric(
      'gauge',
      'ctflow_kubernetes_watched_kinds',
      'Kinds of objects that are watched, of 4; fewer while the API server is away.',
      ({ kubernetes: all }) => all?.watched,
    ),
    metric(
      'gauge',
      'ctflow_kubernetes_contact_timestamp_seconds',
      'When something was last received of the kind that is silent for the longest time, seconds since 1970.',
      ({ kubernetes: all }) => all && all.contactAt / 1000,
    ),
    metric(
      'counter',
      'ctflow_kubernetes_changes_total',
      'Objects that were new, different or gone.',
      ({ kubernetes: all }) => all?.changes,
    ),
    metric(
      'counter',
      'ctflow_kubernetes_lists_total',
      'Times that all objects of a kind were read.',
      ({ kubernetes: all }) => all?.lists,
    ),
    metric(
      'counter',
      'ctflow_kubernetes_watches_total',
      'Watches that the API server has accepted.',
      ({ kubernetes: all }) => all?.watches,
    ),
    metric(
      'counter',
      'ctflow_kubernetes_errors_total',
      'Requests that failed or were refused.',
      ({ kubernetes: all }) => all?.errors,
    ),
    metric(
      'counter',
      'ctflow_kubernetes_left_out_total',
      'Objects that there was no room for.',
      ({ kubernetes: all }) => all?.leftOut,
    ),
    metric(
      'gauge',
      'ctflow_kubernetes_left_out_labels',
      'Labels of pods that are asked for, and that their 254 octets have no room for.',
      ({ kubernetes: all }) => all?.labelsLeftOut,
    ),
    metric(
      'counter',
      'ctflow_kubernetes_corrected_total',
      'Names of pods that were taken back, as another pod had the address by then.',
      ({ kubernetes: all }) => all?.corrected,
    ),
  ],
};

/** What the statistics have where denied packets, NAT events, all events, a state file, interfaces by routes, owners, an inventory, Kubernetes, GeoIP or names in the DNS are asked for. */
export const FEATURE_METRICS: readonly Group[] = [
  denied,
  nat,
  outcomes,
  state,
  routes,
  owners,
  inventory,
  kubernetes,
  geoip,
  dns,
];
