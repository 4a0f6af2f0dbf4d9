import type { Backend } from '../backend/backend.js';
import type { Logger } from '../common/logger.js';
import type { DeniedOptions } from '../denied/denied-packets.js';
import type { PolicyOptions } from '../denied/policy.js';
import type { EventsOptions } from '../ingest/conntrack-events.js';
import type { NamespaceOptions } from '../ingest/namespace-follower.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { KnowledgeOptions } from '../inventory/flow-knowledge.js';
import type { NatEventPair } from '../record/nat-log.js';
import type { NameLimits } from '../record/name-table.js';
import type { ConnectionFilter } from '../row/filter.js';
import type { OwnConnections } from '../row/own-connections.js';
import type { Source } from '../sources/source.js';
import type { Journal } from '../state/journal.js';
import type { Moment } from '../store/poll-history.js';
import type { SharedRoom } from '../store/connection-table.js';
import type { DestinationOptions } from './destination-options.js';

export interface ExporterOptions extends KnowledgeOptions, PolicyOptions {
  backend: Backend;
  source: Source;
  destinations: DestinationOptions[];
  /** Milliseconds between the beginnings of two polls; `auto` for 5 s or `leastPollInterval`, and longer where polls would take more than `pollBudget`. */
  flowPollInterval: number | 'auto';
  leastPollInterval?: number;
  /** Percent of one core that polls may take, where their interval is `auto`. */
  pollBudget: number;
  /** Milliseconds that a gone connection waits for its last report. */
  staleConnectionTimeout: number;
  /** Hard limit on connections. */
  maxConnections: number;
  firstSight: 'baseline' | 'total';
  /**
   * Which connections are exported, by mark and status: from the moment when they match until they end. The source and
   * `events` have to show the others too.
   */
  filter?: ConnectionFilter;
  /** Milliseconds that Exporter.close may take: what is not exported then is left. */
  shutdownTimeout: number;
  log: Logger;
  /** Conntrack events; absent for polls alone. */
  events?: EventsOptions;
  /** Also packets that rules have denied. */
  denied?: DeniedOptions;
  /** natEvent of the events of translated IPv6 connections; absent for none. Profile nat only. */
  nat66Events?: NatEventPair | undefined;
  /** Records have the TCP states of a connection; needs events of all kinds. */
  tcpStateHistory?: boolean;
  /** The state file; closed when the exporter closes. */
  state?: Journal;
  /** Its own connections to its collectors are left out; only where the source shows the network namespace of this process. */
  excludeSelf?: boolean;
  /** Room for ended connections of destinations that Exporter.reload adds. */
  spareEnded?: number;
  /** The source's network namespace may go, and another come in its place. */
  namespace?: NamespaceOptions;
  /** Where exporters of other network namespaces run beside it. */
  beside?: BesideOptions;
  /** What else takes part in polls, behind all others. */
  pollHooks?: readonly PollHook[];
}

/** What the exporters of several network namespaces have in common. */
export interface BesideOptions {
  /** Since when connections are new, and are exported with all that they have counted: now by default. */
  readonly born?: Moment | undefined;
  /** What their stores may hold together of open connections. */
  readonly room: SharedRoom;
  /** Of each. */
  readonly nameLimits: NameLimits;
  /** Where all of them note the sockets to their collectors. */
  readonly own: OwnConnections;
}

/** Antrea's defaults, and a limit of about a million connections. */
export const EXPORTER_DEFAULTS = {
  flowPollInterval: 'auto',
  pollBudget: 10,
  staleConnectionTimeout: 300_000,
  maxConnections: 1_048_576,
  firstSight: 'baseline',
  shutdownTimeout: 30_000,
  /** Bytes: about 50,000 events. */
  eventBuffer: 32 << 20,
  holdEnded: 'auto',
  /** Bytes: about 70,000 packets. */
  nflogBuffer: 32 << 20,
  maxDenied: 65_536,
  routeMark: 'none',
  owners: false,
} as const;
