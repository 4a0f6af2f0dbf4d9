const NONE = -1;
const OUT = -2;

/**
 * A first-in-first-out list of slots, kept in two links a slot: next and previous, side by side. A slot is in it at most once;
 * every operation is O(1). With a constant timeout the order of arrival is the order of the deadlines, so no heap is needed.
 */
export class SlotList {
  /** One higher than they are: zero means "not in the list", so that untouched memory stays untouched. */
  readonly #links: Int32Array;
  readonly #stride: number;
  readonly #at: number;
  #head = NONE;
  #tail = NONE;

  /** @param links where the two of a slot stand at `slot * stride + at`, zero at first */
  constructor(links: Int32Array, stride: number, at: number) {
    this.#links = links;
    this.#stride = stride;
    this.#at = at;
  }

  /** A list whose links have memory of their own. */
  static of(capacity: number): SlotList {
    return new SlotList(new Int32Array(capacity * 2), 2, 0);
  }

  /** The oldest slot, -1 when the list is empty. */
  get head(): number {
    return this.#head;
  }

  has(slot: number): boolean {
    return this.#links[this.#of(slot)] !== 0;
  }

  /** The slot after this one, -1 at the end. */
  after(slot: number): number {
    const link = this.#links[this.#of(slot)];
    return link === OUT ? NONE : link - 1;
  }

  /** Appends the slot; moves it to the end when it is in the list. */
  push(slot: number): void {
    const tail = this.#tail;
    if (tail === slot) return;
    const links = this.#links;
    const at = this.#of(slot);
    const next = links[at];
    if (next !== 0) {
      // in the list and not the last: there is one behind it
      const previous = links[at + 1];
      links[this.#of(next - 1) + 1] = previous;
      if (previous === OUT) this.#head = next - 1;
      else links[this.#of(previous - 1)] = next;
    }
    links[at] = OUT;
    links[at + 1] = tail === NONE ? OUT : tail + 1;
    if (tail === NONE) this.#head = slot;
    else links[this.#of(tail)] = slot + 1;
    this.#tail = slot;
  }

  /** Takes the slot out; nothing happens when it is not in the list. */
  remove(slot: number): void {
    const links = this.#links;
    const at = this.#of(slot);
    const next = links[at];
    if (next === 0) return;
    const previous = links[at + 1];
    if (previous === OUT) this.#head = next === OUT ? NONE : next - 1;
    else links[this.#of(previous - 1)] = next;
    if (next === OUT) this.#tail = previous === OUT ? NONE : previous - 1;
    else links[this.#of(next - 1) + 1] = previous;
    links[at] = 0;
  }

  clear(): void {
    for (let slot = this.#head; slot !== NONE;) {
      const after = this.after(slot);
      this.#links[this.#of(slot)] = 0;
      slot = after;
    }
    this.#head = NONE;
    this.#tail = NONE;
  }

  #of(slot: number): number {
    return slot * this.#stride + this.#at;
  }
}
