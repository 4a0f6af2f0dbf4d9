import {
  HASH_WORD,
  HAS_ID,
  ID_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  REPLY_OCTETS_WORD,
  START_NS_WORD,
} from '../row/layout.generated.js';
import { compareCounters, FELL } from './connection-identity.js';
import { isNamed } from './destroy-tracker.js';
import { KeyTable } from './key-table.js';
import { readNumber, subtract } from '../common/u64.js';
import type { Unexported } from './unexported.js';

const COUNTERS_FROM = ORIG_PACKETS_WORD;
const COUNTER_WORDS = REPLY_OCTETS_WORD + 2 - ORIG_PACKETS_WORD;
/** Remembered at least. */
const LEAST = 262_144;

/** Bits of a connection that is kept out. */
const WAS_STORED = 1;
const WAS_REFUSED = 2;

/**
 * Connections of the kernel that a store at its limit has evicted or refused, with the counters that count as exported: when
 * there is room again a connection goes on from there, and what it counted is lost only where it ends before. By id and start;
 * without these by tuple.
 */
export class KeptOut {
  readonly #table: KeyTable;
  // made with the first entry: most stores never reach their limit
  /** Counters that were exported, or that need not be. */
  #base = new Uint32Array(0);
  /** Counters when it was seen last. */
  #seen = new Uint32Array(0);
  #seenIn = new Uint32Array(0);
  #flags = new Uint8Array(0);
  readonly #lost: (loss: Unexported) => void;
  readonly #loss = { connections: 0, packets: 0, octets: 0 };
  readonly #delta = new Uint32Array(2);
  /** One was forgotten since a whole poll found room for all. */
  #forgot = false;
  /** Wall milliseconds at which this poll, and the one before, read rows last. */
  #readAt = Number.NEGATIVE_INFINITY;
  #previousReadAt = Number.NEGATIVE_INFINITY;

  /** @param capacity of the store; @param lost what is never exported of one of these */
  constructor(capacity: number, lost: (loss: Unexported) => void) {
    this.#table = new KeyTable(Math.max(capacity, LEAST));
    this.#lost = lost;
  }

  beginPoll(): void {
    this.#previousReadAt = this.#readAt;
  }

  /** Rows were read at this wall time. */
  read(at: number): void {
    this.#readAt = at;
  }

