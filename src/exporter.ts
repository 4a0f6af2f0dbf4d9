import type { Backend } from './backend.js';
import { ConnectionStore, type StoreCounts } from './connection-store.js';
import { Destination, type DestinationOptions, type DestinationStats } from './destination.js';
import { EndEvents, type EventsOptions } from './end-events.js';
import { describeError } from './errors.js';
import { KernelTimeouts } from './kernel-timeouts.js';
import type { Logger } from './logger.js';
import type { Moment } from './poll-history.js';
import type { EventCounts } from './sources/events.js';
import type { DumpSummary, Source } from './sources/source.js';

/** Slots looked at before the event loop gets its turn. */
const SWEEP_SLICE = 65_536;
/** An export is never sooner after the last one. */
const MIN_EXPORT_GAP_MS = 50;
/** Milliseconds that a shutdown may take for its last poll, and again for its last export. */
const SHUTDOWN_MS = 5_000;

export interface ExporterOptions {
  backend: Backend;
  source: Source;
  destinations: DestinationOptions[];
  /** Milliseconds between the beginnings of two polls. */
  flowPollInterval: number;
  /** Milliseconds that a gone connection waits for its last report. */
  staleConnectionTimeout: number;
  /** Hard limit on connections. */
  maxConnections: number;
  firstSight: 'baseline' | 'total';
  log: Logger;
  /** DESTROY events beside the polls; absent for polls alone. */
  events?: EventsOptions;
}

/** Antrea's defaults, and a limit of about a million connections. */
export const EXPORTER_DEFAULTS = {
  flowPollInterval: 5_000,
  staleConnectionTimeout: 300_000,
  maxConnections: 1_048_576,
  firstSight: 'baseline',
  /** Bytes: about 50,000 events. */
  eventBuffer: 32 << 20,
  dyingLimit: 10_000,
} as const;

export interface ExporterStats {
  readonly backend: Backend['name'];
  /** Connections stored now. */
  readonly connections: number;
  readonly polls: number;
  /** Polls that did not see the whole table. */
  readonly incompletePolls: number;
  /** Polls left out because the one before had not ended. */
  readonly overdue: number;
  /** Rows of all polls. */
  readonly rows: number;
  /** Entries left out by the source, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly store: StoreCounts;
  /** What became of the events, where they are listened to. */
  readonly events?: EventCounts;
  /** Flow records handed to the transports. */
  readonly recordsExported: number;
  readonly destinations: readonly DestinationStats[];
}

/**
 * Runs the data path: polls the source into the store, lets each destination export what is due, and at the end exports
 * everything that is open.
 */
