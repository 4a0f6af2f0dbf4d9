import { type ConnectionTable } from '../store/connection-table.js';
import type { Unexported } from '../store/unexported.js';
import * as endReason from '../store/end-reason.js';
import * as row from '../row/layout.generated.js';
import { readNumber, subtract } from '../common/u64.js';
import * as columns from '../encoder/columns.js';
import { cacheLines, clearEight, copyEight, sameEight } from '../row/words.js';
import { SlotList } from '../store/slot-list.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { ACTIVE_TIMEOUT } = endReason;
const {
  EXPORTED_COUNTERS,
  EXPORTED_SIZE,
  LAST_REASON,
  LAST_STATE,
  NEWS,
  NEWS_COUNTED,
  NEWS_NONE,
  NEWS_UNKNOWN,
  VISIBLE,
} = columns;
const { HAS_ORIG_COUNTERS, HAS_REPLY_COUNTERS, ORIG_PACKETS_WORD, PRESENT_WORD, ROW_WORDS, STATE } = row;

/** Where the four counters begin in a row; they stand one after another, two words each. */
export const COUNTERS_WORD = ORIG_PACKETS_WORD;
export const COUNTER_WORDS = 8;

/** In place of a TCP state: none was exported. */
export const NO_STATE = 255;

/**
 * Which records without a packet in them are exported, where counters are known: none; those that tell of an end or of another
 * state; all, also the first of a connection that has counted nothing since.
 */
export type ZeroDeltas = 'none' | 'ends' | 'all';

/** What was last exported of one connection. */
export interface LastExport {
  /** The four counters, in the order of the row. */
  readonly counters: Uint32Array;
  /** The reason of the last record, 0 where there was none. */
  readonly reason: number;
  /** The state in the last record, NO_STATE where there was none. */
  readonly state: number;
  /** The last record ended the connection. */
  readonly ended: boolean;
}

/**
 * What earlier runs exported to one destination, and what the next run is to know. A connection is identified by its row, at word
 * `from`; of one without the kernel's id and start time nothing is known, and nothing is kept.
 */
export interface ExportHistory {
  /**
   * Undefined where nothing was exported, or it is not known. Counters that the row has fallen below count as zero: they were
   * reset meanwhile.
   */
  lastExport(row: Uint32Array, from: number): LastExport | undefined;
  /** It is certain that nothing was exported of it, although it may be older than this run. */
  neverExported(row: Uint32Array, from: number): boolean;
  /** Nothing is known of it, and what it has counted so far counts as exported. */
  assumed(row: Uint32Array, from: number): void;
  /**
   * These counters count as exported, without a record.
   * @param counters eight words from word `at`
   * @param ended it is over, or no longer exported: only this run may ask for it
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
  /**
   * The store has evicted a connection at its limit; its last record may follow. From now on some of those that are not in the
   * history may have been exported. @param counters as of {@link note}
   */
  evicted(row: Uint32Array, from: number, counters: Uint32Array, at: number, reason: number, state: number): void;
}

/** What was last exported of each connection to one destination, by slot. */
export class ExportState {
  readonly #table: ConnectionTable;
  readonly #slots: ExportSlots;
  readonly #history: ExportHistory | undefined;
  zeroDelta: ZeroDeltas;
  /** An earlier run has ended the connection that was added last. */
  wasEnded = false;

  constructor(table: ConnectionTable, slots: ExportSlots, zeroDelta: ZeroDeltas, history?: ExportHistory) {
    this.#table = table;
    this.#slots = slots;
    this.zeroDelta = zeroDelta;
    this.#history = history;
  }

  /**
   * @param before what the connection has counted so far counts as exported, unless the history says otherwise
   * @returns the reason of its last record of an earlier run, 0 where there is none
   */
  add(slot: number, before: boolean): number {
    const { rows } = this.#table;
    const { words } = this.#slots;
    const at = this.#slots.countersAt(slot);
    const row = slot * ROW_WORDS;
    const last = this.#history?.lastExport(rows, row);
    this.wasEnded = last?.ended ?? false;
    this.#slots.setLast(slot, last?.reason ?? 0, last?.state ?? NO_STATE);
    this.#slots.setNews(slot, NEWS_UNKNOWN);
    if (last) words.set(last.counters, at);
    else if (before && !this.#history?.neverExported(rows, row)) {
      this.#history?.assumed(rows, row);
      this.#takeCounters(slot);
      this.note(slot, false);
    } else {
      clearEight(words, at);
    }
    return last?.reason ?? 0;
  }

  /** The row as it is now has been exported. */
  update(slot: number, reason: number): void {
    this.#takeCounters(slot);
    this.#slots.setLast(slot, reason, this.#state(slot));
    this.#slots.setNews(slot, NEWS_NONE);
  }

  /** Its counters have grown. */
  moved(slot: number): void {
    if (this.#slots.news(slot) === NEWS_NONE) this.#slots.setNews(slot, NEWS_COUNTED);
  }

  /** Its counters may be any: it is over, and its last ones came with the end. */
  ended(slot: number): void {
    this.#slots.setNews(slot, NEWS_UNKNOWN);
  }

  /** Something beside the row is due for export: as if no record had shown its state. */
  annotated(slot: number): void {
    this.#slots.setLast(slot, this.#slots.lastReason(slot), NO_STATE);
  }

  /** What it has counted is never exported: there are no news any more. */
  leaveOut(slot: number): void {
    this.#takeCounters(slot);
    this.#slots.setNews(slot, NEWS_NONE);
  }

  /** An end without a record, as it would have no packet: it counts as exported. */
  endWithoutRecord(slot: number, reason: number): void {
    this.#slots.setLast(slot, reason, this.#state(slot));
    this.note(slot, false);
  }

  /** What was not yet exported of the old counters stays due: the exported ones go below zero, modulo 2^64. */
  countersReset(slot: number): void {
    const { rows } = this.#table;
    const { words } = this.#slots;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const at = this.#slots.countersAt(slot);
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      subtract(words, at + word, rows, from + word, words, at + word);
    }
    this.#slots.setNews(slot, NEWS_UNKNOWN);
    this.note(slot, false);
  }

