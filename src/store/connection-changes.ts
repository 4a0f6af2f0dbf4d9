import type { Batch } from '../row/batch.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';
import { TWO_32 } from '../common/unsigned.js';
import * as row from '../row/layout.generated.js';
import { HANDSHAKE } from './connection-table.js';
import type { Moment } from './poll-history.js';
import { PendingEvents, type PendingEvent } from './pending-events.js';
import type { StoredConnections } from './stored-connections.js';
import { handshakeAfter, handshakeTime, type TcpHistory } from './tcp-history.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  EVENT_NEW,
  EVENT_WORD,
  HAS_EVENT_TIME,
  HAS_START,
  HAS_TCP_STATE,
  ID_WORD,
  PRESENT_WORD,
  ROW_WORDS,
  STATE,
  STOP_NS_WORD,
} = row;

const HANDSHAKE_WORD = HANDSHAKE >> 2;

/** Learns when connections begin, before they are stored. */
export interface Beginnings {
  /**
   * A NEW event of a connection that is not stored.
   * @param at when it was read
   * @returns whether its beginning was exported
   */
  began(u32: Uint32Array, bytes: Uint8Array, from: number, at: Moment): boolean;
  /** A connection gets this slot, before other listeners know. @param exported its beginning, by {@link began} */
  stored(slot: number, exported: boolean): void;
  /** The NEW event of a connection that the poll under way has stored. @param time when it was, milliseconds since 1970 */
  beganStored(slot: number, time: number, at: Moment): void;
}

/**
 * Applies NEW and UPDATE events: when a connection was first seen, that it is no older than the exporter, and its TCP states.
 * They carry no counters.
 */
export class ConnectionChanges {
  readonly pendingEvents = new PendingEvents();
  readonly #stored: StoredConnections;
  readonly #history: TcpHistory;
  /** When the last event of a connection was, and with it a packet; milliseconds since 1970. */
  readonly #lastAt: Float64Array;
  /** Of each connection, as {@link handshakeAfter} has it. */
  readonly #handshakes: Float64Array;
  /** The poll that added a connection without a pending event. */
  readonly #addedIn: Uint32Array;
  readonly #beginnings: Beginnings | undefined;
  /** The poll under way, 0 between two. */
  #poll = 0;

  constructor(stored: StoredConnections, history: TcpHistory, beginnings?: Beginnings) {
    this.#stored = stored;
    this.#history = history;
    this.#beginnings = beginnings;
    this.#addedIn = new Uint32Array(stored.table.capacity);
    this.#lastAt = new Float64Array(stored.table.capacity);
    this.#handshakes = new Float64Array(stored.table.capacity);
  }

  beginDump(): void {
    this.pendingEvents.beginDump();
  }

  beginPoll(): void {
    this.#poll = this.#stored.polls.current;
  }

  endPoll(complete: boolean): void {
    this.#poll = 0;
    this.pendingEvents.endDump(complete);
  }

