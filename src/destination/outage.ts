import type { Logger } from '../common/logger.js';
import { meaningOf } from './failure-meaning.js';
import type { TransportCounts } from '../transport/transport.js';

/** Between two warnings of one outage, milliseconds. */
const REPEAT_MS = 60_000;

/** What the log says of a collector that cannot be reached: at the first failure, seldom while it lasts, and when it is over. */
export class Outage {
  readonly #log: Logger;
  readonly #counts: TransportCounts;
  readonly #now: () => number;
  #since = 0;
  #warnedAt = 0;
  #failures = 0;
  #lostBefore = 0;

  /** @param now monotonic milliseconds */
  constructor(log: Logger, counts: TransportCounts, now: () => number) {
    this.#log = log;
    this.#counts = counts;
    this.#now = now;
  }

  /** @param connected there was a session, and it has ended */
  failed(connected: boolean, why: string, uncertain: number): void {
    const now = this.#now();
    if (this.#failures++ === 0) {
      this.#since = now;
      this.#lostBefore = this.#counts.lostRecords;
    } else if (!connected && now - this.#warnedAt < REPEAT_MS) return;
    this.#warnedAt = now;
    const meaning = meaningOf(why);
    const facts = { why, ...(meaning && { meaning }), lostRecords: this.#counts.lostRecords };
    if (connected) this.#log.warn({ ...facts, uncertain }, 'connection to the collector lost; reconnecting');
    else this.#log.warn({ ...facts, attempts: this.#failures }, 'collector unreachable; retrying');
  }

  /** A session is open. */
  over(): void {
    const attempts = this.#failures;
    this.#failures = 0;
    if (attempts === 0) {
      this.#log.info('export session started');
      return;
    }
    const seconds = Math.round((this.#now() - this.#since) / 1000);
    const lostRecords = this.#counts.lostRecords - this.#lostBefore;
    this.#log.info(
      { outageSeconds: seconds, attempts, lostRecords },
      'export session started: collector reachable again',
    );
  }
}
