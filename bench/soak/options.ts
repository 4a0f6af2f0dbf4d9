import type { MeasuredFamily } from '../results/results.js';

/** A long run in which connections come and go. */
export interface SoakOptions {
  /** Connections at first. */
  readonly initial: number;
  /** Connections that begin before each poll. */
  readonly fresh: number;
  /** Connections that end before each poll. */
  readonly dying: number;
  /** Milliseconds between two polls. */
  readonly interval: number;
  /** Milliseconds in all. */
  readonly duration: number;
  /** Share of the connections that have had traffic between two polls. */
  readonly traffic: number;
  readonly backend: 'native' | 'fallback';
  readonly family: MeasuredFamily;
  readonly mtu: number;
}

/** Connections made up, or real ones in the kernel's table. */
export type SoakKind = 'replayed' | 'kernel';

export interface SoakSummary {
  readonly kind: SoakKind;
  /** Different connections that were stored. */
  readonly connections: number;
  /** Rows of all dumps. */
  readonly entryReads: number;
  readonly sent: number;
  readonly received: number;
  /** Seconds of the clock. */
  readonly wall: number;
  /** Seconds of CPU, user and system, that the exporter took. */
  readonly cpu: number;
  /** Seconds of CPU that went into making up connections, which `cpu` has not. */
  readonly madeUp: number;
  /** On the real kernel: seconds of CPU of as many raw dumps at the same times, and how many. */
  readonly rawDumps?: { readonly dumps: number; readonly cpu: number };
  /** Bytes. */
  readonly peakRss: number;
  /** Connections stored and resident bytes, once between two polls. */
  readonly course: readonly (readonly [connections: number, rss: number])[];
}

export interface SoakJob {
  readonly kind: SoakKind;
  readonly options: SoakOptions;
}
