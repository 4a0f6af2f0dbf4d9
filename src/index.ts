/**
 * ctflow as a library. {@link Exporter} exports connections to collectors as the command does; {@link ConntrackSource} reads the
 * kernel's table; {@link IpfixEncoder} makes IPFIX messages of its rows; {@link Collector} receives IPFIX of any exporter.
 * {@link loadBackend} comes first: it finds the native module. All times are milliseconds, all errors a {@link CtflowError}.
 *
 * @packageDocumentation
 */
export type { Backend } from './backend/backend.js';
export { ConntrackSource, type ConntrackSourceOptions } from './backend/conntrack-source.js';
export { loadBackend } from './backend/load.js';
export { Collector, type CollectorOptions } from './collector/collector.js';
export type { DateTime, Precision } from './collector/decode/date-time.js';
export type { Scope } from './collector/decode/field-reader.js';
export type { ExporterCounts } from './collector/exporter-counts.js';
export type { Limits } from './collector/limits.js';
export type { CollectedRecord, ListTemplates, MessageOrigin } from './collector/decode/record.js';
export type { CollectorStats, MalformedReason } from './collector/stats.js';
export type { Template } from './collector/decode/template.js';
export type { OnTrouble, Trouble } from './collector/trouble.js';
export type {
  BasicList,
  Field,
  Sublist,
  SubTemplateList,
  SubTemplateMultiList,
  Value,
} from './collector/decode/value.js';
export { type DestinationEndpoint, type FileEndpoint, parseDestination } from './common/destination-endpoint.js';
export { type Endpoint, formatEndpoint, parseEndpoint, type Protocol } from './common/endpoint.js';
export { CtflowError, describeError, type ErrorCode } from './common/errors.js';
export { type HostIdentity, hostIdentity } from './common/host.js';
export { createLogger, type Log, LOG_LEVELS, type Logger, type LogLevel, type RootLogger } from './common/logger.js';
export type { SendUnixDatagram } from './common/log/journald.js';
export { type DefaultDomain, defaultDomain, type DomainSources } from './common/observation-domain.js';
export type { MatchCounts } from './denied/conntrack-correlator.js';
export type { DeniedOptions, DeniedStats } from './denied/denied-packets.js';
export type { LabelPolicy, MarkPolicy, Policy, PolicyOptions } from './denied/policy.js';
export type { DenyCounts } from './denied/deny-store.js';
export type { CommentCounts } from './denied/rule-comments.js';
export type { AggregationStats } from './destination/batchers/sum-batcher.js';
export type { DestinationStats, TemplatesResent } from './destination/destination-stats.js';
export type { RemovedStats } from './destination/exporter-stats.js';
export type { DestinationsChanged } from './destination/set/destination-changes.js';
export type { Flushed, ResentTemplates } from './destination/set/destination-set.js';
export type { LastError } from './destination/outage.js';
export { DESTINATION_DEFAULTS, type DestinationOptions } from './destination/destination-options.js';
export { IpfixEncoder, type IpfixEncoderOptions } from './destination/ipfix-encoder.js';
export type { BesideOptions } from './destination/exporter-options.js';
export type { MaxRate } from './destination/pacing/pacing.js';
export type { SessionCounts } from './destination/session.js';
export {
  Exporter,
  EXPORTER_DEFAULTS,
  type ExporterOptions,
  type ExporterStats,
  type ReloadOptions,
} from './exporter.js';
export type { OutcomeCounts } from './ingest/connection-outcomes.js';
export type { EventsOptions, EventStats, EventTap } from './ingest/conntrack-events.js';
export { FilterError } from './filter/filter-error.js';
export type { Filter } from './filter/filter.js';
export { connectionFilter } from './filter/store-filter.js';
export type { Guard } from './ingest/dying-list.js';
export type { NamespaceOptions } from './ingest/namespace-follower.js';
export type { PollHook } from './ingest/poll-hook.js';
export type { PollCounts, PollStats } from './ingest/poller.js';
export type { KnowledgeOptions, KnowledgeStats } from './inventory/flow-knowledge.js';
export {
  DnsNames,
  type DnsName,
  type DnsOptions,
  type DnsStats,
  type HearName,
} from './inventory/addresses/dns-names.js';
export {
  Geoip,
  type GeoFacts,
  type GeoipFileStats,
  type GeoipOptions,
  type GeoipStats,
} from './inventory/addresses/geoip.js';
export type { GeoKind } from './inventory/addresses/geoip-database.js';
export type { FileCounts } from './inventory/watched-file.js';
export type { OwnerStats } from './inventory/owners/host-owners.js';
export type { InventorySize } from './inventory/inventory.js';
export {
  KubernetesInventory,
  type KubernetesOptions,
  type KubernetesStats,
} from './inventory/kubernetes/kubernetes-inventory.js';
export type { WatchLimits } from './inventory/kubernetes/facts.js';
export { InventoryFile, type InventoryStats } from './inventory/inventory-file.js';
export type { Element, ElementType } from './ipfix/element.js';
export {
  type FixedInterfaces,
  type InterfaceName,
  type Interfaces,
  ROUTE_MARKS,
  type RouteMark,
} from './ipfix/interfaces.js';
export { AGGREGATE_KEYS, type AggregateKey } from './ipfix/profile-aggregate.js';
export type { NatTime } from './ipfix/profile-nat.js';
export type { Biflow } from './ipfix/profile-standard.js';
export { PROFILE_NAMES, type ProfileName } from './ipfix/profile.js';
export type { Decode, Decoded } from './netlink/decode.js';
export type { NatCounts, NatEventPair } from './record/nat-log.js';
export { Batch } from './row/batch.js';
export type { ConnectionFilter, Masked } from './row/filter.js';
export { type DirectionView, type RowView, viewRow } from './row/row-view.js';
export type {
  DestroyLogCounts,
  DestroyLogPlace,
  EventCounts,
  EventKind,
  EventMessages,
  EventOptions,
} from './sources/events.js';
export { FollowedSource } from './sources/followed-source.js';
export { NamespaceWatch } from './sources/namespace-watch.js';
export type { NflogCounts, NflogOptions, NflogSource } from './sources/nflog.js';
export { OvsSource } from './sources/ovs/source.js';
export { ProcfsSource } from './sources/procfs.js';
export { ReplaySource } from './sources/replay.js';
export type {
  DumpSummary,
  DumpTap,
  Flowtable,
  KernelOptions,
  LookedOwners,
  OnRows,
  OwnerCounts,
  RouteCounts,
  RouteLookup,
  SocketOwner,
  SocketOwners,
  Source,
} from './sources/source.js';
export type { CpuStatistics, TableStatistics } from './sources/table-statistics.js';
export type { StoredFlows } from './record/flows.js';
export type { StoredRows } from './store/connection-table.js';
export type { DestroyLogStats } from './state/destroy-log.js';
export type { Uncertain } from './state/journal-contents.js';
export type { Write } from './state/journal-file.js';
export { Journal, type JournalOptions } from './state/journal.js';
export type { LockFile } from './state/state-lock.js';
export type { JournalStats } from './state/journal-stats.js';
export type { PendingEventCounts } from './store/pending-events.js';
export type { StoreCounts } from './store/stored-connections.js';
export type { Unexported } from './store/unexported.js';
export type { LocalEnd } from './transport/addresses.js';
export type { CreateDtlsContext, DtlsContext, DtlsSession } from './transport/dtls/engine.js';
export type { TlsClientOptions, TlsFileNames, TlsListenerOptions, TlsTexts } from './transport/tls-options.js';
export type { FileOptions } from './transport/file.js';
export type { TransportCounts } from './transport/transport.js';
export type { UdpOptions } from './transport/udp.js';
