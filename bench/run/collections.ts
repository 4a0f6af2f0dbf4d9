import { PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';

/** A time on process.hrtime's clock, in seconds. */
export type Span = readonly [from: number, to: number];

/**
 * Where the clock of perf_hooks begins, taken before a benchmark puts it forward, see workload/clock.ts. It is loaded with its
 * first use, and so read first.
 */
const ORIGIN = -performance.now() / 1e3 + hrtime();

/** When the main thread stood still for garbage collection, as perf_hooks tells. */
export class Collections {
  readonly #spans: Span[] = [];
  readonly #observer: PerformanceObserver;
  constructor() {
    this.#observer = new PerformanceObserver(list => this.#note(list.getEntries()));
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** @returns for each of these lists of spans the mean seconds of collections that began in one of them */
  async end(lists: readonly (readonly Span[])[]): Promise<number[]> {
    await new Promise(resolve => setImmediate(resolve)); // entries come between two turns of the event loop
    this.#note(this.#observer.takeRecords());
    this.#observer.disconnect();
    return lists.map(spans => {
      let seconds = 0;
      for (const [from, to] of this.#spans) {
        if (spans.some(([began, ended]) => from >= began && from < ended)) seconds += to - from;
      }
      return spans.length === 0 ? 0 : seconds / spans.length;
    });
  }

  #note(entries: readonly PerformanceEntry[]): void {
    for (const { startTime, duration } of entries) {
      const from = ORIGIN + startTime / 1e3;
      this.#spans.push([from, from + duration / 1e3]);
    }
  }
}

function hrtime(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}