export class Exporter {
  /** Resolves when a replay has played to its end. */
  readonly ended: Promise<void>;
  readonly #options: ExporterOptions;
  readonly #log: Logger;
  readonly #store: ConnectionStore;
  readonly #destinations: readonly Destination[];
  readonly #skipped: Record<string, number> = {};
  #events: EndEvents | undefined;
  #pollTimer: NodeJS.Timeout | undefined;
  #exportTimer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #exporting = false;
  /** An export follows within MIN_EXPORT_GAP_MS. */
  #soon = false;
  #stopping = false;
  #polls = 0;
  #incompletePolls = 0;
  #overdue = 0;
  #rows = 0;
  #end!: () => void;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#store = new ConnectionStore({
      maxConnections: options.maxConnections,
      firstSight: options.firstSight,
      born: { wall: Date.now(), monotonic: performance.now() },
    });
    const opened = (): void => {
      if (this.#pollTimer) this.#exportNow();
    };
    const shared = { ...options, store: this.#store, opened };
    this.#destinations = options.destinations.map(destination => new Destination(destination, shared));
    this.ended = new Promise(resolve => (this.#end = resolve));
  }

  /**
   * Opens the destinations, polls for the first time, and goes on by itself.
   * @throws CtflowError where the source cannot be read, or a collector's name does not resolve
   */
  async start(): Promise<void> {
    try {
      const opened = await Promise.allSettled(this.#destinations.map(destination => destination.open()));
      const refused = opened.find(result => result.status === 'rejected');
      if (refused) throw refused.reason;
      const { backend, events } = this.#options;
      if (events) this.#events = new EndEvents(backend, events, this.#store, this.#log, () => this.#exportSoon());
      await this.#poll();
    } catch (error) {
      this.#stopping = true;
      // an open socket would keep the process alive
      await Promise.all(this.#destinations.map(destination => destination.close()));
      this.#events?.close();
      this.#options.source.close();
      throw error;
    }
    if (this.#stopping) return;
    this.#exportNow();
    this.#pollTimer = setInterval(() => this.#pollAgain(), this.#options.flowPollInterval);
  }

  /** A last poll, every open connection exported with reason 4, the sockets flushed and closed. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearInterval(this.#pollTimer);
    clearTimeout(this.#exportTimer);
    const timeUp = new Promise<void>(resolve => setTimeout(resolve, SHUTDOWN_MS).unref());
    const last = (this.#polling ?? Promise.resolve()).then(() => this.#poll()).catch(error => this.#failed(error));
    await Promise.race([last, timeUp]);
    this.#events?.close();
    this.#store.endPoll(false);
    await Promise.all(
      this.#destinations.map(async destination => {
        const left = await destination.finish(SHUTDOWN_MS);
        if (left.connections === 0) return;
        this.#log.warn({ collector: destination.stats().endpoint, ...left }, 'left unreported');
      }),
    );
    this.#options.source.close();
  }

  stats(): ExporterStats {
    const destinations = this.#destinations.map(destination => destination.stats());
    return {
      backend: this.#options.backend.name,
      connections: this.#store.size,
      polls: this.#polls,
      incompletePolls: this.#incompletePolls,
      overdue: this.#overdue,
      rows: this.#rows,
      skipped: this.#skipped,
      store: this.#store.counts,
      ...(this.#events && { events: this.#events.counts() }),
      recordsExported: destinations.reduce((sum, { session }) => sum + session.records, 0),
      destinations,
    };
  }

  #pollAgain(): void {
    if (this.#polling) {
      this.#overdue++;
      this.#log.warn('the poll before has not ended; this one is left out');
      return;
    }
    this.#polling = this.#poll()
      .then(() => this.#exportNow())
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#polling = undefined));
  }

  async #poll(): Promise<void> {
    const { source } = this.#options;
    for (const destination of this.#destinations) destination.dropStale();
    const monotonic = performance.now();
    let began = false;
    const begin = (wall: number): void => {
      if (began) return;
      began = true;
      this.#store.beginPoll({ wall, monotonic }, new KernelTimeouts(name => source.sysctl(name)));
    };
    this.#store.beginDump();
    const summary = await source.dump((batch, at) => {
      begin(at);
      this.#store.merge(batch, { wall: at, monotonic: performance.now() });
    });
    if (summary === undefined) {
      this.#replayEnded();
      return;
    }
    begin(summary.startedAt);
    this.#note(summary);
    await this.#events?.settle();
    const at: Moment = { wall: summary.startedAt, monotonic: performance.now() };
    if (summary.complete) {
      for (let from = 0; from >= 0;) {
        from = this.#store.sweep(from, SWEEP_SLICE, at);
        if (from >= 0) await new Promise(resolve => setImmediate(resolve));
      }
    }
    this.#store.endPoll(summary.complete);
  }

  #note(summary: DumpSummary): void {
    this.#polls++;
    this.#rows += summary.rows;
    for (const [reason, count] of Object.entries(summary.skipped)) {
      if (count > 0) this.#skipped[reason] = (this.#skipped[reason] ?? 0) + count;
    }
    if (summary.complete) return;
    this.#incompletePolls++;
    this.#log.warn(
      { skipped: summary.skipped, error: summary.error && describeError(summary.error) },
      'incomplete poll',
    );
  }

  #replayEnded(): void {
    clearInterval(this.#pollTimer);
    this.#end();
  }

  /** Exports what is due, and again at the next deadline. */
  #exportNow(): void {
    if (this.#exporting || this.#stopping) return;
    clearTimeout(this.#exportTimer);
    this.#exporting = true;
    this.#soon = false;
    void Promise.all(this.#destinations.map(destination => this.#export(destination))).then(() => {
      this.#exporting = false;
      if (this.#stopping) return;
      const next = Math.min(...this.#destinations.map(destination => destination.nextDeadline()));
      const wait = Math.min(Math.max(next - performance.now(), MIN_EXPORT_GAP_MS), this.#options.flowPollInterval);
      this.#exportTimer = setTimeout(() => this.#exportNow(), wait);
    });
  }

  /** An end is told at once, not at the next deadline. */
  #exportSoon(): void {
    if (this.#soon || this.#exporting || this.#stopping || !this.#pollTimer) return;
    this.#soon = true;
    clearTimeout(this.#exportTimer);
    this.#exportTimer = setTimeout(() => this.#exportNow(), MIN_EXPORT_GAP_MS);
  }

  /** One destination's failure is no other's. */
  async #export(destination: Destination): Promise<void> {
    try {
      await destination.exportDue();
    } catch (error) {
      this.#log.error(describeError(error));
    }
  }

  #failed(error: unknown): void {
    this.#incompletePolls++;
    this.#log.error(describeError(error));
  }
}