  /**
   * Keeps what counts as exported without a record.
   * @param ended the connection is over, or no longer exported
   */
  note(slot: number, ended: boolean): void {
    if (!this.#history) return;
    const slots = this.#slots;
    const reason = slots.lastReason(slot);
    const state = slots.lastState(slot);
    const at = slots.countersAt(slot);
    this.#history.note(this.#table.rows, slot * ROW_WORDS, slots.words, at, reason, state, ended);
  }

  /** The store has evicted the connection at its limit. */
  evicted(slot: number): void {
    if (!this.#history) return;
    const slots = this.#slots;
    const reason = slots.lastReason(slot);
    const state = slots.lastState(slot);
    const at = slots.countersAt(slot);
    this.#history.evicted(this.#table.rows, slot * ROW_WORDS, slots.words, at, reason, state);
  }

  /** The reason of the last record, 0 before the first. */
  lastReason(slot: number): number {
    return this.#slots.lastReason(slot);
  }

  /** Whether a record of this reason has packets, or shows something new without any. */
  isNews(slot: number, reason: number): boolean {
    if (this.hasCounted(slot)) return true;
    const last = this.#slots.lastReason(slot);
    const known = (this.#table.rows[slot * ROW_WORDS + PRESENT_WORD] & (HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS)) !== 0;
    if (known && this.zeroDelta === 'none') return last !== 0 && this.#slots.lastState(slot) === NO_STATE;
    if (reason !== ACTIVE_TIMEOUT && reason !== last) return true;
    if (last === 0) return !known || this.zeroDelta === 'all';
    return this.#slots.lastState(slot) !== this.#state(slot);
  }

  /** Adds what is not exported of a connection. */
  addTo(sum: Unexported, slot: number): void {
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

  /** Whether it has counted since the last record; mostly it is known without a look at the row. */
  hasCounted(slot: number): boolean {
    const news = this.#slots.news(slot);
    if (news !== NEWS_UNKNOWN) return news === NEWS_COUNTED;
    const { words } = this.#slots;
    const { rows } = this.#table;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const to = this.#slots.countersAt(slot);
    return !sameEight(words, to, rows, from);
  }

  #takeCounters(slot: number): void {
    const { words } = this.#slots;
    const { rows } = this.#table;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const to = this.#slots.countersAt(slot);
    copyEight(words, to, rows, from);
  }

  #state(slot: number): number {
    return this.#table.bytes[slot * ROW_WORDS * 4 + STATE];
  }
}

// a cache line a slot: two words of links for either list, the time, the counters, four bytes
const SLOT_BYTES = EXPORTED_SIZE;
const SLOT_WORDS = SLOT_BYTES >> 2;
const SLOT_DOUBLES = SLOT_BYTES >> 3;
const IDLE = 0;
const ACTIVE = 2;
const ACTIVE_SINCE = 16 >> 3;
const COUNTERS = EXPORTED_COUNTERS >> 2;

/** What one destination keeps of each connection, side by side as it is read together. */
export class ExportSlots {
  /** Words that hold the counters of a slot from {@link countersAt} on. */
  readonly words: Uint32Array;
  /** Connections with news not yet old, by their last change. */
  readonly idle: SlotList;
  /** Connections with news, by when the active timeout began to run. */
  readonly active: SlotList;
  /** All of it: an encoder writes the counters, the reason and the state of a record. */
  readonly bytes: Uint8Array;
  readonly #times: Float64Array;

  constructor(capacity: number) {
    this.bytes = cacheLines(capacity * SLOT_BYTES);
    const { buffer, byteOffset } = this.bytes;
    const links = new Int32Array(buffer, byteOffset);
    this.words = new Uint32Array(buffer, byteOffset);
    this.idle = new SlotList(links, SLOT_WORDS, IDLE);
    this.active = new SlotList(links, SLOT_WORDS, ACTIVE);
    this.#times = new Float64Array(buffer, byteOffset);
  }

  /** The word at which the counters of a slot as last exported begin, COUNTER_WORDS of them. */
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

  /** The reason of the last record, 0 before the first. */
  lastReason(slot: number): number {
    return this.bytes[slot * SLOT_BYTES + LAST_REASON];
  }

  /** The TCP state in the last record. */
  lastState(slot: number): number {
    return this.bytes[slot * SLOT_BYTES + LAST_STATE];
  }

  /** Whether it has counted since the last record: one of NEWS_*. */
  news(slot: number): number {
    return this.bytes[slot * SLOT_BYTES + NEWS];
  }

  setNews(slot: number, news: number): void {
    this.bytes[slot * SLOT_BYTES + NEWS] = news;
  }

  /** One of SHOWN, NOT_SHOWN and LEFT_OUT. */
  visible(slot: number): number {
    return this.bytes[slot * SLOT_BYTES + VISIBLE];
  }

  setVisible(slot: number, visible: number): void {
    this.bytes[slot * SLOT_BYTES + VISIBLE] = visible;
  }

  setLast(slot: number, reason: number, state: number): void {
    this.bytes[slot * SLOT_BYTES + LAST_REASON] = reason;
    this.bytes[slot * SLOT_BYTES + LAST_STATE] = state;
  }
}
