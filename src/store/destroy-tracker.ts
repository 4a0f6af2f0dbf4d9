import * as row from '../row/layout.generated.js';
import { compareCounters, FELL } from './connection-identity.js';
import { KeyTable } from './key-table.js';
import type { Moment } from './poll-history.js';
import { lessThan, nanosecondsToMilliseconds, readNumber } from '../common/u64.js';
import { copyEight } from '../row/words.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  HASH_WORD,
  HAS_ID,
  HAS_STOP,
  IDENTITY_FLAGS,
  ID_WORD,
  ORIG_OCTETS_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  REPLY_OCTETS_WORD,
  REPLY_PACKETS_WORD,
  ROW_WORDS,
  START_NS_WORD,
  STOP_NS_WORD,
} = row;

const COUNTER_WORDS = REPLY_OCTETS_WORD + 2 - ORIG_PACKETS_WORD;
/** Keys that are remembered; the oldest go first. */
const MAX_WITHOUT_EVENT = 65_536;
const MAX_DURING_DUMP = 262_144;
const LEAST_DESTROYED = 262_144;

/** What a connection had counted in both directions. */
export interface Counted {
  packets: number;
  octets: number;
}

/**
 * DESTROY events that came, are to come, or did not come, by the kernel's id and start: together they are one entry's alone.
 * Where the start is not known, id and tuple take its place, and counters that are lower are another entry's.
 * - Connections whose tuple another one has taken wait within a poll for their last counters.
 * - Of those ended without their event, a late event is not taken for a new connection.
 * - Of those destroyed, an older row of a dump is not stored again.
 * - The kernel delivers an event again to every listener when it did not fit into the buffer of one. Where the start is not
 *   known, the counters are part of its key: a later connection may have the same.
 */
export class DestroyTracker {
  /** Of the store, by slot. */
  readonly #rows: Uint32Array;
  readonly #waiting: KeyTable;
  readonly #slots: Int32Array;
  readonly #endedWithout = new KeyTable(MAX_WITHOUT_EVENT);
  /** The counters of each of those. */
  readonly #counters = new Uint32Array(MAX_WITHOUT_EVENT * COUNTER_WORDS);
  /** No connection of those began later, nanoseconds in two words: a younger one need not be looked up. */
  readonly #lastStart = new Uint32Array(2);
  readonly #duringDump = new KeyTable(MAX_DURING_DUMP);
  readonly #destroyed: KeyTable;
  /** When each of those stopped, on the monotonic clock; a step of the wall clock does not touch it. */
  readonly #stops: Float64Array;
  /** No connection that stopped later is forgotten. */
  #forgottenStop = Number.NEGATIVE_INFINITY;
  #dumping = false;
  /** More ends than can be remembered came in this dump. */
  #overflown = false;

  /** @param slots of the store: as many can wait, and so many ends at least are remembered; @param rows of the store */
  constructor(slots: number, rows: Uint32Array) {
    this.#rows = rows;
    const destroyed = Math.max(slots, LEAST_DESTROYED);
    this.#destroyed = new KeyTable(destroyed);
    this.#stops = new Float64Array(destroyed);
    this.#waiting = new KeyTable(slots);
    this.#slots = new Int32Array(slots);
  }

  /** The row at word `from` of a connection that waits in `slot`. */
  wait(row: Uint32Array, from: number, slot: number): void {
    this.#slots[add(this.#waiting, row, from)] = slot;
  }

