import type { Batch } from '../row/batch.js';
import { type Beginnings, ConnectionChanges } from './connection-changes.js';
import { ConnectionEnds } from './connection-ends.js';
import * as identity from './connection-identity.js';
import * as connectionTable from './connection-table.js';
import type { ConnectionTable } from './connection-table.js';
import { isNamed } from './destroy-tracker.js';
import { DumpOrder } from './dump-order.js';
import * as flowStore from './flow-store.js';
import type { AnnotatedStore, StoreListener, SlotHolder } from './flow-store.js';
import type { KernelTimeouts } from './kernel-timeouts.js';
import { lastPacketAgo } from './kernel-timeouts.js';
import * as row from '../row/layout.generated.js';
import { isOffloaded } from '../row/conntrack.js';
import type { Moment } from './poll-history.js';
import type { PendingEvents } from './pending-events.js';
import {
  LABEL_WORDS,
  StoredConnections,
  type EarlierExports,
  type StoreCounts,
  type StoreOptions,
} from './stored-connections.js';
import type { TcpHistory } from './tcp-history.js';
import type { RowPair } from '../row/row-pair.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';
import { copyEight } from '../row/words.js';

export type { StoreCounts, StoreOptions };

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { ANOTHER, FELL, STILL, compareConnections, compareCounters, isSameEntry } = identity;
const { GONE, IN_USE } = connectionTable;
const { ANNOTATED, MOVED, STATE_CHANGED } = flowStore;
const {
  HAS_HELPER,
  HAS_ORIG_COUNTERS,
  HAS_REPLY_COUNTERS,
  HAS_START,
  HAS_START_ESTIMATE,
  HAS_STOP,
  HAS_TIMEOUT,
  ID_WORD,
  MARK_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  PROTOCOL,
  ROW_WORDS,
  START_NS_WORD,
  STATE,
  STATUS_WORD,
  STOP_NS_WORD,
  TIMEOUT_WORD,
} = row;

/** To end a connection takes as long as to look at many. */
const MOST_ENDS = 2_048;

/**
 * The connections: a slot each, found by tuple, kept as long as the kernel has it and until every holder has made its last
 * report. Polls and events fill it.
 */
export class ConnectionStore implements AnnotatedStore {
  readonly #stored: StoredConnections;
  readonly #ends: ConnectionEnds;
  #changes: ConnectionChanges | undefined;
  readonly #order: DumpOrder;
  #uncounted: (() => boolean) | undefined;

  constructor(options: StoreOptions) {
    this.#order = new DumpOrder(options.maxConnections + (options.endedRoom ?? 0));
    this.#stored = new StoredConnections(options);
    this.#ends = new ConnectionEnds(this.#stored);
  }

  get table(): ConnectionTable {
    return this.#stored.table;
  }

  get counts(): StoreCounts {
    return this.#stored.counts;
  }

  /** The first connection whose counters were set to zero since the last call. */
  takeZeroed(): RowPair | undefined {
    const { zeroed } = this.#stored;
    this.#stored.zeroed = undefined;
    return zeroed;
  }

  /** When the last poll began. */
  get polledAt(): Moment {
    return this.#stored.polls.at;
  }

  hold(holder: SlotHolder): void {
    this.#stored.listeners.hold(holder);
  }

  leave(holder: SlotHolder): void {
    this.#stored.listeners.leave(holder);
  }

  subscribe(listener: StoreListener): void {
    this.#stored.listeners.subscribe(listener);
  }

  annotated(slot: number): void {
    this.#stored.listeners.changed(slot, ANNOTATED);
  }

  /** Connections stored, those that are gone and wait for a report included. */
  get size(): number {
    return this.table.count;
  }

  /**
   * Whether DESTROY events are fed to {@link applyDestroys}. Then a connection that a poll does not show waits for its event, and
   * ends without it only when the next whole poll does not show it either.
   */
  expectEvents(on: boolean): void {
    this.#ends.expectEvents(on);
  }

  /** Whether events of connections that have left the table are still to come: then no poll ends any without its event. */
  delayEnds(delayed: boolean): void {
    this.#ends.delayEnds(delayed);
  }

