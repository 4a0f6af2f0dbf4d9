import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** So many looks in a row that see the same. */
const AT_REST = 5;
/** Where something else never rests. */
const MOST_LOOKS = 1_000;

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
    await reported();
    await swept();
    this.#collections = 0;
    this.#before = allocated();
  }

  /** @returns bytes, undefined where there was a collection in between */
  async end(): Promise<number | undefined> {
    const growth = allocated() - this.#before;
    await reported();
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

/** V8 gives the memory of dead array buffers back on another thread, after the collection. */
async function swept(): Promise<void> {
  for (let look = 0, same = 0, before = -1; same < AT_REST && look < MOST_LOOKS; look++) {
    await sleep(1);
    const { arrayBuffers } = process.memoryUsage();
    same = arrayBuffers === before ? same + 1 : 0;
    before = arrayBuffers;
  }
}

/** Node reports collections in a later turn of the event loop. */
async function reported(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve));
}
