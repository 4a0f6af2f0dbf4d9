import { describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';

/** Milliseconds from one look to the next. */
const LOOK_MS = 5_000;
/** Percent by which the table must be below its threshold before it can be reached again. */
const HYSTERESIS = 5;

export const CONDITIONS = ['table-fill', 'drops'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** What is looked at; undefined for what is not known. */
export interface ConditionFigures {
  /** How full the kernel's table is, 0 to 100. */
  readonly fill: number | undefined;
  /** Connections, packets and events that were dropped so far. */
  readonly drops: number | undefined;
}

export interface ConditionOptions {
  /** Percent; 0 for never. */
  readonly fill: number;
  /** Drops from one look to the next; 0 for never. */
  readonly drops: number;
  /** Milliseconds from one recording to the next at least, for each condition. */
  readonly pause: number;
  readonly figures: () => ConditionFigures;
  readonly write: (why: Condition) => Promise<unknown>;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
}

/** Has a recording written where a condition begins to hold: once, however long it lasts, and not again for a while. */
export class Conditions {
  /** Recordings by their conditions, and conditions that came too soon after the one before. */
  readonly counts: { readonly met: Record<Condition, number>; suppressed: number } = {
    met: { 'table-fill': 0, drops: 0 },
    suppressed: 0,
  };
  readonly #options: ConditionOptions;
  readonly #clock: () => number;
  readonly #held = new Set<Condition>();
  readonly #written = new Map<Condition, number>();
  #drops: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConditionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  watch(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { fill, drops, figures, log } = this.#options;
    let now: ConditionFigures;
    try {
      now = figures();
    } catch (error) {
      log.debug(`the conditions of the flight recorder are not known: ${describeError(error)}`);
      return;
    }
    if (fill > 0 && now.fill !== undefined)
      this.#holds('table-fill', now.fill >= fill, now.fill < fill - HYSTERESIS, now);
    if (drops > 0 && now.drops !== undefined) {
      const since = this.#drops === undefined ? 0 : now.drops - this.#drops;
      this.#drops = now.drops;
      this.#holds('drops', since >= drops, since < drops, now);
    }
  }

  /** @param isOver it may begin again */
  #holds(condition: Condition, holds: boolean, isOver: boolean, figures: ConditionFigures): void {
    if (isOver) this.#held.delete(condition);
    if (!holds || this.#held.has(condition)) return;
    this.#held.add(condition);
    const { pause, write, log } = this.#options;
    const last = this.#written.get(condition);
    if (last !== undefined && this.#clock() - last < pause) {
      this.counts.suppressed++;
      return;
    }
    this.#written.set(condition, this.#clock());
    this.counts.met[condition]++;
    log.warn({ condition, ...figures }, 'a recording is written: its condition holds');
    // what is wrong is in the log
    void write(condition).catch(() => {});
  }
}
