import { SlotList } from './store/slot-list.js';

/** Words of what was reported of a connection: the four counters, two words each. */
export const REPORTED_WORDS = 8;

// a cache line a slot: two words of links for either list, the time, the counters, the two bytes
const SLOT_BYTES = 64;
const SLOT_WORDS = SLOT_BYTES >> 2;
const SLOT_DOUBLES = SLOT_BYTES >> 3;
const IDLE = 0;
const ACTIVE = 2;
const ACTIVE_SINCE = 16 >> 3;
const COUNTERS = 24 >> 2;
const REASON = 56;
const STATE = 57;

/**
 * What is kept of each connection for one destination, side by side as it is asked for together. As long as the limit from
 * the start, like the store's own table.
 */
export class ReportSlots {
  /** Words that hold the counters of a slot from {@link countersAt} on. */
  readonly words: Uint32Array;
  /** Connections with news not yet old, by their last change. */
  readonly idle: SlotList;
  /** Connections with news, by when the active timeout began to run. */
  readonly active: SlotList;
  readonly #bytes: Uint8Array;
  readonly #times: Float64Array;

  constructor(capacity: number) {
    const buffer = new ArrayBuffer(capacity * SLOT_BYTES);
    const links = new Int32Array(buffer);
    this.words = new Uint32Array(buffer);
    this.idle = new SlotList(links, SLOT_WORDS, IDLE);
    this.active = new SlotList(links, SLOT_WORDS, ACTIVE);
    this.#bytes = new Uint8Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  /** The word at which the counters of a slot as last reported begin, REPORTED_WORDS of them. */
  countersAt(slot: number): number {
    return slot * SLOT_WORDS + COUNTERS;
  }

  /** Since when the active timeout runs; monotonic milliseconds. */
  activeSince(slot: number): number {
    return this.#times[slot * SLOT_DOUBLES + ACTIVE_SINCE];
  }

  setActiveSince(slot: number, monotonic: number): void {
    this.#times[slot * SLOT_DOUBLES + ACTIVE_SINCE] = monotonic;
  }

  /** The reason of the last report, 0 before the first. */
  lastReason(slot: number): number {
    return this.#bytes[slot * SLOT_BYTES + REASON];
  }

  /** The TCP state last reported. */
  lastState(slot: number): number {
    return this.#bytes[slot * SLOT_BYTES + STATE];
  }

  setLast(slot: number, reason: number, state: number): void {
    this.#bytes[slot * SLOT_BYTES + REASON] = reason;
    this.#bytes[slot * SLOT_BYTES + STATE] = state;
  }
}
