import { Batch } from '../../row/batch.js';
import { ROW_SIZE } from '../../row/layout.generated.js';
import type { Order } from './order.js';

const FIRST_ROOM = 1024;

/** Rows in an order: the numbers that they have in the batch. */
export interface SortedRows {
  readonly rows: Batch;
  readonly numbers: Uint32Array;
}

/**
 * The first rows of any number, in an order; those that are equal in the order in which they came. It holds `limit` rows at most, in
 * a heap whose root is the last of them.
 */
export class FirstRows {
  readonly #limit: number;
  readonly #order: Order;
  #rows = new Batch(FIRST_ROOM);
  /** Rows by their numbers: each comes behind those at twice its place + 1 and + 2. */
  #heap = new Uint32Array(FIRST_ROOM);
  /** When each row came. */
  #arrivals = new Float64Array(FIRST_ROOM);
  #came = 0;

  /** @param limit at least 1 */
  constructor(limit: number, order: Order) {
    this.#limit = limit;
    this.#order = order;
  }

  /** Rows held. */
  get count(): number {
    return this.#rows.count;
  }

  /** Takes a row, or leaves it. */
  add(batch: Batch, index: number): void {
    const arrival = this.#came++;
    const { count } = this.#rows;
    if (count === this.#limit) {
      const last = this.#heap[0];
      if (this.#order(batch, index, this.#rows, last) >= 0) return;
      this.#put(last, batch, index, arrival);
      this.#sink(0, count);
      return;
    }
    if (count === this.#rows.capacity) this.#grow();
    this.#put(count, batch, index, arrival);
    this.#rows.count++;
    this.#rise(count);
  }

  /** The rows in their order. Nothing can be added afterwards. */
  sorted(): SortedRows {
    const heap = this.#heap;
    for (let left = this.count - 1; left > 0; left--) {
      [heap[0], heap[left]] = [heap[left], heap[0]];
      this.#sink(0, left);
    }
    return { rows: this.#rows, numbers: heap.subarray(0, this.count) };
  }

  #put(number: number, batch: Batch, index: number, arrival: number): void {
    const from = index * ROW_SIZE;
    this.#rows.bytes.set(batch.bytes.subarray(from, from + ROW_SIZE), number * ROW_SIZE);
    this.#arrivals[number] = arrival;
    this.#heap[this.#place(number)] = number;
  }

  /** A row that is replaced stands at the root, a new one at the end. */
  #place(number: number): number {
    return number === this.#rows.count ? number : 0;
  }

  #grow(): void {
    const { count, bytes, capacity } = this.#rows;
    const room = Math.min(capacity * 2, Math.max(this.#limit, FIRST_ROOM));
    const rows = new Batch(room);
    rows.bytes.set(bytes);
    rows.count = count;
    const heap = new Uint32Array(room);
    heap.set(this.#heap);
    const arrivals = new Float64Array(room);
    arrivals.set(this.#arrivals);
    this.#rows = rows;
    this.#heap = heap;
    this.#arrivals = arrivals;
  }

  /** Whether row `a` comes behind row `b`. */
  #isBehind(a: number, b: number): boolean {
    const order = this.#order(this.#rows, a, this.#rows, b);
    return order > 0 || (order === 0 && this.#arrivals[a] > this.#arrivals[b]);
  }

  #rise(place: number): void {
    const heap = this.#heap;
    for (let at = place; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBehind(heap[at], heap[parent])) return;
      [heap[at], heap[parent]] = [heap[parent], heap[at]];
      at = parent;
    }
  }

  /** @param end of the heap */
  #sink(place: number, end: number): void {
    const heap = this.#heap;
    for (let at = place; ;) {
      const left = 2 * at + 1;
      if (left >= end) return;
      const right = left + 1;
      const child = right < end && this.#isBehind(heap[right], heap[left]) ? right : left;
      if (!this.#isBehind(heap[child], heap[at])) return;
      [heap[at], heap[child]] = [heap[child], heap[at]];
      at = child;
    }
  }
}