  /** The entry of this row's connection, -1 where it is not kept out. */
  find(row: Uint32Array, from: number): number {
    if (this.#table.count === 0) return -1;
    return isNamed(row, from)
      ? this.#table.find(row[from + ID_WORD], row[from + START_NS_WORD], row[from + START_NS_WORD + 1])
      : this.#table.find(row[from + HASH_WORD], idOf(row, from), 0);
  }

  /** Whether a connection that has no entry may have had one. @param start milliseconds since 1970, undefined where not known */
  mayHave(start: number | undefined): boolean {
    return this.#forgot && (start === undefined || start <= this.#previousReadAt);
  }

  /** The store has evicted the connection of this row: its counters are exported, or counted. */
  evict(row: Uint32Array, from: number, poll: number): void {
    const entry = this.#add(row, from, poll, WAS_STORED);
    copy(row, from + COUNTERS_FROM, this.#base, entry * COUNTER_WORDS);
  }

  /**
   * There is no room for the connection of this row.
   * @param entry as of {@link find}; @param before what it has counted so far is not to be exported
   * @param exported of it before this run, eight words, where that is known
   * @returns whether this is the first time
   */
  refuse(
    entry: number,
    row: Uint32Array,
    from: number,
    before: boolean,
    poll: number,
    exported?: Uint32Array | undefined,
  ): boolean {
    let kept = entry;
    if (kept < 0) {
      kept = this.#add(row, from, poll, 0);
      if (exported) this.#base.set(exported, kept * COUNTER_WORDS);
      else if (before) copy(row, from + COUNTERS_FROM, this.#base, kept * COUNTER_WORDS);
      else this.#base.fill(0, kept * COUNTER_WORDS, (kept + 1) * COUNTER_WORDS);
    } else this.#see(kept, row, from, poll);
    const first = (this.#flags[kept] & WAS_REFUSED) === 0;
    this.#flags[kept] |= WAS_REFUSED;
    return first;
  }

  /** There is room for it again. @returns the counters that count as exported; valid until the next call */
  take(entry: number, row: Uint32Array, from: number): Uint32Array {
    this.#see(entry, row, from, 0);
    this.#table.remove(entry);
    return this.#base.subarray(entry * COUNTER_WORDS, (entry + 1) * COUNTER_WORDS);
  }

  /** It has ended with the counters of this row, as it was refused. */
  end(entry: number, row: Uint32Array, from: number): void {
    this.#see(entry, row, from, 0);
    this.#lose(entry);
  }

  /** @param since those that no poll from this on has shown have ended; 0 where they may still come */
  endPoll(complete: boolean, since: number): void {
    const { order } = this.#table;
    for (let entry = order.head; entry >= 0 && this.#seenIn[entry] < since; entry = order.head) this.#lose(entry);
    if (complete && this.#table.count === 0) this.#forgot = false;
  }

  /** There are no more polls: what is kept out is not exported. */
  endAll(): void {
    const { order } = this.#table;
    for (let entry = order.head; entry >= 0; entry = order.head) this.#lose(entry);
  }

  clear(): void {
    this.#table.clear();
    this.#forgot = false;
  }

  #add(row: Uint32Array, from: number, poll: number, flags: number): number {
    const table = this.#table;
    if (this.#flags.length === 0) this.#makeRoom();
    if (table.full) {
      this.#forgot = true;
      this.#lose(table.order.head);
    }
    const entry = isNamed(row, from)
      ? table.add(row[from + ID_WORD], row[from + START_NS_WORD], row[from + START_NS_WORD + 1])
      : table.add(row[from + HASH_WORD], idOf(row, from), 0);
    copy(row, from + COUNTERS_FROM, this.#seen, entry * COUNTER_WORDS);
    this.#seenIn[entry] = poll;
    this.#flags[entry] = flags;
    return entry;
  }

  #makeRoom(): void {
    const { capacity } = this.#table;
    this.#base = new Uint32Array(capacity * COUNTER_WORDS);
    this.#seen = new Uint32Array(capacity * COUNTER_WORDS);
    this.#seenIn = new Uint32Array(capacity);
    this.#flags = new Uint8Array(capacity);
  }

  #see(entry: number, row: Uint32Array, from: number, poll: number): void {
    const at = entry * COUNTER_WORDS;
    // set to zero, or another connection: what it had counted until then is lost
    if (compareCounters(this.#seen, at - COUNTERS_FROM, row, from) === FELL) {
      this.#report(entry, false);
      this.#base.fill(0, at, at + COUNTER_WORDS);
    }
    copy(row, from + COUNTERS_FROM, this.#seen, at);
    this.#seenIn[entry] = poll;
    this.#table.order.push(entry);
  }

  #lose(entry: number): void {
    this.#report(entry, (this.#flags[entry] & WAS_STORED) === 0);
    this.#table.remove(entry);
  }

  /** @param always also where it has counted nothing: it had no record */
  #report(entry: number, always: boolean): void {
    const loss = this.#loss;
    const at = entry * COUNTER_WORDS;
    loss.packets = this.#counted(at) + this.#counted(at + 4);
    loss.octets = this.#counted(at + 2) + this.#counted(at + 6);
    loss.connections = 1;
    if (always || loss.packets > 0) this.#lost(loss);
  }

  #counted(at: number): number {
    subtract(this.#seen, at, this.#base, at, this.#delta, 0);
    return readNumber(this.#delta, 0);
  }
}

function idOf(row: Uint32Array, from: number): number {
  return row[from + PRESENT_WORD] & HAS_ID ? row[from + ID_WORD] : 0;
}

function copy(from: Uint32Array, at: number, to: Uint32Array, word: number): void {
  for (let i = 0; i < COUNTER_WORDS; i++) to[word + i] = from[at + i];
}
