import { Batch } from '../row/batch.js';
import { GONE, IN_USE, type ConnectionTable } from '../store/connection-table.js';
import { hashEndpoints, sameEndpoints, VIEWS, type Rows } from './endpoints.js';
import { HashChains } from './hash-chains.js';
import { isWithin, lifetimeOf } from './lifetime.js';
import { ROW_WORDS } from '../row/layout.generated.js';

/** Connections that are remembered; the oldest go first. */
const MAX_CLOSED = 16_384;

/**
 * Connections that have just ended. NFLOG delivers what the kernel has gathered for a while, and the end of a connection
 * may come before its last denied packet.
 */
export class RecentlyClosed {
  readonly #table: ConnectionTable;
  readonly #rows = new Batch(MAX_CLOSED);
  readonly #slots = new Int32Array(MAX_CLOSED);
  /** 0 where the place is empty. */
  readonly #views = new Uint8Array(MAX_CLOSED);
  readonly #starts = new Float64Array(MAX_CLOSED);
  readonly #stops = new Float64Array(MAX_CLOSED);
  /** Items are VIEWS.length times the place, and the view. */
  readonly #chains = new HashChains(MAX_CLOSED * VIEWS.length);
  #at = 0;

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** @param hashes of the connection's views; @param goneAt milliseconds since 1970 */
  add(slot: number, hashes: readonly number[], goneAt: number): void {
    const place = this.#at;
    this.#at = (place + 1) % MAX_CLOSED;
    for (let view = 0; view < this.#views[place]; view++) this.#chains.remove(place * VIEWS.length + view);
    this.#views[place] = hashes.length;
    hashes.forEach((hash, view) => this.#chains.add(place * VIEWS.length + view, hash));
    this.#slots[place] = slot;
    const { start, stop } = lifetimeOf(this.#table, slot, goneAt);
    this.#starts[place] = start;
    this.#stops[place] = stop;
    const from = slot * ROW_WORDS;
    this.#rows.u32.set(this.#table.rows.subarray(from, from + ROW_WORDS), place * ROW_WORDS);
  }

  /**
   * Finds the one that a packet belongs to.
   * @returns its slot in the store; -1 where it is no longer there; undefined where there is no such connection
   */
  find(packets: Rows, packet: number, time: number, timed: boolean): number | undefined {
    if (this.#chains.count === 0) return undefined;
    const hash = hashEndpoints(packets, packet, VIEWS[0]);
    for (let item = this.#chains.first(hash); item >= 0; item = this.#chains.after(item)) {
      const view = item % VIEWS.length;
      const place = (item - view) / VIEWS.length;
      const lifetime = { start: this.#starts[place], stop: this.#stops[place] };
      if (!isWithin(lifetime, time, timed)) continue;
      if (sameEndpoints(packets, packet, this.#rows, place, VIEWS[view])) return this.#stillIn(place);
    }
    return undefined;
  }

  clear(): void {
    this.#chains.clear();
    this.#views.fill(0);
    this.#at = 0;
  }

  #stillIn(place: number): number {
    const slot = this.#slots[place];
    const { flags, rows } = this.#table;
    if ((flags[slot] & (IN_USE | GONE)) !== (IN_USE | GONE)) return -1;
    for (let word = 0; word < ROW_WORDS; word++) {
      if (rows[slot * ROW_WORDS + word] !== this.#rows.u32[place * ROW_WORDS + word]) return -1;
    }
    return slot;
  }
}
