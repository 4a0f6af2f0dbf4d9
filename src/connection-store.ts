import { AwaitedEnds } from './awaited-ends.js';
import type { Batch } from './batch.js';
import { ANOTHER, COUNTERS_RESET, compareConnections } from './connection-identity.js';
import { ConnectionTable, GONE, IN_USE, ROW_WORDS } from './connection-table.js';
import { LACK_OF_RESOURCES, reasonWhenDestroyed, reasonWhenGone } from './end-reason.js';
import { CtflowError } from './errors.js';
import { MOVED, STATE_CHANGED, type FlowStore, type StoreListener, type StoreObserver } from './flow-store.js';
import type { KernelTimeouts } from './kernel-timeouts.js';
import { lastPacketTime } from './last-packet.js';
import {
  HAS_ORIG_COUNTERS,
  HAS_REPLY_COUNTERS,
  HAS_START,
  HAS_START_ESTIMATE,
  HAS_STOP,
  HAS_TCP_STATE,
  HAS_TIMEOUT,
  ORIG_PACKETS,
  PRESENT,
  PROTOCOL,
  REPLY_OCTETS,
  START_NS,
  STATE,
  STATUS,
  STOP_NS,
  TIMEOUT,
} from './layout.generated.js';
import { LeftOut } from './left-out.js';
import { PollHistory, type Moment } from './poll-history.js';
import { SlotList } from './slot-list.js';
import { TupleIndex } from './tuple-index.js';
import { lessThan, nanosecondsToMilliseconds } from './u64.js';

export interface StoreOptions {
  /** Hard limit on connections. */
  maxConnections: number;
  /**
   * What the first delta of a connection holds that was there before the exporter: nothing of its past (`baseline`, nothing
   * is counted twice after a restart), or all of it (`total`).
   */
  firstSight: 'baseline' | 'total';
  /** When the exporter began. */
  born: Moment;
}

export interface StoreCounts {
  /** Connections ever stored. */
  added: number;
  /** Tuples found reopened by another connection. */
  reopened: number;
  counterResets: number;
  /** Taken out for a newer one at the limit. */
  evicted: number;
  /** Sightings of connections left out at the limit: one not stored counts once a poll. */
  refused: number;
  /** Connections whose last counters came from their DESTROY event. */
  destroyed: number;
  /** Of those, connections that no poll had seen. */
  unseen: number;
  /** Events of connections that had to be ended without them: what they counted after the last poll is lost. */
  lateEvents: number;
}

const NO_COUNTS: StoreCounts = {
  added: 0,
  reopened: 0,
  counterResets: 0,
  evicted: 0,
  refused: 0,
  destroyed: 0,
  unseen: 0,
  lateEvents: 0,
};

/** As many as {@link ConnectionTable.holders} can count. */
const MOST_OBSERVERS = 255;
const PRESENT_WORD = PRESENT >> 2;
const STATUS_WORD = STATUS >> 2;
const COUNTERS_FROM = ORIG_PACKETS >> 2;
const COUNTERS_TO = (REPLY_OCTETS >> 2) + 2;
const START_WORD = START_NS >> 2;
const STOP_WORD = STOP_NS >> 2;
const TAIL_FROM = STOP_WORD;

/**
 * What the kernel says now: one slot a connection, found by tuple, kept as long as the kernel has it and until every
 * observer has made its last report. Fed by polls; knows no collector.
 */
export class ConnectionStore implements FlowStore {
  readonly table: ConnectionTable;
  readonly counts: StoreCounts = { ...NO_COUNTS };
  readonly #index: TupleIndex;
  /** By the last change seen, the oldest first; who is gone is not in it. */
  readonly #byChange: SlotList;
  readonly #leftOut = new LeftOut();
  readonly #awaited = new AwaitedEnds();
  readonly #observers: StoreObserver[] = [];
  /** Those that attend, then the observers. */
  readonly #listeners: StoreListener[] = [];
  readonly #firstSight: 'baseline' | 'total';
  readonly #polls: PollHistory;
  #expected = 0;
  #events = false;

