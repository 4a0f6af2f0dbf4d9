import { type ConnectionTable } from '../store/connection-table.js';
import { ROW_WORDS } from '../row/batch.js';
import type { Unreported } from '../store/unreported.js';
import { ORIG_PACKETS, STATE } from '../row/layout.generated.js';
import { readNumber, subtract } from '../common/u64.js';
import { SlotList } from '../store/slot-list.js';

/** Where the counters begin in the row; they stand there one after another, in the same order. */
export const COUNTERS_WORD = ORIG_PACKETS >> 2;

/** No TCP state was ever reported. */
const NEVER = 255;

/** What one destination was told last of each connection, by slot. */
export class Reported {
  readonly #table: ConnectionTable;
  readonly #slots: ReportSlots;
  readonly #memory: ReportMemory | undefined;
  /** The connection that was begun last was said to be over by an exporter before. */
  wasEnded = false;

  /** @param memory what the destination was told by exporters before */
  constructor(table: ConnectionTable, slots: ReportSlots, memory?: ReportMemory) {
    this.#table = table;
    this.#slots = slots;
    this.#memory = memory;
  }

  /**
   * @param before what the connection has counted so far is taken as reported, unless the memory knows better
   * @returns the reason of the last record that an exporter before this one made of it, 0 where there is none
   */
  begin(slot: number, before: boolean): number {
    const { rows } = this.#table;
    const { words } = this.#slots;
    const at = this.#slots.countersAt(slot);
    const row = slot * ROW_WORDS;
    const told = this.#memory?.recall(rows, row);
    this.wasEnded = told?.ended ?? false;
    this.#slots.setLast(slot, told?.reason ?? 0, told?.state ?? NEVER);
    if (told) words.set(told.counters, at);
    else if (before && !this.#memory?.neverTold(rows, row)) {
      this.#takeCounters(slot);
      this.note(slot, false);
    } else {
      for (let word = 0; word < REPORTED_WORDS; word++) words[at + word] = 0;
    }
    return told?.reason ?? 0;
  }

  /** The row as it is now has been reported. */
  update(slot: number, reason: number): void {
    this.#takeCounters(slot);
    this.#slots.setLast(slot, reason, this.#state(slot));
  }

  /** What was not yet reported of the old counters stays due: the reported ones go below zero, modulo 2^64. */
  countersReset(slot: number): void {
    const { rows } = this.#table;
    const { words } = this.#slots;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const at = this.#slots.countersAt(slot);
    for (let word = 0; word < REPORTED_WORDS; word += 2) {
      subtract(words, at + word, rows, from + word, words, at + word);
    }
    this.note(slot, false);
  }

  /**
   * What stands as reported is to be remembered, though no record says so.
   * @param ended the connection is over, or no longer exported
   */
  note(slot: number, ended: boolean): void {
    if (!this.#memory) return;
    const slots = this.#slots;
    const reason = slots.lastReason(slot);
    const state = slots.lastState(slot);
    const at = slots.countersAt(slot);
    this.#memory.note(this.#table.rows, slot * ROW_WORDS, slots.words, at, reason, state, ended);
  }

  /** The store has put a connection out at its limit. */
  leftOut(slot: number): void {
    this.#memory?.leftOut();
    this.note(slot, true);
  }

  /** The reason of the last report, 0 before the first. */
  lastReason(slot: number): number {
    return this.#slots.lastReason(slot);
  }

  hasNews(slot: number): boolean {
    const slots = this.#slots;
    return slots.lastReason(slot) === 0 || slots.lastState(slot) !== this.#state(slot) || this.#hasCounted(slot);
  }

  /** Adds what is unreported of a connection. */
  addTo(sum: Unreported, slot: number): void {
    const delta = new Uint32Array(2);
    const { rows } = this.#table;
    const { words } = this.#slots;
    const at = this.#slots.countersAt(slot);
    const left = [0, 2, 4, 6].map(word => {
      const from = slot * ROW_WORDS + COUNTERS_WORD + word;
      subtract(rows, from, words, at + word, delta, 0);
      return readNumber(delta, 0);
    });
    sum.connections++;
    sum.packets += left[0] + left[2];
    sum.octets += left[1] + left[3];
  }

  #takeCounters(slot: number): void {
    const { words } = this.#slots;
    const { rows } = this.#table;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const to = this.#slots.countersAt(slot);
    for (let word = 0; word < REPORTED_WORDS; word++) words[to + word] = rows[from + word];
  }

  #hasCounted(slot: number): boolean {
    const { words } = this.#slots;
    const { rows } = this.#table;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const to = this.#slots.countersAt(slot);
    for (let word = 0; word < REPORTED_WORDS; word++) if (words[to + word] !== rows[from + word]) return true;
    return false;
  }

  #state(slot: number): number {
    return this.#table.bytes[slot * ROW_WORDS * 4 + STATE];
  }
}

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
const LAST_REASON = 56;
const LAST_STATE = 57;

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
    return this.#bytes[slot * SLOT_BYTES + LAST_REASON];
  }

  /** The TCP state last reported. */
  lastState(slot: number): number {
    return this.#bytes[slot * SLOT_BYTES + LAST_STATE];
  }

  setLast(slot: number, reason: number, state: number): void {
    this.#bytes[slot * SLOT_BYTES + LAST_REASON] = reason;
    this.#bytes[slot * SLOT_BYTES + LAST_STATE] = state;
  }
}

/** What a collector was told of one connection. */
export interface Told {
  /** Eight words: the four counters as last reported, in the order of the row. */
  readonly counters: Uint32Array;
  /** The reason of the last record, 0 where there was none. */
  readonly reason: number;
  /** The state in the last record, 255 where there was none. */
  readonly state: number;
  /** The connection was said to be over. */
  readonly ended: boolean;
}

/**
 * What one collector was told, remembered beyond the life of an exporter. Connections are named by their row, at word `from`;
 * of one without the kernel's id and start nothing is known, and nothing is kept.
 */
export interface ReportMemory {
  /**
   * What exporters before this one told of it; undefined where they told nothing, or that is not known. Counters that the
   * row has fallen below count as zero: somebody has zeroed them.
   */
  recall(row: Uint32Array, from: number): Told | undefined;
  /** Whether it is certain that nothing of it was ever told, although it may be older than this exporter. */
  neverTold(row: Uint32Array, from: number): boolean;
  /**
   * These counters are to be taken as reported, without a record that says so.
   * @param counters eight words from word `at`
   * @param ended the connection is over, or no longer exported: only the rest of this run may ask for it
   */
  note(
    row: Uint32Array,
    from: number,
    counters: Uint32Array,
    at: number,
    reason: number,
    state: number,
    ended: boolean,
  ): void;
  /** The store has put a connection out at its limit: of those not remembered some may have been reported. */
  leftOut(): void;
}
