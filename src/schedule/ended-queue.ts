import { SlotList } from '../store/slot-list.js';

/** How far ended connections are: all that came before `settled` are exported, or dropped and counted. */
export type EndedProgress = Pick<EndedQueue, 'pushed' | 'settled'>;

/**
 * Ended connections that wait for their last record at one destination, the oldest first. Each holds a slot of the store, so
 * their number is limited.
 */
export class EndedQueue {
  readonly #slots: SlotList;
  readonly #reasons: Uint8Array;
  /** By slot: how many came before. */
  readonly #ordinals: Float64Array;
  #count = 0;
  #pushed = 0;

  /** @param capacity slots of the store */
  constructor(capacity: number) {
    this.#slots = SlotList.of(capacity);
    this.#reasons = new Uint8Array(capacity);
    this.#ordinals = new Float64Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** How many ever came. */
  get pushed(): number {
    return this.#pushed;
  }

  /** All that came before this one have left. */
  get settled(): number {
    return this.head < 0 ? this.#pushed : this.#ordinals[this.head];
  }

  /** The oldest, -1 when there is none. */
  get head(): number {
    return this.#slots.head;
  }

  has(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /** The one after this, -1 at the end. */
  after(slot: number): number {
    return this.#slots.after(slot);
  }

  /** The reason in its last record. */
  reason(slot: number): number {
    return this.#reasons[slot];
  }

  push(slot: number, reason: number): void {
    this.#reasons[slot] = reason;
    this.#ordinals[slot] = this.#pushed++;
    this.#slots.push(slot);
    this.#count++;
  }

  remove(slot: number): void {
    this.#slots.remove(slot);
    this.#count--;
  }

  clear(): void {
    this.#slots.clear();
    this.#count = 0;
  }
}
