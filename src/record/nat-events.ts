import * as columns from '../encoder/columns.js';
import * as row from '../row/layout.generated.js';
import { clearEight } from '../row/words.js';
import { increase, writeNtp } from '../common/u64.js';
import * as connectionTable from '../store/connection-table.js';
import { ConnectionTable } from '../store/connection-table.js';
import * as endReason from '../store/end-reason.js';
import { FlowListeners } from '../store/flow-listeners.js';
import type { FlowStore, SlotHolder, StoreListener } from '../store/flow-store.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  EVENT,
  HAS_EVENT_TIME,
  HAS_ICMP,
  HAS_ORIG_ZONE,
  HAS_PORTS,
  HAS_REPLY_ZONE,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  ROW_SIZE,
  ROW_WORDS,
  STOP_NS_WORD,
} = row;
const { GONE } = connectionTable;
const { END_OF_FLOW } = endReason;
const { ZEROED } = columns;

/** What an event tells of a connection beside its tuples. */
const EVENT_FACTS = HAS_PORTS | HAS_ICMP | HAS_ORIG_ZONE | HAS_REPLY_ZONE;
const COUNTER_WORDS = 8;

/** When an event was: milliseconds since 1970, and nanoseconds beyond them where they are known. */
export interface EventTime {
  milliseconds: number;
  nanoseconds: number;
  /** When it was read, monotonic milliseconds. */
  readAt: number;
}

/**
 * Events of a NAT, and connections that it has translated, each as a flow that is over: it waits in the queues of destinations of
 * profile nat, and in the order in which it came. Their queues are limited, and so is this.
 */
export class NatEvents implements FlowStore {
  readonly table: ConnectionTable;
  readonly #listeners: FlowListeners;
  readonly #before: Uint32Array;

  /** @param room as of endedRoom, for destinations of profile nat; @param before as of FlowColumns.zeroed of the connections */
  constructor(room: number, before: Uint32Array) {
    this.table = new ConnectionTable(0, room);
    this.#listeners = new FlowListeners(this.table);
    this.#before = before;
  }

  hold(holder: SlotHolder): void {
    this.#listeners.hold(holder);
  }

  leave(holder: SlotHolder): void {
    this.#listeners.leave(holder);
  }

  subscribe(listener: StoreListener): void {
    this.#listeners.subscribe(listener);
  }

  release(slot: number): void {
    this.#listeners.release(slot);
  }

  /** An event of the connection whose row begins at word `from`. @param kind natEvent (IE 230) */
  add(source: Uint32Array, from: number, kind: number, time: EventTime): void {
    const { table } = this;
    const { rows } = table;
    const slot = this.#take(source, from, time);
    const to = slot * ROW_WORDS;
    rows[to + PRESENT_WORD] = (rows[to + PRESENT_WORD] & EVENT_FACTS) | HAS_EVENT_TIME;
    clearEight(rows, to + ORIG_PACKETS_WORD);
    table.bytes[slot * ROW_SIZE + EVENT] = kind;
    table.setStartMs(slot, time.milliseconds);
    table.setEndMs(slot, time.milliseconds);
    writeNtp(rows, to + STOP_NS_WORD, time.milliseconds, time.nanoseconds);
    this.#listeners.over(slot, END_OF_FLOW);
  }

  /** What the connection in this slot of `connections` has counted, as it is over. */
  addEnd(connections: ConnectionTable, from: number, reason: number, time: EventTime): void {
    const { table } = this;
    const slot = this.#take(connections.rows, from * ROW_WORDS, time);
    table.rows[slot * ROW_WORDS + PRESENT_WORD] &= ~HAS_EVENT_TIME;
    const counters = slot * ROW_WORDS + ORIG_PACKETS_WORD;
    if (connections.flags[from] & ZEROED) {
      for (let word = 0; word < COUNTER_WORDS; word += 2)
        increase(table.rows, counters + word, this.#before, from * COUNTER_WORDS + word);
    }
    table.setStartMs(slot, connections.startMs(from));
    table.setEndMs(slot, connections.endMs(from));
    this.#listeners.over(slot, reason);
  }

  #take(source: Uint32Array, from: number, { readAt }: EventTime): number {
    const { table } = this;
    const slot = table.allocate(source, from);
    table.flags[slot] |= GONE;
    this.#listeners.acquire(slot);
    table.setChangedAt(slot, readAt);
    return slot;
  }
}
