import { describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { Destination } from '../destination.js';

/** Milliseconds from one export to the next at least, where no connection has ended. */
const MIN_GAP_MS = 50;
/** Milliseconds from the end of a connection to its export, where few end: others may come meanwhile. */
const SOON_MS = 10;
/** As many ended connections are exported at once: their messages are full, and what was just written is still in the cache. */
const MANY_ENDED = 1_024;

export interface ExportLoopHooks {
  /** Before each export: what is to be in its records. */
  before: () => Promise<void> | void;
  /** After each export. */
  after: () => void;
}

/** What the loop needs of a {@link Destination}. */
export type Exporting = Pick<Destination, 'export' | 'nextDeadline' | 'endedWaiting'>;

/** Exports to one destination at its own deadlines, one export at a time. No destination waits for another. */
export class ExportLoop {
  readonly #destination: Exporting;
  readonly #longestWait: number;
  readonly #hooks: ExportLoopHooks;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #exporting = false;
  #running: Promise<void> = Promise.resolve();
  /** An export follows within SOON_MS. */
  #soon = false;
  #closed = false;
  /** When the next export begins, monotonic milliseconds. */
  #wakeAt = 0;

  /** @param longestWait milliseconds from one export to the next at most */
  constructor(destination: Exporting, longestWait: number, hooks: ExportLoopHooks, log: Logger) {
    this.#destination = destination;
    this.#longestWait = longestWait;
    this.#hooks = hooks;
    this.#log = log;
  }

  /** From now on it exports. */
  start(): void {
    this.#started = true;
    this.exportNow();
  }

  /** Exports what is due, and again at the next deadline. */
  exportNow(): void {
    if (this.#exporting || !this.#started || this.#closed) return;
    clearTimeout(this.#timer);
    this.#exporting = true;
    this.#soon = false;
    this.#running = this.#export().then(() => {
      this.#exporting = false;
      this.#wait(this.#destination.nextDeadline() - performance.now());
    });
  }

  /** Ended connections are exported soon, not at the next deadline; where they are many, now. */
  exportSoon(): void {
    if (this.#destination.endedWaiting >= MANY_ENDED) {
      this.exportNow();
      return;
    }
    if (this.#soon || this.#exporting || !this.#started) return;
    this.#soon = true;
    this.#wait(0, SOON_MS);
  }

  /** The next deadline may be an earlier one than it was: rows were merged. */
  lookAgain(): void {
    if (this.#exporting || !this.#started) return;
    const wait = Math.max(this.#destination.nextDeadline() - performance.now(), MIN_GAP_MS);
    if (performance.now() + wait < this.#wakeAt) this.#wait(wait);
  }

  /** Settles when no export is under way. */
  idle(): Promise<void> {
    return this.#running;
  }

  /** No export begins any more, unless it is opened again. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  reopen(): void {
    this.#closed = false;
    this.exportNow();
  }

  #wait(milliseconds: number, least = MIN_GAP_MS): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const wait = Math.min(Math.max(milliseconds, least), this.#longestWait);
    this.#wakeAt = performance.now() + wait;
    this.#timer = setTimeout(() => this.exportNow(), wait);
  }

  /** A failure is no other destination's, and the next export is tried. */
  async #export(): Promise<void> {
    for (let goesOn = true; goesOn && !this.#closed;) {
      try {
        await this.#hooks.before();
        goesOn = await this.#destination.export();
      } catch (error) {
        this.#log.error(describeError(error));
        goesOn = false;
      }
      this.#hooks.after();
    }
  }
}
