import type { KernelTable } from './kernel-table.js';

/** Milliseconds over which growth is looked at, where there is more than one look in them. */
const WINDOW_MS = 60_000;
/** Looks that are closer than this to the one before the last take its place. */
const LEAST_GAP_MS = 1_000;

/** How the kernel's table fills. */
export interface TableForecast {
  /** Entries a second by which it grows; below 0 where it shrinks. */
  readonly rate: number;
  /** Milliseconds between the two looks that this is from. */
  readonly span: number;
  /** Milliseconds until the kernel begins to remove entries before their time; absent where this does not come at this rate. */
  readonly removesIn?: number;
  /** Milliseconds until it is full: packets of new connections are dropped then. Absent as above. */
  readonly fullIn?: number;
}

/**
 * Entries from which on the kernel removes those that are not assured or closing before their time, whenever it walks over the table
 * (nf_conntrack_max95 in gc_worker() of nf_conntrack_core.c).
 */
export function removalMark(limit: number): number {
  return Math.floor(limit / 100) * 95;
}

/** How fast the kernel's table has filled over the last minute. */
export class TableGrowth {
  #looks: { readonly at: number; readonly entries: number }[] = [];
  #limit = 0;

  /** @param table undefined where there is none to see; @param at milliseconds of a monotonic clock */
  observe(table: KernelTable | undefined, at = performance.now()): void {
    if (!table) return;
    const looks = this.#looks;
    if (looks.length > 1 && at - looks[looks.length - 2].at < LEAST_GAP_MS) looks.pop();
    looks.push({ at, entries: table.entries });
    while (looks.length > 2 && at - looks[0].at > WINDOW_MS) looks.shift();
    this.#limit = table.limit;
  }

  /** @param at milliseconds of the clock of {@link observe}; undefined until there were two looks */
  forecast(at = performance.now()): TableForecast | undefined {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return undefined;
    const span = last.at - first.at;
    const rate = ((last.entries - first.entries) * 1_000) / span;
    // 0 is no limit
    if (this.#limit === 0) return { rate, span };
    const until = (mark: number): number | undefined => {
      if (last.entries >= mark) return 0;
      // the last look may be a poll ago
      return rate > 0 ? Math.max(((mark - last.entries) * 1_000) / rate - (at - last.at), 0) : undefined;
    };
    const [removesIn, fullIn] = [until(removalMark(this.#limit)), until(this.#limit)];
    return { rate, span, ...(removesIn !== undefined && { removesIn }), ...(fullIn !== undefined && { fullIn }) };
  }
}