  constructor(options: StoreOptions) {
    this.table = new ConnectionTable(options.maxConnections);
    this.#index = new TupleIndex(this.table.rows, options.maxConnections);
    this.#byChange = new SlotList(options.maxConnections);
    this.#firstSight = options.firstSight;
    this.#polls = new PollHistory(options.born);
  }

  observe(observer: StoreObserver): void {
    if (this.#observers.length === MOST_OBSERVERS) {
      throw new CtflowError('CTFLOW_USAGE', `More than ${MOST_OBSERVERS} collectors`, 'Leave some of them out');
    }
    this.#observers.push(observer);
    this.#listeners.push(observer);
  }

  attend(listener: StoreListener): void {
    this.#listeners.splice(this.#listeners.length - this.#observers.length, 0, listener);
  }

  /** Connections stored, those that are gone and wait for a report included. */
  get size(): number {
    return this.table.count;
  }

  /**
   * Whether DESTROY events are fed to {@link destroyed}. Then a connection that a poll does not show waits for its event, and
   * ends without it only when the next whole poll does not show it either.
   */
  expectEvents(on: boolean): void {
    this.#events = on;
  }

  /** A dump is asked for; what the kernel tells of ends from now on may come before older rows of the dump. */
  beginDump(): void {
    if (this.#events) this.#awaited.beginDump();
  }

  beginPoll(at: Moment, timeouts: KernelTimeouts): void {
    this.#polls.begin(at, timeouts);
    this.#leftOut.beginPoll();
    this.#expected = 0;
  }

  /** Merges rows of the poll that has begun, read from the kernel at this moment. */
  merge(batch: Batch, at: Moment): void {
    const { u32, bytes } = batch;
    const { rows, flags, seenIn } = this.table;
    this.#leftOut.read(at.wall);
    for (let row = 0; row < batch.count; row++) {
      const from = row * ROW_WORDS;
      // a dump walks the table in the same order each time, so the next row is mostly the next slot
      let slot = this.#expected;
      const guessed = (flags[slot] & (IN_USE | GONE)) === IN_USE && this.#index.sameTuple(u32, from, slot);
      if (!guessed) slot = this.#index.find(u32, from);
      const state = bytes[from * 4 + STATE];
      let reopened = false;
      if (slot >= 0) {
        const to = slot * ROW_WORDS;
        const { startMs, bytes: stored } = this.table;
        const verdict = compareConnections(rows, to, stored[to * 4 + STATE], startMs[slot], u32, from, state);
        if (verdict === COUNTERS_RESET) {
          this.counts.counterResets++;
          for (const observer of this.#observers) observer.countersReset(slot);
        }
        reopened = verdict === ANOTHER;
        if (reopened && this.#events) this.#await(slot, at);
        else if (reopened) this.#end(slot, at, reopened);
        else this.#update(slot, u32, from, state, at);
      }
      if (reopened) this.counts.reopened++;
      if ((slot < 0 || reopened) && this.#awaited.isPast(u32, from)) continue;
      if (slot < 0 || reopened) slot = this.#add(u32, from, bytes[from * 4 + PROTOCOL], state, at, reopened);
      if (slot >= 0) {
        seenIn[slot] = this.#polls.current;
        this.#expected = slot + 1 < this.table.top ? slot + 1 : 0;
      }
    }
  }

  /**
   * After a complete dump: what it did not show is gone. Works through the slots in slices.
   * @param from the slot to begin at; @param slots how many to look at
   * @returns where to go on, -1 at the end
   */
  sweep(from: number, slots: number, at: Moment): number {
    const { flags, seenIn } = this.table;
    const to = Math.min(from + slots, this.table.top);
    for (let slot = from; slot < to; slot++) {
      if ((flags[slot] & (IN_USE | GONE)) !== IN_USE || seenIn[slot] === this.#polls.current) continue;
      if (!this.#events) this.#end(slot, at, false);
      else if (seenIn[slot] < this.#polls.complete) {
        this.#awaited.tell(this.table.rows, slot * ROW_WORDS);
        this.#end(slot, at, false);
      }
    }
    return to < this.table.top ? to : -1;
  }

  endPoll(complete: boolean): void {
    this.#polls.end(complete);
    this.#awaited.endDump();
    for (const slot of this.#awaited.takeAll()) {
      this.#awaited.tell(this.table.rows, slot * ROW_WORDS);
      this.#tellGone(slot, this.#reasonGone(slot, this.#polls.at, true));
    }
    this.#leftOut.endPoll(complete);
  }

  /** Rows of DESTROY events: the last counters of connections, whether a poll has seen them or not. */
  destroyed(batch: Batch, at: Moment): void {
    const { u32, bytes } = batch;
    for (let row = 0; row < batch.count; row++) {
      const from = row * ROW_WORDS;
      let slot = this.#awaited.take(u32, from);
      if (slot < 0) slot = this.#findEnded(u32, from, bytes[from * 4 + STATE], at);
      if (slot < 0 && this.#awaited.wasTold(u32, from)) {
        this.counts.lateEvents++;
        continue;
      }
      const early = (u32[from + PRESENT_WORD] & HAS_TIMEOUT) !== 0;
      if (slot >= 0) this.#takeLast(slot, u32, from, bytes[from * 4 + STATE], early, at);
      else slot = this.#addEnded(u32, from, early, at);
      if (slot < 0) continue;
      this.counts.destroyed++;
      this.#awaited.ended(u32, from);
      const byte = slot * ROW_WORDS * 4;
      this.#tellGone(
        slot,
        reasonWhenDestroyed(this.table.bytes[byte + PROTOCOL], this.table.bytes[byte + STATE], early),
      );
    }
  }

  /** An observer has made its last report of a connection that is gone. */
  release(slot: number): void {
    if (--this.table.holders[slot] === 0) this.table.free(slot);
  }

  /** Forgets everything: rows, index, lists and counts, and what the observers know of them. */
  clear(): void {
    for (const listener of this.#listeners) listener.cleared();
    this.table.clear();
    this.#index.clear();
    this.#byChange.clear();
    this.#leftOut.clear();
    this.#awaited.clear();
    this.#polls.clear();
    this.#expected = 0;
    Object.assign(this.counts, NO_COUNTS);
  }

  /** @param reopened its tuple was that of a stored connection */
  #add(u32: Uint32Array, from: number, protocol: number, state: number, at: Moment, reopened: boolean): number {
    const present = u32[from + PRESENT_WORD];
    const startKnown = (present & (HAS_START | HAS_START_ESTIMATE)) !== 0;
    const start = startKnown ? nanosecondsToMilliseconds(u32[from + START_WORD], u32[from + START_WORD + 1]) : at.wall;
    const exactStart = present & HAS_START ? start : undefined;
    const before = !reopened && (this.#leftOut.mayHaveReported(exactStart) || this.#fromBefore(exactStart));
    if (this.table.full && !this.#makeRoom(!reopened && this.#leftOut.mayHave(exactStart), at)) {
      this.counts.refused++;
      this.#leftOut.add(false);
      return -1;
    }
    const slot = this.table.allocate(u32, from);
    this.#index.insert(slot);
    this.#byChange.push(slot);
    this.table.holders[slot] = this.#observers.length;
    this.table.startMs[slot] = Math.min(start, at.wall);
    this.table.changedAt[slot] = at.monotonic;
    this.table.endMs[slot] = this.#lastPacket(u32, from, protocol, state, this.table.startMs[slot], at.wall);
    this.counts.added++;
    for (const listener of this.#listeners) listener.added(slot, before);
    return slot;
  }

  #update(slot: number, u32: Uint32Array, from: number, state: number, at: Moment): void {
    const rows = this.table.rows;
    const to = slot * ROW_WORDS;
    let what = this.table.bytes[to * 4 + STATE] === state ? 0 : STATE_CHANGED;
    for (let word = COUNTERS_FROM; word < COUNTERS_TO; word++) {
      if (rows[to + word] !== u32[from + word]) {
        rows[to + word] = u32[from + word];
        what |= MOVED;
      }
    }
    // the word before PRESENT holds the state
    for (let word = PRESENT_WORD - 1; word < COUNTERS_FROM; word++) rows[to + word] = u32[from + word];
    for (let word = TAIL_FROM; word < ROW_WORDS; word++) rows[to + word] = u32[from + word];
    if (what & MOVED) {
      const protocol = this.table.bytes[to * 4 + PROTOCOL];
      this.table.changedAt[slot] = at.monotonic;
      this.#byChange.push(slot);
      // the packets that moved the counters passed after the poll that saw it last
      const window = Math.max(this.#polls.when(this.table.seenIn[slot]).wall, this.table.endMs[slot]);
      const end = this.#lastPacket(u32, from, protocol, state, window, at.wall);
      this.table.endMs[slot] = Math.max(end, this.table.startMs[slot]);
    }
    if (what) for (const listener of this.#listeners) listener.changed(slot, what);
  }

  #lastPacket(
    u32: Uint32Array,
    from: number,
    protocol: number,
    state: number,
    windowStart: number,
    at: number,
  ): number {
    const present = u32[from + PRESENT_WORD];
    // a wall clock that stepped back leaves no window: the poll's time stands
    if (!(present & (HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS)) || windowStart >= at) return at;
    const candidates = this.#polls.timeouts!.candidates(protocol, present, state, u32[from + STATUS_WORD]);
    return lastPacketTime(candidates, present & HAS_TIMEOUT ? u32[from + (TIMEOUT >> 2)] : undefined, windowStart, at);
  }

  /** Whether the baseline policy takes a connection that is seen for the first time as older than the exporter. */
  #fromBefore(start: number | undefined): boolean {
    return this.#firstSight === 'baseline' && this.#polls.fromBefore(start);
  }

  /**
   * The oldest idle connection goes, unless the newcomer was left out before (they would take turns for ever) or every
   * connection has moved in this poll.
   */
  #makeRoom(newcomerLeftOut: boolean, at: Moment): boolean {
    const victim = this.#byChange.head;
    if (newcomerLeftOut || victim < 0 || this.table.changedAt[victim] >= this.#polls.at.monotonic) return false;
    this.counts.evicted++;
    this.#leftOut.add(true);
    this.#forget(victim, at);
    for (const listener of this.#listeners) listener.evicted(victim, LACK_OF_RESOURCES);
    this.table.free(victim);
    return true;
  }

  #end(slot: number, at: Moment, reopened: boolean): void {
    const reason = this.#reasonGone(slot, at, reopened);
    this.#forget(slot, at);
    this.#tellGone(slot, reason);
  }

  #tellGone(slot: number, reason: number): void {
    for (const listener of this.#listeners) listener.gone(slot, reason);
    if (this.#observers.length === 0) this.table.free(slot);
  }

  /** Its tuple belongs to another one; its own event is on its way. */
  #await(slot: number, at: Moment): void {
    this.#forget(slot, at);
    this.#awaited.wait(this.table.rows, slot * ROW_WORDS, slot);
  }

  /** The stored connection that a DESTROY row is the end of, taken out of the index; -1 where it is not stored. */
  #findEnded(u32: Uint32Array, from: number, state: number, at: Moment): number {
    const slot = this.#index.find(u32, from);
    if (slot < 0) return -1;
    const { rows, bytes, startMs } = this.table;
    const to = slot * ROW_WORDS;
    const verdict = compareConnections(rows, to, bytes[to * 4 + STATE], startMs[slot], u32, from, state);
    if (verdict === COUNTERS_RESET) {
      this.counts.counterResets++;
      for (const observer of this.#observers) observer.countersReset(slot);
    }
    if (verdict !== ANOTHER) {
      this.#forget(slot, at);
      return slot;
    }
    // the stored one is older: its own event comes behind, and its tuple is free
    if (lessThan(rows, to + START_WORD, u32, from + START_WORD)) this.#await(slot, at);
    return -1;
  }

  /** The last counters and the state; what else the event tells is known, or left out of it. */
  #takeLast(slot: number, u32: Uint32Array, from: number, state: number, early: boolean, at: Moment): void {
    const { rows, bytes, endMs, startMs } = this.table;
    const to = slot * ROW_WORDS;
    const present = u32[from + PRESENT_WORD];
    let moved = false;
    if (present & (HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS)) {
      for (let word = COUNTERS_FROM; word < COUNTERS_TO; word++) {
        moved ||= rows[to + word] !== u32[from + word];
        rows[to + word] = u32[from + word];
      }
    }
    if (present & HAS_TCP_STATE) bytes[to * 4 + STATE] = state;
    rows[to + PRESENT_WORD] |= present & (HAS_STOP | HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS | HAS_TCP_STATE);
    rows[to + STOP_WORD] = u32[from + STOP_WORD];
    rows[to + STOP_WORD + 1] = u32[from + STOP_WORD + 1];
    if (moved)
      endMs[slot] = this.#endOfDestroyed(
        slot,
        Math.max(this.#polls.when(this.table.seenIn[slot]).wall, endMs[slot]),
        early,
        at,
      );
    endMs[slot] = Math.max(endMs[slot], startMs[slot]);
  }

  /** A connection that no poll has seen. It is over: it has no place in the index. */
  #addEnded(u32: Uint32Array, from: number, early: boolean, at: Moment): number {
    const present = u32[from + PRESENT_WORD];
    const exact = nanosecondsToMilliseconds(u32[from + START_WORD], u32[from + START_WORD + 1]);
    const start = present & HAS_START ? exact : undefined;
    const before = this.#leftOut.mayHaveReported(start) || this.#fromBefore(start);
    if (this.table.full && !this.#makeRoom(this.#leftOut.mayHave(start), at)) {
      this.counts.refused++;
      return -1;
    }
    const slot = this.table.allocate(u32, from);
    this.table.flags[slot] |= GONE;
    this.table.holders[slot] = this.#observers.length;
    this.table.startMs[slot] = Math.min(start ?? at.wall, at.wall);
    this.table.changedAt[slot] = at.monotonic;
    this.table.seenIn[slot] = this.#polls.current;
    this.table.endMs[slot] = this.#endOfDestroyed(slot, this.table.startMs[slot], early, at);
    this.counts.added++;
    this.counts.unseen++;
    for (const listener of this.#listeners) listener.added(slot, before);
    return slot;
  }

  /** One that was taken out early ended when it stopped; of one that expired, the timer tells when its last packet was. */
  #endOfDestroyed(slot: number, windowStart: number, early: boolean, at: Moment): number {
    const { rows, bytes } = this.table;
    const to = slot * ROW_WORDS;
    const present = rows[to + PRESENT_WORD];
    const exact = nanosecondsToMilliseconds(rows[to + STOP_WORD], rows[to + STOP_WORD + 1]);
    const stop = Math.min(present & HAS_STOP ? exact : at.wall, at.wall);
    if (early || windowStart >= stop || !this.#polls.timeouts) return Math.max(stop, this.table.startMs[slot]);
    const byte = to * 4;
    const candidates = this.#polls.timeouts.candidates(
      bytes[byte + PROTOCOL],
      present,
      bytes[byte + STATE],
      rows[to + STATUS_WORD],
    );
    return lastPacketTime(candidates, 0, windowStart, stop);
  }

  #forget(slot: number, at: Moment): void {
    this.#index.remove(slot);
    this.#byChange.remove(slot);
    this.table.flags[slot] |= GONE;
    this.table.changedAt[slot] = at.monotonic;
  }

  #reasonGone(slot: number, at: Moment, reopened: boolean): number {
    const to = slot * ROW_WORDS;
    const { rows, bytes } = this.table;
    const sighting = this.#polls.when(this.table.seenIn[slot]);
    // a recording is played at another pace than it was made: its own clock tells what passed
    const elapsed = Math.max(at.monotonic - sighting.monotonic, at.wall - sighting.wall) / 1000;
    return reasonWhenGone(
      bytes[to * 4 + PROTOCOL],
      bytes[to * 4 + STATE],
      rows[to + PRESENT_WORD] & HAS_TIMEOUT ? rows[to + (TIMEOUT >> 2)] : undefined,
      elapsed,
      // a new connection takes the tuple of a closed one at once
      reopened ? 0 : this.#polls.timeouts?.tcpClose,
    );
  }
}
