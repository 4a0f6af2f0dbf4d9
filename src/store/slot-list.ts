const NONE = -1;
const OUT = -2;

/**
 * A first-in-first-out list of slots, kept in two arrays. A slot is in it at most once; every operation is O(1). With a
 * constant timeout the order of arrival is the order of the deadlines, so no heap is needed.
 */
export class SlotList {
  /** Next and previous of each slot, side by side: both are asked for together. */
  readonly #links: Int32Array;
  #head = NONE;
  #tail = NONE;

  constructor(capacity: number) {
    // zero means "not in the list", so that untouched memory stays untouched: links are kept one higher than they are
    this.#links = new Int32Array(capacity * 2);
  }

  /** The oldest slot, -1 when the list is empty. */
  get head(): number {
    return this.#head;
  }

  has(slot: number): boolean {
    return this.#links[slot * 2] !== 0;
  }

  /** The slot after this one, -1 at the end. */
  after(slot: number): number {
    const link = this.#links[slot * 2];
    return link === OUT ? NONE : link - 1;
  }

  /** Appends the slot; moves it to the end when it is in the list. */
  push(slot: number): void {
    const links = this.#links;
    if (this.#tail === slot) return;
    if (links[slot * 2] !== 0) this.remove(slot);
    links[slot * 2] = OUT;
    links[slot * 2 + 1] = this.#tail === NONE ? OUT : this.#tail + 1;
    if (this.#tail === NONE) this.#head = slot;
    else links[this.#tail * 2] = slot + 1;
    this.#tail = slot;
  }

  /** Takes the slot out; nothing happens when it is not in the list. */
  remove(slot: number): void {
    const links = this.#links;
    const next = links[slot * 2];
    if (next === 0) return;
    const previous = links[slot * 2 + 1];
    if (previous === OUT) this.#head = next === OUT ? NONE : next - 1;
    else links[(previous - 1) * 2] = next;
    if (next === OUT) this.#tail = previous === OUT ? NONE : previous - 1;
    else links[(next - 1) * 2 + 1] = previous;
    links[slot * 2] = 0;
  }

  clear(): void {
    for (let slot = this.#head; slot !== NONE;) {
      const after = this.after(slot);
      this.#links[slot * 2] = 0;
      slot = after;
    }
    this.#head = NONE;
    this.#tail = NONE;
  }
}
