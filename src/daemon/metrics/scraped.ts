import { describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { Exporter } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import type { Readiness } from '../readiness.js';
import type { RecorderService } from '../recorder/recorder-service.js';
import { Census } from './census.js';
import type { ExporterSnapshot } from './exposition.js';
import { KernelCounters } from './kernel-counters.js';
import type { KernelFigures } from './kernel-metrics.js';
import type { PressureCensus } from './pressure-census.js';

/** The kernel's counters are looked at so often at least: far more often than they can wrap. */
const COUNTERS_MS = 30_000;

/** What is watched. */
export interface Watched {
  /** What people call its network namespace; undefined where only one is read. */
  readonly netns?: string | undefined;
  readonly exporter: Exporter;
  readonly source: Source;
  readonly readiness: Readiness;
  readonly recorder?: RecorderService | undefined;
  /** Who fills the kernel's table. */
  readonly pressure: PressureCensus;
}

/** What the metrics of one exporter are read from. */
export class Scraped {
  readonly watched: Watched;
  readonly #log: Logger;
  readonly #counters = new KernelCounters();
  readonly #census: Census;
  readonly #timer: NodeJS.Timeout;
  /** The last fault of the kernel's statistics, which is logged once. */
  #fault = '';

  constructor(watched: Watched, log: Logger) {
    this.watched = watched;
    this.#log = log;
    const [{ store }] = watched.exporter.stored.flows;
    this.#census = new Census(store.table, slot => store.isSuspect?.(slot) ?? false);
    this.kernel();
    this.#timer = setInterval(() => this.kernel(), COUNTERS_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async snapshot(): Promise<ExporterSnapshot> {
    const census = await this.#census.count();
    const pressure = await this.watched.pressure.figures();
    return { exporter: this.watched.exporter.stats(), kernel: this.kernel(), census, pressure };
  }

  /** What the kernel says of its table; undefined where it says nothing, which is logged once. */
  kernel(): KernelFigures | undefined {
    try {
      const found = this.watched.source.statistics?.();
      this.#fault = '';
      if (!found) return undefined;
      this.#counters.add(found);
      return { entries: found.entries, limit: found.limit, counters: this.#counters.sums };
    } catch (error) {
      const fault = describeError(error);
      if (fault !== this.#fault) this.#log.warn(`the kernel's statistics are left out of the metrics: ${fault}`);
      this.#fault = fault;
      return undefined;
    }
  }
}
