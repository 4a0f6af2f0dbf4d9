import { type FlowColumns, type FlowExtras, ZEROED } from '../encoder/columns.js';
import * as row from '../row/layout.generated.js';
import { increase } from '../common/u64.js';
import { cacheLines, copyEight } from '../row/words.js';
import { SlotList } from './slot-list.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  EVENT,
  HAS_HELPER,
  HELPER_WORD,
  LABELS,
  LABELS_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  ROW_SIZE,
  ROW_WORDS,
  RULE_WORD,
} = row;

/** Connections as they lie in memory, to be read between two polls or events. */
export interface StoredRows {
  /** Rows of ROW_WORDS words: as they are read up to the labels, and the rule. */
  readonly rows: Uint32Array;
  /** The rows as bytes. */
  readonly bytes: Uint8Array;
  /** Of each slot, IN_USE, GONE and others. */
  readonly flags: Uint8Array;
  /** Slots that have ever been used lie below. */
  readonly top: number;
}

const USED = 1;
/** The slot holds a connection. */
export const IN_USE = USED;
/** The kernel no longer has the connection; it waits for its last report. */
export const GONE = 2;
/** It stands in the room of ended ones. */
const ENDED = 4;
/** Listeners do not know it yet. */
export const UNANNOUNCED = 64;

const NONE = -1;

// a stored row has what the store adds in place of labels and helper: a merge touches three cache lines and not ten
const ROW_DOUBLES = ROW_SIZE / 8;
const START_MS = LABELS >> 3;
const END_MS = START_MS + 1;
const CHANGED_AT = START_MS + 2;
/** Behind the times: two words of links. */
const BY_CHANGE = (LABELS + 24) >> 2;
/** Of a connection of TCP: microseconds from its first event to that of its being established, in place of EVENT; 0 where not seen. */
export const HANDSHAKE = EVENT;
const FACT_WORDS = LABELS_WORD;
const HELPER_WORDS = 4;
const COUNTER_WORDS = 8;

/** Room for open connections that the tables of several network namespaces have together. */
export class SharedRoom {
  readonly limit: number;
  taken: number;

  constructor(limit: number, taken = 0) {
    this.limit = limit;
    this.taken = taken;
  }

  get full(): boolean {
    return this.taken >= this.limit;
  }
}

/**
 * The connections by slot: a row of kernel facts each, in which the store's own facts stand where a row that is read has
 * labels and helper. Everything is as long as the limit from the start: the operating system commits memory only when a slot
 * is first used, so nothing is ever copied to grow. Free slots are handed out lowest first until one has been given back.
 */
export class ConnectionTable implements StoredRows {
  /** Slots in all. */
  readonly capacity: number;
  /** Of these, slots for connections that have ended and wait for their last report. */
  readonly endedRoom: number;
  /** Rows of ROW_WORDS words: as they are read up to the labels, and the rule. */
  readonly rows: Uint32Array;
  /** The rows as bytes. */
  readonly bytes: Uint8Array;
  /** The poll that saw the connection last. */
  readonly seenIn: Uint32Array;
  readonly flags: Uint8Array;
  /** Holders that have not released the slot. */
  readonly holders: Uint8Array;
  /** Connections by the last change seen, the oldest first; kept by the store. */
  readonly byChange: SlotList;
  /** Slots that have ever been used lie below. */
  top = 0;
  count = 0;
  #ended = 0;
  readonly #times: Float64Array;
  readonly #links: Int32Array;
  readonly #nextFree: Int32Array;
  /** HELPER_WORDS a slot, of rows that have HAS_HELPER. */
  readonly #helpers: Uint32Array;
  /** What the slots that are ZEROED had counted before. */
  readonly #beforeZero: Uint32Array;
  #free = NONE;
  #room: SharedRoom;

