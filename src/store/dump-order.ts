const NONE = -1;

/**
 * Guesses which slot the next row of a dump belongs to. The kernel walks its table in the same order each time: of each slot it
 * is kept which one came behind it. New connections lie anywhere between the others, and take any slot.
 */
export class DumpOrder {
  /** In memory of its own: where the next row lies is known before this one is read. By slot + 1, 0 for the beginning of the dump: the slot that came next + 1, 0 where none is known. */
  readonly #next: Int32Array;
  /** The slot of the row before + 1. */
  #last = 0;
  /** A slot, -1 where there is no guess. It may hold another connection, or none. */
  guess = NONE;

  constructor(capacity: number) {
    this.#next = new Int32Array(capacity + 1);
  }

  /** A dump begins. */
  begin(): void {
    this.#last = 0;
    this.guess = this.#next[0] - 1;
  }

  /** The guess where the one guessed first has left the table. */
  get second(): number {
    return this.guess === NONE ? NONE : this.#next[this.guess + 1] - 1;
  }

  /** The row was of a connection in this slot. */
  found(slot: number): void {
    this.#follow(slot);
    this.guess = this.#next[slot + 1] - 1;
  }

  /** The row was of a connection that is new in this slot: the guess still stands. */
  added(slot: number): void {
    this.#follow(slot);
  }

  clear(): void {
    this.#next.fill(0);
    this.begin();
  }

  #follow(slot: number): void {
    if (this.#next[this.#last] !== slot + 1) this.#next[this.#last] = slot + 1;
    this.#last = slot + 1;
  }
}