  /**
   * NEW and UPDATE events are fed to {@link applyEvents}, each before the DESTROY of its connection.
   * @param history where the TCP states go
   * @param beginnings receives beginnings
   */
  expectChanges(history: TcpHistory, beginnings?: Beginnings): void {
    this.#changes = new ConnectionChanges(this.#stored, history, beginnings);
    this.#ends.expectChanges(this.#changes);
  }

  /** Events of connections not stored yet, where NEW and UPDATE events are received. */
  get pendingEvents(): Pick<PendingEvents, 'count' | 'overflow' | 'expired'> | undefined {
    return this.#changes?.pendingEvents;
  }

  /** Connections that earlier runs have exported are stored whatever their mark and status, and go on from there. */
  expectExported(earlier: EarlierExports): void {
    this.#stored.earlier = earlier;
  }

  /** The kernel's timeouts as they are before the first poll. */
  expectTimeouts(timeouts: KernelTimeouts): void {
    this.#stored.polls.timeouts = timeouts;
  }

  /** @param uncounted whether packets of offloaded connections may pass uncounted; asked where there is one */
  expectFlowtables(uncounted: () => boolean): void {
    this.#uncounted = uncounted;
  }

  /** From now on it keeps the labels of connections. @returns by slot, LABEL_WORDS each */
  keepLabels(): Uint32Array {
    return (this.#stored.labels ??= new Uint32Array(this.table.capacity * LABEL_WORDS));
  }

  isSuspect(slot: number): boolean {
    return isOffloaded(this.table.rows[slot * ROW_WORDS + STATUS_WORD]) && (this.#uncounted?.() ?? false);
  }

  /** A dump is requested: from now on a DESTROY may come before an older row of its connection. */
  beginDump(): void {
    this.#ends.beginDump();
    this.#changes?.beginDump();
  }

  beginPoll(at: Moment, timeouts: KernelTimeouts): void {
    this.#stored.polls.begin(at, timeouts);
    this.#stored.keptOut.beginPoll();
    this.#changes?.beginPoll();
    this.#order.begin();
  }

  /** Merges rows of the poll that has begun, read from the kernel at this moment. */
  merge(batch: Batch, at: Moment): void {
    const { u32, bytes } = batch;
    const { table, polls } = this.#stored;
    const { seenIn } = table;
    const order = this.#order;
    this.#stored.keptOut.read(at.wall);
    for (let row = 0; row < batch.count; row++) {
      const from = row * ROW_WORDS;
      const state = bytes[from * 4 + STATE];
      const slot = this.#guess(u32, from);
      if (slot < 0) {
        this.#mergeOther(u32, from, bytes[from * 4 + PROTOCOL], state, at);
        continue;
      }
      order.found(slot);
      this.#update(slot, u32, from, state, at);
      seenIn[slot] = polls.current;
    }
  }

  /** Merges a row of a connection that is new, or stands elsewhere in the dump than before, or is not named. */
  #mergeOther(u32: Uint32Array, from: number, protocol: number, state: number, at: Moment): void {
    const { table, index, polls } = this.#stored;
    const { rows, seenIn } = table;
    const order = this.#order;
    let slot = order.guess;
    // one that has id and start would have been found there
    if (isNamed(u32, from) || !this.#holds(slot) || !index.sameTuple(u32, from, slot)) slot = index.find(u32, from);
    const known = slot >= 0;
    let reopened = false;
    if (known) {
      const to = slot * ROW_WORDS;
      const verdict = compareConnections(rows, to, table.bytes[to * 4 + STATE], table.startMs(slot), u32, from, state);
      reopened = verdict === ANOTHER;
      if (reopened) this.#ends.reopened(slot, at);
      else this.#update(slot, u32, from, state, at);
    }
    if (reopened) this.counts.reopened++;
    if (!known || reopened) {
      if (this.#ends.wasDestroyed(u32, from)) return;
      if (this.#stored.isLeftOut(u32, from)) {
        this.#changes?.leaveOut(u32, from);
        return;
      }
      slot = this.#add(u32, from, protocol, state, at, reopened);
      if (slot < 0) return;
    }
    seenIn[slot] = polls.current;
    if (known && !reopened) order.found(slot);
    else order.added(slot);
  }

  /**
   * After a complete dump: what it did not show is gone. Works through the slots in slices.
   * @param from the slot to begin at; @param slots how many to look at: fewer where many have gone
   * @returns where to go on, -1 at the end
   */
  sweep(from: number, slots: number, at: Moment): number {
    const { flags, seenIn, top } = this.table;
    const { current } = this.#stored.polls;
    const to = Math.min(from + slots, top);
    let slot = from;
    for (let missed = 0; slot < to && missed < MOST_ENDS; slot++) {
      if (seenIn[slot] === current || (flags[slot] & (IN_USE | GONE)) !== IN_USE) continue;
      this.#ends.missed(slot, at);
      missed++;
    }
    return slot < this.table.top ? slot : -1;
  }

  /**
   * Another table of connections is read from now on.
   * @param since when it was left, milliseconds since 1970, where it was read before: what is older was exported
   */
  comeBack(since: number | undefined): void {
    this.#stored.comeBack(since);
  }

  /** Leaves out the exporter's own connections; none where it is undefined. */
  excludeOwn(isOwn: ((row: Uint32Array, from: number) => boolean) | undefined): void {
    this.#stored.isOwn = isOwn;
  }

  /**
   * Ends connections by force, whatever the kernel has. Works through the slots in slices, as {@link sweep}.
   * @returns where to go on, -1 at the end
   */
  endAll(from: number, slots: number, at: Moment): number {
    const { flags, top } = this.table;
    const to = Math.min(from + slots, top);
    for (let slot = from; slot < to; slot++) {
      if ((flags[slot] & (IN_USE | GONE)) === IN_USE) this.#ends.force(slot, at);
    }
    return to < this.table.top ? to : -1;
  }

  endPoll(complete: boolean): void {
    const { polls, keptOut } = this.#stored;
    const ended = this.#ends.endedBefore(complete);
    polls.end(complete);
    this.#ends.endPoll();
    // while DESTROY events are to come, what they are about has its NEW
    this.#changes?.endPoll(complete && !this.#ends.isDelayed);
    keptOut.endPoll(complete, ended);
  }

  /** Rows of DESTROY events: the last counters of connections, in the store or not. */
  applyDestroys(batch: Batch, at: Moment): void {
    this.#ends.applyDestroys(batch, at);
  }

  /** Rows of NEW and UPDATE events. */
  applyEvents(batch: Batch, at: Moment): void {
    this.#changes?.applyEvents(batch, at);
  }

  /** There are no more polls: what the limit keeps out is not exported, but counted. */
  endKeptOut(): void {
    this.#stored.keptOut.endAll();
  }

  release(slot: number): void {
    this.#stored.listeners.release(slot);
  }

  /** Forgets everything, also in holders and subscribers. */
  clear(): void {
    this.#stored.clear();
    this.#ends.clear();
    this.#changes?.clear();
    this.#order.clear();
  }

  /** The slot that the row at word `from` belongs to, where it is one of those that come next in a dump; else -1. */
  #guess(u32: Uint32Array, from: number): number {
    const { rows } = this.table;
    const { guess } = this.#order;
    if (this.#holds(guess) && isSameEntry(rows, guess * ROW_WORDS, u32, from)) return guess;
    const { second } = this.#order;
    return this.#holds(second) && isSameEntry(rows, second * ROW_WORDS, u32, from) ? second : -1;
  }

  /** Whether the slot, -1 for none, holds a connection that the kernel has. */
  #holds(slot: number): boolean {
    return slot >= 0 && (this.table.flags[slot] & (IN_USE | GONE)) === IN_USE;
  }

  /** @param reopened its tuple was that of a stored connection */
  #add(u32: Uint32Array, from: number, protocol: number, state: number, at: Moment, reopened: boolean): number {
    const { table, keptOut, polls } = this.#stored;
    const present = u32[from + PRESENT_WORD];
    const pending = this.#changes?.pendingEvents.take(u32, from);
    const startKnown = (present & (HAS_START | HAS_START_ESTIMATE)) !== 0;
    const start = startKnown
      ? nanosecondsToMilliseconds(u32[from + START_NS_WORD], u32[from + START_NS_WORD + 1])
      : (pending?.seenAt ?? at.wall);
    const exactStart = present & HAS_START ? start : undefined;
    const mayBeOld = !reopened && !pending?.isNew;
    const before = mayBeOld && this.#stored.isFromBefore(exactStart);
    const kept = keptOut.find(u32, from);
    const slot = this.#stored.admit(u32, from, start, kept >= 0 || (!reopened && keptOut.mayHave(exactStart)), at);
    if (slot < 0) {
      this.#stored.refuse(kept, u32, from, before);
      return -1;
    }
    this.#stored.open(slot);
    if (mayBeOld && polls.fromBefore(exactStart)) this.counts.earlier++;
    const window = Math.max(table.startMs(slot), pending?.lastAt ?? 0);
    this.#setEnd(slot, u32, from, protocol, state, windowOf(window, at.wall), at);
    this.#changes?.added(slot, pending);
    const last = this.#ends.returned(u32, from);
    if (last) this.#stored.returned(slot, last);
    else this.#stored.announce(slot, kept, before);
    return slot;
  }

  #update(slot: number, u32: Uint32Array, from: number, state: number, at: Moment): void {
    const { table } = this.#stored;
    const { rows, bytes, seenIn } = table;
    const to = slot * ROW_WORDS;
    let what = bytes[to * 4 + STATE] === state ? 0 : STATE_CHANGED;
    const moves = compareCounters(rows, to, u32, from);
    if (moves !== STILL) {
      what |= MOVED;
      if (moves === FELL) this.#stored.countersReset(slot, u32, from);
      copyEight(rows, to + ORIG_PACKETS_WORD, u32, from + ORIG_PACKETS_WORD);
    }
    const present = u32[from + PRESENT_WORD];
    rows[to + PRESENT_WORD - 1] = u32[from + PRESENT_WORD - 1]; // the state is in it
    rows[to + PRESENT_WORD] = present;
    rows[to + ID_WORD] = u32[from + ID_WORD];
    rows[to + STATUS_WORD] = u32[from + STATUS_WORD];
    rows[to + MARK_WORD] = u32[from + MARK_WORD];
    rows[to + TIMEOUT_WORD] = u32[from + TIMEOUT_WORD];
    if (present & HAS_STOP) {
      rows[to + STOP_NS_WORD] = u32[from + STOP_NS_WORD];
      rows[to + STOP_NS_WORD + 1] = u32[from + STOP_NS_WORD + 1];
    }
    if (present & HAS_HELPER) table.takeHelper(slot, u32, from);
    if (what & MOVED) {
      this.#stored.moved(slot, at);
      // the packets that moved the counters passed after the poll that saw it last, and the last not before the last event
      const seen = Math.max(this.#stored.polls.when(seenIn[slot]).wall, table.endMs(slot));
      const window = Math.max(seen, this.#changes?.lastAt(slot) ?? 0);
      this.#setEnd(slot, u32, from, bytes[to * 4 + PROTOCOL], state, windowOf(window, at.wall), at);
    }
    if (what & STATE_CHANGED) this.#changes?.shown(slot);
    if (what) {
      if (this.#stored.labels) this.#stored.takeLabels(slot, u32, from);
      this.#stored.listeners.changed(slot, what);
    }
  }

  /** Sets flowEnd of a slot whose counters have moved to between then, milliseconds since 1970, and now. */
  #setEnd(
    slot: number,
    u32: Uint32Array,
    from: number,
    protocol: number,
    state: number,
    window: number,
    at: Moment,
  ): void {
    const present = u32[from + PRESENT_WORD];
    let ago = 0;
    // a wall clock that stepped back leaves no window: the poll's time stands
    if (present & (HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS) && window > 0) {
      const candidates = this.#stored.polls.timeouts!.candidates(protocol, present, state, u32[from + STATUS_WORD]);
      ago = lastPacketAgo(candidates, present & HAS_TIMEOUT ? u32[from + TIMEOUT_WORD] | 0 : -1, window);
    }
    const { table } = this.#stored;
    table.setEndMs(slot, Math.max(at.wall - ago, table.startMs(slot)));
  }
}

/** Milliseconds from then to now as a small whole number; a window of more than twelve days is as good as one of twelve. */
function windowOf(then: number, now: number): number {
  return Math.min(Math.max(now - then, -1), 1 << 30) | 0;
}
