import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import type { TableGrowth } from '../table-growth.js';
import { MOST_GROUPS } from '../top/group-sums.js';
import { PressureCounts } from '../top/pressure-counts.js';
import { MEASURED, MOST_RANKS, type PressureFigures } from './pressure-metrics.js';

/** Milliseconds for which the same counts are given again: a million entries take some tenths of a second. */
const LASTS_MS = 60_000;

/** Counts who fills the table, for metrics. */
export class PressureCensus {
  readonly #counts: PressureCounts<(typeof MEASURED)[number]>;
  readonly #growth: TableGrowth;
  readonly #lasts: number;
  #groups: Promise<PressureFigures['groups']> | undefined;
  #countedAt = Number.NEGATIVE_INFINITY;

  /** @param lasts milliseconds for which the same counts are given again */
  constructor(flows: Flows, names: NameTable, growth: TableGrowth, lasts = LASTS_MS) {
    this.#counts = new PressureCounts(flows, names, MOST_GROUPS, MEASURED);
    this.#growth = growth;
    this.#lasts = lasts;
  }

  /** The counts of not long ago, and how the table fills now. */
  async figures(): Promise<PressureFigures> {
    const now = performance.now();
    if (!this.#groups || now - this.#countedAt >= this.#lasts) {
      this.#countedAt = now;
      this.#groups = this.#counts.count(MOST_RANKS).then(({ found }) => found.groups);
    }
    return { forecast: this.#growth.forecast(), groups: await this.#groups };
  }
}
