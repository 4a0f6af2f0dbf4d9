import { setTimeout as pause } from 'node:timers/promises';
import type { EventPressure } from '../../native/binding.js';
import type { Logger } from '../common/logger.js';
import type { EventSource } from '../sources/events.js';
import { holdBudget } from './hold-budget.js';

/**
 * What bounds the ended connections that the kernel holds for ctflow: a filter in the kernel; ctflow itself, at each poll; or
 * it holds none.
 */
export type Guard = 'filter' | 'polls' | 'off';

/** Of the events that the filter lets pass in a burst: beyond, what waits is read before the filter drops any. */
const WAIT_SHARE_OF_BURST = 3 / 4;
/** Of what may be held without a filter, before a poll decides. */
const WAIT_SHARE = 1 / 2;
/** Milliseconds from one renewal to the next at least. */
const RENEWAL_GAP = 5;
/** The cost of a look grows with the square of the list's length: 10,000 take about 100 ms. */
const LONGEST_LOOK = 10_000;
/** Milliseconds between two looks out of turn. */
const LOOK_GAP = 2_000;
/** Another listener of the namespace may keep the list from ever being empty; milliseconds that the store waits then. */
const LONGEST_DELAY = 60_000;
/** Nothing has been read; milliseconds. */
const STANDSTILL = 1_000;
/** Milliseconds that reading a backlog may take. */
const LONGEST_READ = 20_000;
/** The kernel delivers again every 10 ms. */
const LOOK_INTERVAL = 20;
/** Milliseconds between two warnings of lost events. */
const WARNING_GAP = 60_000;

/**
 * The kernel's dying list: while NETLINK_BROADCAST_ERROR is on, a connection whose DESTROY event did not fit into the receive
 * buffer stays there, and in the table's count, until the event is delivered. What may stay there is bounded by the table's
 * room, so that a slow or stopped exporter does not fill the table.
 */
export class DyingList {
  readonly guard: Guard;
  /** Connections still on it when listening ended; no more than LONGEST_LOOK are counted. */
  unread = 0;
  readonly #source: EventSource;
  readonly #limit: number | undefined;
  readonly #log: Logger;
  /** NETLINK_BROADCAST_ERROR is on. */
  #holding: boolean;
  /** Attempts to deliver that have failed so far; `raw` as the kernel has it. */
  #failed = 0;
  #raw = 0;
  /** No more are held than attempts have failed beyond these. */
  #heldFrom = 0;
  /** Connections in the table, held ones among them. */
  #tableCount = Infinity;
  /** Attempts that failed while nothing was held. */
  #lost = 0;
  /** Events dropped by the filter. */
  #dropped = 0;
  /** When the list was last known to be empty. */
  #emptyAt = performance.now();
  #renewedAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #warned = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  /** Listening is about to end. */
  #ending = false;

  /** @param limit of what the kernel may hold; absent for a share of its table */
  constructor(source: EventSource, guard: Guard, limit: number | undefined, log: Logger) {
    this.#source = source;
    this.guard = guard;
    this.#limit = limit;
    this.#log = log;
    this.#holding = guard !== 'off';
    this.renew();
  }

  /** Connections whose event is lost. */
  get lost(): number {
    this.#read();
    return this.#lost + this.#dropped;
  }

