import {
  HASH_WORD,
  HAS_EVENT_TIME,
  HAS_START,
  HAS_STOP,
  HAS_TCP_STATE,
  ID_WORD,
  PRESENT_WORD,
  START_NS_WORD,
  STATE,
  STOP_NS_WORD,
} from '../row/layout.generated.js';
import { KeyTable } from './key-table.js';
import { appendState } from './tcp-history.js';
import { lessThan, nanosecondsToMilliseconds } from '../common/u64.js';

/** Connections that may wait to be stored; those beyond are only counted. */
const MAX_PENDING = 262_144;
/**
 * Milliseconds: the kernel's time of a NEW may be before the start, as it is that of the first change that its message names, and TCP's
 * state changes before the connection enters the table.
 */
const MOST_BEFORE_START = 100;

/** The events of a connection before it was stored. */
export interface PendingEvent {
  /** When its first event was read, milliseconds since 1970. */
  seenAt: number;
  /** When its last event was, and with it a packet; milliseconds since 1970. */
  lastAt: number;
  /** The first was its NEW: it began then. */
  isNew: boolean;
  /** Its beginning has been told, see {@link Beginnings}. */
  isTold: boolean;
  /** The TCP states it went through, packed as in {@link appendState}. */
  states: number;
}

export interface PendingEventCounts {
  /** Connections known by events alone, and not stored yet. */
  readonly count: number;
  /** Connections whose events found no room. */
  readonly overflow: number;
  /** Connections that neither a dump nor a DESTROY showed afterwards. */
  readonly expired: number;
  /** Polls out of turn after a loss. */
  readonly resyncs: number;
}

/**
 * NEW and UPDATE events of connections that are not in the store yet. They carry neither counters nor start, so they wait here
 * until a poll or a DESTROY shows the connection. The kernel gives a reopened tuple the same id: several connections may wait
 * under one key, and are taken in their order.
 */
export class PendingEvents {
  /** Connections that found no room. */
  overflow = 0;
  /** Connections that neither a later dump nor a DESTROY showed. */
  expired = 0;
  readonly #table: KeyTable;
  readonly #seenAt: Float64Array;
  readonly #lastAt: Float64Array;
  readonly #states: Uint32Array;
  readonly #isNew: Uint8Array;
  readonly #isTold: Uint8Array;
  /** When the kernel made the first event, nanoseconds since 1970 in two words; 0 where it did not say. */
  readonly #madeAt: Uint32Array;
  /** The dump before which its first event came. */
  readonly #dump: Uint32Array;
  readonly #taken: PendingEvent = { seenAt: 0, lastAt: 0, isNew: false, isTold: false, states: 0 };
  #dumps = 0;

  constructor(capacity = MAX_PENDING) {
    this.#table = new KeyTable(capacity);
    this.#seenAt = new Float64Array(capacity);
    this.#lastAt = new Float64Array(capacity);
    this.#states = new Uint32Array(capacity);
    this.#isNew = new Uint8Array(capacity);
    this.#isTold = new Uint8Array(capacity);
    this.#madeAt = new Uint32Array(capacity * 2);
    this.#dump = new Uint32Array(capacity);
  }

  get count(): number {
    return this.#table.count;
  }

  /** Whether the connection of this row waits here, or another of its key. */
  has(row: Uint32Array, from: number): boolean {
    return this.#find(row, from) >= 0;
  }

  /**
   * An event of a connection that is not stored.
   * @param at when it was read, @param time when it was; milliseconds since 1970
   * @returns where the events of its connection are, -1 where there is no room
   */
  note(row: Uint32Array, bytes: Uint8Array, from: number, isNew: boolean, at: number, time: number): number {
    let entry = -1;
    if (!isNew) {
      // the events of one key come in order: it belongs to the last
      for (let next = this.#find(row, from); next >= 0; next = this.#find(row, from, next)) entry = next;
    }
    if (entry < 0) {
      if (this.#table.full) {
        this.overflow++;
        return -1;
      }
      entry = this.#table.add(row[from + ID_WORD], row[from + HASH_WORD], 0);
      this.#seenAt[entry] = at;
      this.#isNew[entry] = isNew ? 1 : 0;
      this.#isTold[entry] = 0;
      const isMade = (row[from + PRESENT_WORD] & HAS_EVENT_TIME) !== 0;
      for (let word = 0; word < 2; word++)
        this.#madeAt[entry * 2 + word] = isMade ? row[from + STOP_NS_WORD + word] : 0;
      this.#states[entry] = 0;
      this.#dump[entry] = this.#dumps;
    }
    this.#lastAt[entry] = time;
    if (row[from + PRESENT_WORD] & HAS_TCP_STATE) {
      this.#states[entry] = appendState(this.#states[entry], bytes[from * 4 + STATE]);
    }
    return entry;
  }

  /** The beginning of this connection has been told. */
  setTold(entry: number): void {
    this.#isTold[entry] = 1;
  }

  /**
   * Removes the events of this row's connection; valid until the next call. Events before its start belong to an earlier connection
   * of its key: they are removed too, unless their beginning has been told, as ends may come in another order. Where its end is known,
   * and when the kernel made the events, those made after it are of a later connection.
   */
  take(row: Uint32Array, from: number): PendingEvent | undefined {
    const startKnown = (row[from + PRESENT_WORD] & HAS_START) !== 0;
    const start = startKnown ? nanosecondsToMilliseconds(row[from + START_NS_WORD], row[from + START_NS_WORD + 1]) : 0;
    const stopKnown = (row[from + PRESENT_WORD] & HAS_STOP) !== 0;
    let own = -1;
    let distance = Number.POSITIVE_INFINITY;
    for (let entry = this.#find(row, from), next = -1; entry >= 0; entry = next) {
      next = this.#find(row, from, entry);
      if (stopKnown && lessThan(row, from + STOP_NS_WORD, this.#madeAt, entry * 2)) break;
      const made = nanosecondsToMilliseconds(this.#madeAt[entry * 2], this.#madeAt[entry * 2 + 1]);
      if (made > 0 ? made < start - MOST_BEFORE_START : this.#seenAt[entry] < start) {
        if (this.#isTold[entry] !== 0) continue;
        this.#table.remove(entry);
        this.expired++;
        continue;
      }
      const away = made > 0 ? Math.abs(made - start) : 0;
      if (away >= distance) continue;
      own = entry;
      distance = away;
    }
    if (own < 0) return undefined;
    const taken = this.#taken;
    taken.seenAt = this.#seenAt[own];
    taken.lastAt = this.#lastAt[own];
    taken.isNew = this.#isNew[own] !== 0;
    taken.isTold = this.#isTold[own] !== 0;
    taken.states = this.#states[own];
    this.#table.remove(own);
    return taken;
  }

  /** A dump is requested: it shows every connection of an earlier event that is still there. */
  beginDump(): void {
    this.#dumps++;
  }

  /**
   * Events from before this dump and the one before expire. Not after one dump alone: a connection that it did not show may
   * be on the kernel's dying list.
   * @param complete the dump has shown the whole table, and its rows are stored
   */
  endDump(complete: boolean): void {
    if (!complete) return;
    const { order } = this.#table;
    for (let entry = order.head; entry >= 0 && this.#dump[entry] < this.#dumps - 1; entry = order.head) {
      this.#table.remove(entry);
      this.expired++;
    }
  }

  clear(): void {
    this.#table.clear();
    this.overflow = 0;
    this.expired = 0;
  }

  #find(row: Uint32Array, from: number, after = -1): number {
    return this.#table.find(row[from + ID_WORD], row[from + HASH_WORD], 0, after);
  }
}
