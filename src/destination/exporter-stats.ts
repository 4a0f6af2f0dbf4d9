import type { Backend } from '../backend/backend.js';
import type { DeniedStats } from '../denied/denied-packets.js';
import type { OutcomeCounts } from '../ingest/connection-outcomes.js';
import type { EventStats } from '../ingest/conntrack-events.js';
import type { PollStats } from '../ingest/poller.js';
import type { KnowledgeStats } from '../inventory/flow-knowledge.js';
import type { NatCounts } from '../record/nat-log.js';
import type { JournalStats } from '../state/journal-stats.js';
import type { StoreCounts } from '../store/connection-store.js';
import type { PendingEventCounts } from '../store/pending-events.js';
import type { Unexported } from '../store/unexported.js';
import type { DestinationStats } from './destination-stats.js';

/** What destinations did that were removed since. */
export interface RemovedStats {
  readonly destinations: number;
  /** Flow records given to their transports. */
  readonly records: number;
  /** As of TransportCounts. */
  readonly lostRecords: number;
  /** Of connections that they dropped without a record, or that were not exported to their end. */
  readonly unexported: Unexported;
}

/** What all stages of an exporter count. */
export interface ExporterStats extends KnowledgeStats {
  readonly backend: Backend['name'];
  /** Connections stored now. */
  readonly connections: number;
  readonly poll: PollStats;
  readonly store: StoreCounts;
  /** Where events are received. */
  readonly events?: EventStats;
  /** With a network namespace by name: times that it went, or another came in its place. */
  readonly namespacesLeft?: number;
  /** Where NEW and UPDATE events are received. */
  readonly pendingEvents?: PendingEventCounts;
  readonly state?: JournalStats;
  /** Where denied packets are received. */
  readonly denied?: DeniedStats;
  /** Where a destination has profile nat. */
  readonly nat?: NatCounts;
  /** Where all events are received: how connections ended that came to nothing, by service. */
  readonly outcomes?: Readonly<Record<string, OutcomeCounts>>;
  /** Flow records handed to the transports. */
  readonly recordsExported: number;
  readonly destinations: readonly DestinationStats[];
  /** Of destinations that were removed while others go on, once there are any. */
  readonly removed?: RemovedStats;
  /** Names in records, and names without room. */
  readonly names: { readonly count: number; readonly overflow: number };
}
