import type { Uncertain } from '../state/journal-contents.js';
import type { Unexported } from '../store/unexported.js';
import type { TransportCounts } from '../transport/transport.js';
import type { AggregationStats } from './batchers/sum-batcher.js';
import type { LastError } from './outage.js';
import type { SessionCounts } from './session.js';

export interface DestinationStats {
  readonly name: string;
  readonly endpoint: string;
  readonly connected: boolean;
  readonly session: SessionCounts;
  readonly transport: TransportCounts;
  /** UDP: the kernel cuts bursts into datagrams now. */
  readonly udpSegmentation?: boolean;
  /** TLS and DTLS: when the collector's certificate expires, milliseconds since 1970, once it has shown one. */
  readonly certificateExpires?: number;
  /** Closed files that were removed, as only so many are kept. */
  readonly removedFiles?: number;
  /** Ended connections that were not exported within the stale timeout. */
  readonly stale: Unexported;
  /** Connections evicted at the limit without a record. */
  readonly evictedUnreported: Unexported;
  /** Ended connections that wait for the collector now. */
  readonly ended: number;
  /** Ended connections that were dropped from that queue. */
  readonly endedOverflow: Unexported;
  /** Ended connections that the filter has left out; where there is one. */
  readonly filtered?: Unexported;
  /** Where it aggregates: of connections alone. */
  readonly aggregation?: AggregationStats;
  /** What was being sent when the previous run was killed, and may be missing; where there is a state file. */
  readonly restartUncertain?: Uncertain;
  /** Why a connection to it, or an attempt, failed last; also of an outage that is over. */
  readonly lastError?: LastError;
}

/** How many templates were sent again, or why none. */
export type TemplatesResent = { readonly templates: number } | { readonly skipped: string };

/** What a destination could not export any more. */
export interface Left extends Unexported {
  /** Records that were encoded or waited for it, and never left. */
  readonly records: number;
}
