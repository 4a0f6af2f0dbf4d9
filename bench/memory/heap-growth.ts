import { PerformanceObserver } from 'node:perf_hooks';

/**
 * Bytes that JavaScript allocates, from the growth of the heap and of what its array buffers hold outside of it. That is exact
 * only while nothing is collected, so it says whether something was.
 */
export class HeapGrowth {
  readonly #observer: PerformanceObserver;
  #collections = 0;
  #before = 0;

  constructor() {
    this.#observer = new PerformanceObserver(list => (this.#collections += list.getEntries().length));
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** From a freshly collected heap on. */
  async begin(): Promise<void> {
    globalThis.gc!();
    await told();
    this.#collections = 0;
    this.#before = allocated();
  }

  /** @returns bytes, undefined where there was a collection in between */
  async end(): Promise<number | undefined> {
    const growth = allocated() - this.#before;
    await told();
    return this.#collections === 0 ? growth : undefined;
  }

  close(): void {
    this.#observer.disconnect();
  }
}

function allocated(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Node tells of collections in a later turn of the event loop. */
async function told(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve));
}
