const NONE = -1;
const OUT = -2;

/**
 * A first-in-first-out list of slots, kept in two arrays. A slot is in it at most once; every operation is O(1). With a
 * constant timeout the order of arrival is the order of the deadlines, so no heap is needed.
 */
export class SlotList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #head = NONE;
  #tail = NONE;

  constructor(capacity: number) {
    // zero means "not in the list", so that untouched memory stays untouched: links are kept one higher than they are
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
  }

  /** The oldest slot, -1 when the list is empty. */
  get head(): number {
    return this.#head;
  }

  has(slot: number): boolean {
    return this.#next[slot] !== 0;
  }

  /** The slot after this one, -1 at the end. */
  after(slot: number): number {
    const link = this.#next[slot];
    return link === OUT ? NONE : link - 1;
  }

  /** Appends the slot; moves it to the end when it is in the list. */
  push(slot: number): void {
    if (this.#tail === slot) return;
    if (this.#next[slot] !== 0) this.remove(slot);
    this.#next[slot] = OUT;
    this.#previous[slot] = this.#tail === NONE ? OUT : this.#tail + 1;
    if (this.#tail === NONE) this.#head = slot;
    else this.#next[this.#tail] = slot + 1;
    this.#tail = slot;
  }

  /** Takes the slot out; nothing happens when it is not in the list. */
  remove(slot: number): void {
    const next = this.#next[slot];
    if (next === 0) return;
    const previous = this.#previous[slot];
    if (previous === OUT) this.#head = next === OUT ? NONE : next - 1;
    else this.#next[previous - 1] = next;
    if (next === OUT) this.#tail = previous === OUT ? NONE : previous - 1;
    else this.#previous[next - 1] = previous;
    this.#next[slot] = 0;
  }

  clear(): void {
    for (let slot = this.#head; slot !== NONE;) {
      const after = this.after(slot);
      this.#next[slot] = 0;
      slot = after;
    }
    this.#head = NONE;
    this.#tail = NONE;
  }
}
