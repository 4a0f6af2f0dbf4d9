import { ID, START_NS } from './layout.generated.js';

/** Keys that are remembered; the oldest go first. */
const MOST_TOLD = 65_536;

/**
 * Ends that a poll has seen and whose DESTROY event has not come yet. Within a poll, connections whose tuple another one has
 * taken wait here for their last counters. Afterwards the keys of those that had to end without them are kept for a while, so
 * that a late event is not taken for a connection that nobody has seen.
 */
export class AwaitedEnds {
  readonly #waiting = new Map<string, number>();
  readonly #told = new Set<string>();
  readonly #during = new Set<string>();
  #dumping = false;

  /** The row at word `from` of a connection that waits in `slot`. */
  wait(row: Uint32Array, from: number, slot: number): void {
    this.#waiting.set(keyOf(row, from), slot);
  }

  /** The slot that waits for this event, -1 where there is none. */
  take(row: Uint32Array, from: number): number {
    if (this.#waiting.size === 0) return -1;
    const key = keyOf(row, from);
    const slot = this.#waiting.get(key);
    if (slot === undefined) return -1;
    this.#waiting.delete(key);
    return slot;
  }

  /** Who still waits; nobody waits afterwards. */
  takeAll(): number[] {
    const slots = [...this.#waiting.values()];
    this.#waiting.clear();
    return slots;
  }

  /** A dump begins: until it is over, its rows may show connections whose event comes before them. */
  beginDump(): void {
    this.#dumping = true;
  }

  endDump(): void {
    this.#dumping = false;
    this.#during.clear();
  }

  /** Its event has come. */
  ended(row: Uint32Array, from: number): void {
    if (this.#dumping) this.#during.add(keyOf(row, from));
  }

  /** Whether its event came in this dump: the row is from before. */
  isPast(row: Uint32Array, from: number): boolean {
    return this.#during.size > 0 && this.#during.has(keyOf(row, from));
  }

  /** The connection was ended without its event. */
  tell(row: Uint32Array, from: number): void {
    this.#told.add(keyOf(row, from));
    if (this.#told.size <= MOST_TOLD) return;
    for (const oldest of this.#told) {
      this.#told.delete(oldest);
      break;
    }
  }

  wasTold(row: Uint32Array, from: number): boolean {
    return this.#told.size > 0 && this.#told.has(keyOf(row, from));
  }

  clear(): void {
    this.#during.clear();
    this.#waiting.clear();
    this.#told.clear();
  }
}

/** The kernel's id and start: together they are one entry's alone. */
function keyOf(row: Uint32Array, from: number): string {
  return `${row[from + (ID >> 2)]} ${row[from + (START_NS >> 2)]} ${row[from + (START_NS >> 2) + 1]}`;
}
