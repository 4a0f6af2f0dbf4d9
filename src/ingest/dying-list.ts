import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../common/logger.js';
import type { EventSource } from '../sources/events.js';

/** Another listener of the namespace may keep the list from ever being empty; milliseconds that the store waits then. */
const LONGEST_DELAY = 60_000;
/** The list has stopped getting shorter; milliseconds. */
const STANDSTILL = 1_000;
/** Milliseconds that {@link DyingList.drain} may take. */
const LONGEST_DRAIN = 20_000;
/** The kernel delivers again every 10 ms. */
const LOOK_INTERVAL = 20;

/**
 * The kernel's dying list: while NETLINK_BROADCAST_ERROR is on, a connection whose DESTROY event did not fit into the receive
 * buffer stays there until the event is delivered. A stuck exporter must not fill the kernel's table so: above a limit the
 * option is turned off.
 */
export class DyingList {
  /** Connections still on it when listening ended. */
  unread = 0;
  readonly #source: EventSource;
  readonly #limit: number;
  readonly #log: Logger;
  /** NETLINK_BROADCAST_ERROR is on. */
  #kept = true;
  /** Overruns up to the moment when it was turned off. */
  #keptOverruns: number | undefined;
  /** When the list was last seen empty. */
  #emptyAt = performance.now();

  constructor(source: EventSource, limit: number, log: Logger) {
    this.#source = source;
    this.#limit = limit;
    this.#log = log;
  }

  /** Overruns since the option was turned off: each has lost one DESTROY event at least. */
  get lost(): number {
    return this.#keptOverruns === undefined ? 0 : this.#source.counts().overrun - this.#keptOverruns;
  }

  /** The option is off, or the listener has failed: overruns are losses from now on. */
  release(): void {
    this.#kept = false;
    this.#keptOverruns ??= this.#source.counts().overrun;
  }

  /** Turns the option off above the limit. @returns whether events of connections on the list are still to come */
  async watch(): Promise<boolean> {
    if (!this.#kept) return false;
    const dying = await this.#count();
    const now = performance.now();
    if (dying === 0) this.#emptyAt = now;
    if (!this.#kept || dying <= this.#limit) return dying > 0 && now - this.#emptyAt < LONGEST_DELAY;
    this.release();
    this.#source.setBroadcastError(false);
    this.#log.warn(
      { dying },
      'too many connections on the dying list: NETLINK_BROADCAST_ERROR is turned off, events may be lost from now on',
    );
    return false;
  }

  /** Receives events while the list gets shorter. */
  async drain(): Promise<void> {
    if (this.#kept) this.unread = await this.#empty().catch(() => 0);
    this.#kept = false;
  }

  async #empty(): Promise<number> {
    const began = performance.now();
    let least = Infinity;
    for (let shorterAt = began; ;) {
      const dying = await this.#count();
      const now = performance.now();
      if (dying < least) [least, shorterAt] = [dying, now];
      if (dying === 0 || now - shorterAt > STANDSTILL || now - began > LONGEST_DRAIN) return dying;
      await this.#source.drain();
      await pause(LOOK_INTERVAL);
    }
  }

  #count(): Promise<number> {
    return this.#source.dyingCount(this.#limit + 1);
  }
}