  /** The slot that waits for this event, -1 where there is none. */
  take(row: Uint32Array, from: number): number {
    const entry = find(this.#waiting, row, from);
    if (entry < 0) return -1;
    const slot = this.#slots[entry];
    if (isOfAnother(this.#rows, slot * ROW_WORDS, row, from)) return -1;
    this.#waiting.remove(entry);
    return slot;
  }

  /** Who still waits; nobody waits afterwards. */
  takeAll(): number[] {
    const slots: number[] = [];
    const { order } = this.#waiting;
    for (let entry = order.head; entry >= 0; entry = order.after(entry)) slots.push(this.#slots[entry]);
    this.#waiting.clear();
    return slots;
  }

  /** Events will come: the first one need not wait for tables. */
  expectEvents(): void {
    for (const table of [this.#destroyed, this.#duringDump, this.#waiting]) table.makeRoom();
  }

  /** A dump begins: until it is over, its rows may show connections whose event comes before them. */
  beginDump(): void {
    this.#dumping = true;
  }

  endDump(): void {
    this.#dumping = false;
    this.#overflown = false;
    this.#duringDump.clear();
  }

  /** Its event has come. */
  ended(row: Uint32Array, from: number, at: Moment): void {
    if (row[from + PRESENT_WORD] & HAS_ID) this.#stops[this.#remember(row, from)] = stopOf(row, from, at);
    if (!this.#dumping) return;
    if (this.#duringDump.full) this.#overflown = true;
    else if (isNamed(row, from) || find(this.#duringDump, row, from) < 0) add(this.#duringDump, row, from);
  }

  /**
   * Whether an event as this one has come before: surely of the same connection where its start is known. One that keeps coming
   * is remembered the longer.
   */
  isRemembered(row: Uint32Array, from: number): boolean {
    if (!(row[from + PRESENT_WORD] & HAS_ID)) return false;
    const table = this.#destroyed;
    const entry = isNamed(row, from) ? find(table, row, from) : this.#findAlike(row, from);
    if (entry < 0) return false;
    table.order.push(entry);
    return true;
  }

  /** Whether its event may have come, and be forgotten: it stopped no later than one that is. */
  isForgotten(row: Uint32Array, from: number, at: Moment): boolean {
    if (this.#forgottenStop === Number.NEGATIVE_INFINITY) return false;
    const stop = stopOf(row, from, at);
    return stop !== Number.NEGATIVE_INFINITY && stop <= this.#forgottenStop;
  }

  /**
   * Whether its event came, or may have come in this dump: the row is from before, or the next dump shows it again. The kernel
   * sends the event before it takes the connection from its table, so that a dump that begins in between has it too.
   */
  wasDestroyed(row: Uint32Array, from: number): boolean {
    if (this.#overflown || find(this.#duringDump, row, from) >= 0) return true;
    return isNamed(row, from) && find(this.#destroyed, row, from) >= 0;
  }

  /** The connection was ended without its event, with the counters that its row has. */
  endWithoutEvent(row: Uint32Array, from: number): void {
    const table = this.#endedWithout;
    // one with id and start ends once
    let entry = isNamed(row, from) ? -1 : find(table, row, from);
    if (entry >= 0) table.order.push(entry);
    else {
      if (table.full) table.remove(table.order.head);
      entry = add(table, row, from);
    }
    if (lessThan(this.#lastStart, 0, row, from + START_NS_WORD)) {
      this.#lastStart[0] = row[from + START_NS_WORD];
      this.#lastStart[1] = row[from + START_NS_WORD + 1];
    }
    copyEight(this.#counters, entry * COUNTER_WORDS, row, from + ORIG_PACKETS_WORD);
  }

  /**
   * Whether the connection of this event was ended without it; it is forgotten then.
   * @param lost to which is added what it had counted since
   */
  endedWithoutEvent(row: Uint32Array, from: number, lost: Counted): boolean {
    const entry = find(this.#endedWithout, row, from);
    if (entry < 0) return false;
    const at = entry * COUNTER_WORDS - ORIG_PACKETS_WORD;
    if (isOfAnother(this.#counters, at, row, from)) return false;
    lost.packets += Math.max(0, packetsOf(row, from) - packetsOf(this.#counters, at));
    lost.octets += Math.max(0, octetsOf(row, from) - octetsOf(this.#counters, at));
    this.#endedWithout.remove(entry);
    return true;
  }

  /** The counters of the connection of this row, eight words, where it was ended without its event; it is forgotten then. */
  takeEndedWithoutEvent(row: Uint32Array, from: number): Uint32Array | undefined {
    if (lessThan(this.#lastStart, 0, row, from + START_NS_WORD)) return undefined;
    const entry = find(this.#endedWithout, row, from);
    if (entry < 0) return undefined;
    this.#endedWithout.remove(entry);
    return this.#counters.slice(entry * COUNTER_WORDS, (entry + 1) * COUNTER_WORDS);
  }

  forgetEndedWithoutEvent(): void {
    this.#endedWithout.clear();
    this.#lastStart.fill(0);
  }

  clear(): void {
    this.endDump();
    this.#waiting.clear();
    this.forgetEndedWithoutEvent();
    this.#destroyed.clear();
    this.#forgottenStop = Number.NEGATIVE_INFINITY;
  }

  /** The entry of an end; one for all that are alike. */
  #remember(row: Uint32Array, from: number): number {
    const table = this.#destroyed;
    const named = isNamed(row, from);
    const alike = named ? -1 : this.#findAlike(row, from);
    if (alike >= 0) {
      table.order.push(alike);
      return alike;
    }
    if (table.full) {
      const oldest = table.order.head;
      this.#forgottenStop = Math.max(this.#forgottenStop, this.#stops[oldest]);
      table.remove(oldest);
    }
    return named ? add(table, row, from) : table.add(row[from + ID_WORD], row[from + HASH_WORD], digestOf(row, from));
  }

  /** The end of a connection without a start that had the same id, tuple and counters; -1 where there was none. */
  #findAlike(row: Uint32Array, from: number): number {
    return this.#destroyed.find(row[from + ID_WORD], row[from + HASH_WORD], digestOf(row, from));
  }
}

/** Whether an event is surely of a later connection than one with its key and these counters, of which eight words stand in a row. */
function isOfAnother(counters: Uint32Array, at: number, row: Uint32Array, from: number): boolean {
  return !isNamed(row, from) && compareCounters(counters, at, row, from) === FELL;
}

/** On the monotonic clock, milliseconds; -Infinity where it is not known. */
function stopOf(row: Uint32Array, from: number, at: Moment): number {
  if (!(row[from + PRESENT_WORD] & HAS_STOP)) return Number.NEGATIVE_INFINITY;
  const stop = nanosecondsToMilliseconds(row[from + STOP_NS_WORD], row[from + STOP_NS_WORD + 1]);
  return stop - (at.wall - at.monotonic);
}

/** The four counters in 32 bits. */
function digestOf(row: Uint32Array, from: number): number {
  let hash = 0x9747b28c;
  for (let word = ORIG_PACKETS_WORD; word < REPLY_OCTETS_WORD + 2; word++) {
    hash = Math.imul(hash ^ row[from + word], 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}

/** Its id and start are known: no other connection has both. */
export function isNamed(row: Uint32Array, from: number): boolean {
  return (row[from + PRESENT_WORD] & IDENTITY_FLAGS) === IDENTITY_FLAGS;
}

function add(table: KeyTable, row: Uint32Array, from: number): number {
  return isNamed(row, from)
    ? table.add(row[from + ID_WORD], row[from + START_NS_WORD], row[from + START_NS_WORD + 1])
    : table.add(row[from + ID_WORD], row[from + HASH_WORD], 0);
}

function find(table: KeyTable, row: Uint32Array, from: number): number {
  return isNamed(row, from)
    ? table.find(row[from + ID_WORD], row[from + START_NS_WORD], row[from + START_NS_WORD + 1])
    : table.find(row[from + ID_WORD], row[from + HASH_WORD], 0);
}

export function packetsOf(row: Uint32Array, from: number): number {
  return readNumber(row, from + ORIG_PACKETS_WORD) + readNumber(row, from + REPLY_PACKETS_WORD);
}

export function octetsOf(row: Uint32Array, from: number): number {
  return readNumber(row, from + ORIG_OCTETS_WORD) + readNumber(row, from + REPLY_OCTETS_WORD);
}