  /** The store has every event up to now, or room for none. The kernel may go on holding connections for a while. */
  renew(): void {
    const now = performance.now();
    if (this.guard !== 'filter' || now - this.#renewedAt < RENEWAL_GAP) return;
    this.#renewedAt = now;
    const pressure = this.#read();
    if (!pressure) return;
    const held = this.#held;
    const [burst, lasting] = holdBudget(pressure, held, this.#limit);
    for (const lease of [burst, lasting]) lease.events = Math.max(0, lease.events - held);
    this.#source.renewLeases(burst, lasting);
    // they may have been delivered
    if (held > lasting.events && now - this.#lookedAt > LOOK_GAP) void this.#look().catch(() => {});
  }

  /**
   * Whether the kernel can go on holding connections: events may wait for a while. Where it holds none they would be lost. What
   * asks is running, so the filter's lease for a burst holds, and is renewed.
   */
  get mayWait(): boolean {
    if (!this.#holding) return false;
    const pressure = this.#read();
    if (!pressure) return false;
    const held = this.#held;
    const [burst, lasting] = holdBudget(pressure, held, this.#limit);
    const most = this.guard === 'filter' ? burst.events * WAIT_SHARE_OF_BURST : lasting.events * WAIT_SHARE;
    if (held > most) return false;
    this.renew();
    return true;
  }

  /** After a poll. @returns whether events of connections on the list are still to come */
  async watch(): Promise<boolean> {
    this.#warnOfLoss();
    // what another listener has no room for was delivered to this one
    if (this.guard === 'off' || (this.#holding && !this.#mayHold)) {
      this.#emptyAt = performance.now();
      return false;
    }
    const dying = await this.#look();
    if (this.guard === 'polls') await this.#decide(dying);
    return dying > 0 && this.#holding && performance.now() - this.#emptyAt < LONGEST_DELAY;
  }

  /** Receives events while there are any on the list. */
  async drain(): Promise<void> {
    this.#read();
    if (!this.#holding || !this.#mayHold) return;
    this.#ending = true;
    await this.#readBacklog(dying => dying === 0).catch(() => {});
  }

  /** Counts what is still on the list, where {@link drain} was not waited for. */
  async countUnread(): Promise<void> {
    if (this.#ending && this.unread > 0) await this.#look().catch(() => {});
  }

  /** Listening ends: what is not delivered from now on is no loss. */
  close(): void {
    this.#warnOfLoss(0);
    this.#holding = false;
  }

  /** None, where no attempt has failed since the list was known to be empty. */
  get #mayHold(): boolean {
    return this.#failed > this.#heldFrom;
  }

  /** Connections that the kernel holds at most: an attempt may fail many times, and those that were delivered since are none. */
  get #held(): number {
    return Math.min(this.#failed - this.#heldFrom, this.#tableCount);
  }

  /** Takes over the kernel's counters; undefined once listening has ended. */
  #read(): EventPressure | undefined {
    const pressure = this.#source.pressure();
    if (!pressure) return undefined;
    const failed = (pressure.drops - this.#raw) >>> 0; // modulo 2^32
    this.#raw = pressure.drops;
    this.#failed += failed;
    this.#tableCount = pressure.tableCount ?? Infinity;
    if (!this.#holding) {
      this.#lost += failed;
      this.#heldFrom = this.#failed;
    }
    this.#dropped = pressure.guarded;
    return pressure;
  }

  async #look(): Promise<number> {
    this.#read();
    const failed = this.#failed;
    this.#lookedAt = performance.now();
    const dying = await this.#source.dyingCount(LONGEST_LOOK);
    if (dying < LONGEST_LOOK) this.#heldFrom = Math.max(this.#heldFrom, failed - dying);
    if (dying === 0) this.#emptyAt = performance.now();
    if (this.#ending && this.#holding) this.unread = dying;
    return dying;
  }

  /** Without a filter: turns NETLINK_BROADCAST_ERROR off where too many are held after all that waits was read, and on again. */
  async #decide(dying: number): Promise<void> {
    if (!this.#holding) {
      if (dying > this.#most() / 2) return;
      this.#hold(true);
      this.#log.info('NETLINK_BROADCAST_ERROR is turned on again: the kernel holds few ended connections');
      return;
    }
    if (this.#held <= this.#most()) return;
    const left = await this.#readBacklog(() => this.#held <= this.#most());
    const most = this.#most();
    if (this.#held <= most) return;
    this.#hold(false);
    this.#log.warn(
      { dying: left, limit: most },
      'too many connections on the dying list: NETLINK_BROADCAST_ERROR is turned off, events may be lost from now on',
    );
  }

  /** Connections that the kernel may hold now. */
  #most(): number {
    const pressure = this.#read();
    return pressure ? holdBudget(pressure, this.#held, this.#limit)[1].events : 0;
  }

  #hold(on: boolean): void {
    this.#read();
    this.#holding = on;
    this.#source.setBroadcastError(on);
  }

  /** Reads events until it is enough, as long as the list gets shorter or events come. @returns connections still on the list */
  async #readBacklog(isEnough: (dying: number) => boolean): Promise<number> {
    const began = performance.now();
    let least = Infinity;
    let received = -1;
    for (let movedAt = began; ;) {
      const dying = await this.#look();
      const now = performance.now();
      const { destroyed, filtered } = this.#source.counts();
      // the length of a longer list is not known
      if (dying < least || (dying >= LONGEST_LOOK && destroyed + filtered > received)) movedAt = now;
      least = Math.min(least, dying);
      received = destroyed + filtered;
      if (isEnough(dying) || now - movedAt > STANDSTILL || now - began > LONGEST_READ) return dying;
      await this.#source.drain();
      await pause(LOOK_INTERVAL);
    }
  }

  #warnOfLoss(gap = WARNING_GAP): void {
    const { lost } = this;
    const now = performance.now();
    if (lost === this.#warned || now - this.#warnedAt < gap) return;
    this.#log.warn(
      { lost: lost - this.#warned },
      'DESTROY events were lost, as ctflow was stopped or slower than connections ended',
    );
    this.#warned = lost;
    this.#warnedAt = now;
  }
}
