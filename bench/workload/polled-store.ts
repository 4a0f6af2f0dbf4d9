import type { Batch } from '../../src/row/batch.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { ExportSchedule } from '../../src/schedule/export-schedule.js';
import type { Moment } from '../../src/store/poll-history.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { LEAST_POLL_INTERVAL } from '../../src/ingest/poll-interval.js';
import { exportDue } from '../../test/helpers/rigs/export-due.js';
import { kernelTimeouts } from '../../test/helpers/rigs/store-rig.js';
import { EPOCH } from './connections.js';

/** As the poller works through it. */
const SWEEP_SLICE = 65_536;

/** A connection store with the schedules of its destinations, polled every five seconds of a clock of its own. */
export class PolledStore {
  readonly store: ConnectionStore;
  readonly #timeouts = kernelTimeouts();
  readonly #schedules: readonly ExportSchedule[];
  #now: Moment = { wall: EPOCH + 90_000_000, monotonic: 90_000_000 };

  /** @param room connections at most */
  constructor(room: number, destinations: number) {
    this.store = new ConnectionStore({ maxConnections: room, firstSight: 'total', born: this.#now });
    const options = {
      ...DESTINATION_DEFAULTS,
      staleConnectionTimeout: EXPORTER_DEFAULTS.staleConnectionTimeout,
      zeroDeltas: 'none',
    } as const;
    this.#schedules = Array.from(
      { length: destinations },
      () =>
        new ExportSchedule(
          this.store,
          options,
          () => this.#now.monotonic,
          () => true,
        ),
    );
  }

  /** Merges a whole dump. */
  poll(batches: readonly Batch[]): void {
    const { store } = this;
    const at = this.#now;
    store.beginDump();
    store.beginPoll(at, this.#timeouts);
    for (const batch of batches) store.merge(batch, at);
    for (let from = 0; from >= 0;) from = store.sweep(from, SWEEP_SLICE, at);
    store.endPoll(true);
  }

  /** Time passes until the next poll, and every destination takes what is due. @returns records */
  report(): number {
    const { wall, monotonic } = this.#now;
    const step = LEAST_POLL_INTERVAL;
    this.#now = { wall: wall + step, monotonic: monotonic + step };
    let records = 0;
    const take = (): boolean => ++records > 0;
    for (const schedule of this.#schedules)
      exportDue(schedule, this.store.table, this.#now.monotonic, Number.MAX_SAFE_INTEGER, take);
    return records;
  }
}
