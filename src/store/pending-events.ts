import * as layout from '../row/layout.generated.js';
import { KeyTable } from './key-table.js';
import { appendState, handshakeAfter } from './tcp-history.js';
import { lessThan, nanosecondsToMilliseconds } from '../common/u64.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
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
} = layout;

// what is read together stands together: of each entry, two times, four words and a third time
const TIMES = 5;
const WORDS = 10;
const SEEN_AT = 0;
const LAST_AT = 1;
/** When the kernel made the first event, nanoseconds since 1970 in two words; 0 where it did not say. */
const MADE_AT = 4;
const STATES = 6;
/** The dump before which its first event came, and the bits below it. */
const DUMP = 7;
/** As a time. */
const HANDSHAKE = 4;
const IS_NEW = 1;
const IS_TOLD = 2;
const DUMP_SHIFT = 2;

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
  /** Its beginning has been exported, see {@link Beginnings}. */
  isTold: boolean;
  /** The TCP states it went through, packed as in {@link appendState}. */
  states: number;
  /** As in {@link handshakeAfter}. */
  handshake: number;
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
  /** {@link WORDS} of each entry. */
  readonly #words: Uint32Array;
  /** The same memory. */
  readonly #times: Float64Array;
  readonly #taken: PendingEvent = { seenAt: 0, lastAt: 0, isNew: false, isTold: false, states: 0, handshake: 0 };
  #dumps = 0;

  constructor(capacity = MAX_PENDING) {
    this.#table = new KeyTable(capacity);
    // the first event need not wait for it
    this.#table.makeRoom();
    this.#times = new Float64Array(capacity * TIMES);
    this.#words = new Uint32Array(this.#times.buffer);
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
   * @param precise the same in microseconds, on whatever clock
   * @returns where the events of its connection are, -1 where there is no room
   */
  note(
    row: Uint32Array,
    bytes: Uint8Array,
    from: number,
    isNew: boolean,
    at: number,
    time: number,
    precise: number,
  ): number {
    const words = this.#words;
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
      this.#times[entry * TIMES + SEEN_AT] = at;
      const to = entry * WORDS;
      const isMade = (row[from + PRESENT_WORD] & HAS_EVENT_TIME) !== 0;
      words[to + MADE_AT] = isMade ? row[from + STOP_NS_WORD] : 0;
      words[to + MADE_AT + 1] = isMade ? row[from + STOP_NS_WORD + 1] : 0;
      words[to + STATES] = 0;
      this.#times[entry * TIMES + HANDSHAKE] = 0;
      words[to + DUMP] = (this.#dumps << DUMP_SHIFT) | (isNew ? IS_NEW : 0);
    }
    this.#times[entry * TIMES + LAST_AT] = time;
    if (row[from + PRESENT_WORD] & HAS_TCP_STATE) {
      const states = entry * WORDS + STATES;
      const state = bytes[from * 4 + STATE];
      words[states] = appendState(words[states], state);
      const handshake = entry * TIMES + HANDSHAKE;
      this.#times[handshake] = handshakeAfter(this.#times[handshake], isNew, state, precise);
    }
    return entry;
  }

  /** The beginning of this connection has been exported. */
  setBeginningExported(entry: number): void {
    this.#words[entry * WORDS + DUMP] |= IS_TOLD;
  }

  /**
   * Removes the events of this row's connection; valid until the next call. Events before its start belong to an earlier connection
   * of its key: they are removed too, unless their beginning has been exported, as ends may come in another order. Where its end is known,
   * and when the kernel made the events, those made after it are of a later connection.
   */
  take(row: Uint32Array, from: number): PendingEvent | undefined {
    const startKnown = (row[from + PRESENT_WORD] & HAS_START) !== 0;
    const start = startKnown ? nanosecondsToMilliseconds(row[from + START_NS_WORD], row[from + START_NS_WORD + 1]) : 0;
    const stopKnown = (row[from + PRESENT_WORD] & HAS_STOP) !== 0;
    let own = -1;
    let distance = Number.POSITIVE_INFINITY;
    const words = this.#words;
    const times = this.#times;
    for (let entry = this.#find(row, from), next = -1; entry >= 0; entry = next) {
      next = this.#find(row, from, entry);
      const at = entry * WORDS;
      if (stopKnown && lessThan(row, from + STOP_NS_WORD, words, at + MADE_AT)) break;
      const made = nanosecondsToMilliseconds(words[at + MADE_AT], words[at + MADE_AT + 1]);
      if (made > 0 ? made < start - MOST_BEFORE_START : times[entry * TIMES + SEEN_AT] < start) {
        if (words[at + DUMP] & IS_TOLD) continue;
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
    taken.seenAt = times[own * TIMES + SEEN_AT];
    taken.lastAt = times[own * TIMES + LAST_AT];
    taken.isNew = (words[own * WORDS + DUMP] & IS_NEW) !== 0;
    taken.isTold = (words[own * WORDS + DUMP] & IS_TOLD) !== 0;
    taken.states = words[own * WORDS + STATES];
    taken.handshake = times[own * TIMES + HANDSHAKE];
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
    const before = this.#dumps - 1;
    for (let entry = order.head; entry >= 0 && this.#dumpOf(entry) < before; entry = order.head) {
      this.#table.remove(entry);
      this.expired++;
    }
  }

  clear(): void {
    this.#table.clear();
    this.overflow = 0;
    this.expired = 0;
  }

  #dumpOf(entry: number): number {
    return this.#words[entry * WORDS + DUMP] >>> DUMP_SHIFT;
  }

  #find(row: Uint32Array, from: number, after = -1): number {
    return this.#table.find(row[from + ID_WORD], row[from + HASH_WORD], 0, after);
  }
}