  /**
   * @param open connections that have not ended, at most; @param endedRoom slots for others beside them
   * @param room what several tables may hold of open ones together
   */
  constructor(open: number, endedRoom = 0, room = new SharedRoom(open)) {
    const capacity = open + endedRoom;
    this.capacity = capacity;
    this.endedRoom = endedRoom;
    this.#room = room;
    this.bytes = cacheLines(capacity * ROW_SIZE);
    const { buffer, byteOffset } = this.bytes;
    this.rows = new Uint32Array(buffer, byteOffset);
    this.#times = new Float64Array(buffer, byteOffset);
    this.#links = new Int32Array(buffer, byteOffset);
    this.byChange = new SlotList(this.#links, ROW_WORDS, BY_CHANGE);
    this.#helpers = new Uint32Array(capacity * HELPER_WORDS);
    this.#beforeZero = new Uint32Array(capacity * COUNTER_WORDS);
    this.seenIn = new Uint32Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.holders = new Uint8Array(capacity);
    this.#nextFree = new Int32Array(capacity);
  }

  /** No room for another connection. */
  get full(): boolean {
    return this.#room.full || this.count === this.capacity;
  }

  /** No room for another one that has ended. */
  get fullOfEnded(): boolean {
    return this.count === this.capacity;
  }

  /** The connection has ended and waits for its last report: until it is freed it takes no room of others. */
  moveToEnded(slot: number): void {
    this.flags[slot] |= ENDED;
    this.#ended++;
    this.#room.taken--;
  }

  /** Flow start, milliseconds since 1970. */
  startMs(slot: number): number {
    return this.#times[slot * ROW_DOUBLES + START_MS];
  }

  setStartMs(slot: number, wall: number): void {
    this.#times[slot * ROW_DOUBLES + START_MS] = wall;
  }

  /** Last packet, milliseconds since 1970. */
  endMs(slot: number): number {
    return this.#times[slot * ROW_DOUBLES + END_MS];
  }

  setEndMs(slot: number, wall: number): void {
    this.#times[slot * ROW_DOUBLES + END_MS] = wall;
  }

  /** When a counter was last seen to move, or since when the connection is gone; monotonic milliseconds. */
  changedAt(slot: number): number {
    return this.#times[slot * ROW_DOUBLES + CHANGED_AT];
  }

  setChangedAt(slot: number, monotonic: number): void {
    this.#times[slot * ROW_DOUBLES + CHANGED_AT] = monotonic;
  }

  /** A slot with a copy of the row that begins at word `from`; the table must not be full. */
  allocate(source: Uint32Array, from: number): number {
    let slot = this.#free;
    if (slot === NONE) slot = this.top++;
    else this.#free = this.#nextFree[slot];
    this.count++;
    this.#room.taken++;
    this.flags[slot] = USED;
    const to = slot * ROW_WORDS;
    for (let word = 0; word < FACT_WORDS - 8; word += 8) copyEight(this.rows, to + word, source, from + word);
    // and the rest, of which two have been copied
    copyEight(this.rows, to + FACT_WORDS - 8, source, from + FACT_WORDS - 8);
    this.rows[to + RULE_WORD] = source[from + RULE_WORD];
    if (source[from + PRESENT_WORD] & HAS_HELPER) this.takeHelper(slot, source, from);
    return slot;
  }

  /** The helper of the row that begins at word `from`. */
  takeHelper(slot: number, source: Uint32Array, from: number): void {
    const to = slot * HELPER_WORDS;
    for (let word = 0; word < HELPER_WORDS; word++) this.#helpers[to + word] = source[from + HELPER_WORD + word];
  }

  /** What records are written from. @param extras what others know of the flows */
  columns(extras: FlowExtras): FlowColumns {
    const helpers = new Uint8Array(this.#helpers.buffer);
    return { rows: this.bytes, flags: this.flags, helpers, zeroed: this.#beforeZero, extras };
  }

  /** The counters of the row were set to zero in the kernel; the row still holds the old ones. */
  keepZeroed(slot: number): void {
    const to = slot * COUNTER_WORDS;
    if (!(this.flags[slot] & ZEROED)) this.#beforeZero.fill(0, to, to + COUNTER_WORDS);
    this.flags[slot] |= ZEROED;
    const from = slot * ROW_WORDS + ORIG_PACKETS_WORD;
    for (let word = 0; word < COUNTER_WORDS; word += 2) increase(this.#beforeZero, to + word, this.rows, from + word);
  }

  free(slot: number): void {
    if (this.flags[slot] & ENDED) this.#ended--;
    else this.#room.taken--;
    this.flags[slot] = 0;
    this.#nextFree[slot] = this.#free;
    this.#free = slot;
    this.count--;
  }

  /** Nothing is stored any more: what it has of the room is for others. */
  leaveRoom(): void {
    const open = this.count - this.#ended;
    this.#room.taken -= open;
    this.#room = new SharedRoom(this.capacity - this.endedRoom, open);
  }

  clear(): void {
    this.#room.taken -= this.count - this.#ended;
    this.byChange.clear();
    this.flags.fill(0, 0, this.top);
    this.top = 0;
    this.count = 0;
    this.#ended = 0;
    this.#free = NONE;
  }
}