  /** Rows of NEW and UPDATE events. */
  applyEvents(batch: Batch, at: Moment): void {
    const { u32, bytes } = batch;
    for (let number = 0; number < batch.count; number++) {
      const from = number * ROW_WORDS;
      const isNew = u32[from + EVENT_WORD] === EVENT_NEW;
      const slot = this.#slotOf(u32, from, isNew);
      if (slot < 0) {
        const time = timeOf(u32, from, at);
        const entry = this.pendingEvents.note(u32, bytes, from, isNew, at.wall, time, preciseTimeOf(u32, from, at));
        // the beginning of one that found no room is exported when a poll or a DESTROY shows it
        if (isNew && entry >= 0 && this.#beginnings) this.#exportBeginning(u32, bytes, from, entry, at);
        continue;
      }
      this.#lastAt[slot] = timeOf(u32, from, at);
      if (isNew) this.#beganAt(slot, at, timeOf(u32, from, at));
      if (u32[from + PRESENT_WORD] & HAS_TCP_STATE) {
        const state = bytes[from * 4 + STATE];
        this.#history.entered(slot, state);
        const known = this.#handshakes[slot];
        if (isNew || known > 0)
          this.#setHandshake(slot, handshakeAfter(known, isNew, state, preciseTimeOf(u32, from, at)));
      }
    }
  }

  /** A connection is stored, with the events that were pending for it. */
  added(slot: number, pending: PendingEvent | undefined): void {
    this.#lastAt[slot] = pending?.lastAt ?? 0;
    this.#history.begin(slot, pending?.states ?? 0);
    this.#setHandshake(slot, pending?.handshake ?? 0);
    this.#addedIn[slot] = pending ? 0 : this.#stored.polls.current;
    this.#beginnings?.stored(slot, pending?.isTold ?? false);
    this.shown(slot);
  }

  /** The connection of this row is not stored, for its mark or status: its events do not wait. */
  leaveOut(u32: Uint32Array, from: number): void {
    this.pendingEvents.take(u32, from);
  }

  /** When the last event of the slot's connection was, 0 where it had none. */
  lastAt(slot: number): number {
    return this.#lastAt[slot];
  }

  /** The row of the slot has a state. */
  shown(slot: number): void {
    const { rows, bytes } = this.#stored.table;
    const at = slot * ROW_WORDS;
    if (rows[at + PRESENT_WORD] & HAS_TCP_STATE) this.#history.shown(slot, bytes[at * 4 + STATE]);
  }

  clear(): void {
    this.pendingEvents.clear();
    this.#poll = 0;
  }

  /**
   * The slot that an event is about, -1 where its connection is not stored. A NEW is of a stored one only where the poll under
   * way has read it between its entry into the table and its event; else another connection has taken the tuple.
   */
  #slotOf(u32: Uint32Array, from: number, isNew: boolean): number {
    if (isNew && this.#poll === 0) return -1;
    const { index, table } = this.#stored;
    const slot = index.find(u32, from);
    if (slot < 0 || table.rows[slot * ROW_WORDS + ID_WORD] !== u32[from + ID_WORD]) return -1;
    if (isNew && this.#addedIn[slot] !== this.#poll) return -1;
    return this.pendingEvents.has(u32, from) ? -1 : slot;
  }

  #setHandshake(slot: number, known: number): void {
    this.#handshakes[slot] = known;
    this.#stored.table.rows[slot * ROW_WORDS + HANDSHAKE_WORD] = handshakeTime(known);
  }

  /** Of one that is left out by mark or status, only the moment from which it matches is of interest. */
  #exportBeginning(u32: Uint32Array, bytes: Uint8Array, from: number, entry: number, at: Moment): void {
    if (this.#stored.isLeftOut(u32, from)) return;
    if (this.#beginnings!.began(u32, bytes, from, at)) this.pendingEvents.setBeginningExported(entry);
  }

  #beganAt(slot: number, at: Moment, time: number): void {
    const { table } = this.#stored;
    this.#addedIn[slot] = 0;
    this.#history.begin(slot, 0);
    if (!(table.rows[slot * ROW_WORDS + PRESENT_WORD] & HAS_START)) {
      table.setStartMs(slot, Math.min(table.startMs(slot), at.wall));
    }
    this.#stored.listeners.foundNew(slot);
    this.#beginnings?.beganStored(slot, time, at);
  }
}

/** When an event was: by the kernel where it says so (Linux 6.14, with timestamps on), else when it was read. */
function timeOf(u32: Uint32Array, from: number, at: Moment): number {
  if ((u32[from + PRESENT_WORD] & HAS_EVENT_TIME) === 0) return at.wall;
  return Math.min(nanosecondsToMilliseconds(u32[from + STOP_NS_WORD], u32[from + STOP_NS_WORD + 1]), at.wall);
}

/** The same in microseconds, to be compared with that of another event of the connection alone: by the kernel's clock or by this host's monotonic one. */
function preciseTimeOf(u32: Uint32Array, from: number, at: Moment): number {
  if ((u32[from + PRESENT_WORD] & HAS_EVENT_TIME) === 0) return at.monotonic * 1_000;
  return (u32[from + STOP_NS_WORD + 1] * TWO_32 + u32[from + STOP_NS_WORD]) / 1_000;
}
