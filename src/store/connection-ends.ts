import { DestroyTracker, isNamed, octetsOf, packetsOf } from './destroy-tracker.js';
import type { Batch } from '../row/batch.js';
import type { ConnectionChanges } from './connection-changes.js';
import * as identity from './connection-identity.js';
import * as connectionTable from './connection-table.js';
import { FORCED_END, reasonWhenDestroyed } from './end-reason.js';
import { lastPacketAgo } from './kernel-timeouts.js';
import * as row from '../row/layout.generated.js';
import * as conntrack from '../row/conntrack.js';
import type { Moment } from './poll-history.js';
import type { StoredConnections } from './stored-connections.js';
import { lessThan, nanosecondsToMilliseconds } from '../common/u64.js';
import { copyEight, sameEight } from '../row/words.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { ANOTHER, COUNTERS_RESET, FELL, compareConnections, compareCounters } = identity;
const { GONE } = connectionTable;
const { HAS_STATE, isOver } = conntrack;
const {
  HAS_ORIG_COUNTERS,
  HAS_REPLY_COUNTERS,
  HAS_START,
  HAS_STATUS,
  HAS_STOP,
  HAS_TIMEOUT,
  ID_WORD,
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

const COUNTERS_FROM = ORIG_PACKETS_WORD;

/** Ends connections: by their DESTROY events, or, where none comes, by polls that do not show them. */
export class ConnectionEnds {
  readonly #stored: StoredConnections;
  readonly #tracker: DestroyTracker;
  #changes: ConnectionChanges | undefined;
  #events = false;
  /** Events of connections that have left the table are still to come. */
  #delayed = false;
  /** The poll in which connections were ended last, where no events are received. */
  #endedIn = 0;

  constructor(stored: StoredConnections) {
    this.#stored = stored;
    this.#tracker = new DestroyTracker(stored.table.capacity, stored.table.rows);
  }

  expectEvents(on: boolean): void {
    this.#events = on;
    this.#delayed = false;
    if (on) this.#tracker.expectEvents();
  }

  /** Events of connections that have left the table are still to come. */
  get isDelayed(): boolean {
    return this.#delayed;
  }

  delayEnds(delayed: boolean): void {
    this.#delayed = delayed;
  }

  expectChanges(changes: ConnectionChanges): void {
    this.#changes = changes;
  }

  beginDump(): void {
    if (this.#events) this.#tracker.beginDump();
  }

  /** Whether a row of the dump under way is from before its connection's DESTROY. */
  wasDestroyed(u32: Uint32Array, from: number): boolean {
    return this.#tracker.wasDestroyed(u32, from);
  }

  /**
   * The number of the poll before which a connection was seen last that has ended, as the poll that is over does not show it
   * either; 0 where its event may be to come.
   */
  endedBefore(complete: boolean): number {
    if (!complete || this.#delayed) return 0;
    return this.#events ? this.#stored.polls.complete : this.#stored.polls.current;
  }

  /**
   * The counters of a connection that was taken for ended and is there again, eight words; undefined for one that is new. Only
   * start and id together tell it from a later one of its tuple.
   */
  returned(u32: Uint32Array, from: number): Uint32Array | undefined {
    const last = isNamed(u32, from) ? this.#tracker.takeEndedWithoutEvent(u32, from) : undefined;
    if (last && compareCounters(last, -COUNTERS_FROM, u32, from) === FELL) {
      const was = u32.slice(from, from + ROW_WORDS);
      was.set(last, COUNTERS_FROM);
      this.#stored.foundZeroed(was, 0, u32, from);
      last.fill(0);
    }
    return last;
  }

  /** Another connection has its tuple; its own event may be on its way. */
  reopened(slot: number, at: Moment): void {
    if (this.#events) this.#await(slot, at);
    else this.#end(slot, at, true);
  }

  /** A whole dump did not show it: it ends now, or when another does not show it either and no event is to come. */
  missed(slot: number, at: Moment): void {
    const { table, polls } = this.#stored;
    if (this.#events) {
      if (this.#delayed || table.seenIn[slot] >= polls.complete) return;
      this.#endWithoutEvent(slot);
    }
    this.#end(slot, at, false);
  }

  /** It ends, and its kernel is out of reach. */
  force(slot: number, at: Moment): void {
    this.#stored.forget(slot, at);
    this.#stored.listeners.gone(slot, FORCED_END);
  }

  endPoll(): void {
    this.#tracker.endDump();
    if (this.#delayed) return;
    for (const slot of this.#tracker.takeAll()) {
      this.#endWithoutEvent(slot);
      this.#stored.listeners.gone(slot, this.#stored.reasonGone(slot, this.#stored.polls.at, true));
    }
  }

  /** Rows of DESTROY events. */
  applyDestroys(batch: Batch, at: Moment): void {
    const { u32, bytes } = batch;
    const { counts, table } = this.#stored;
    for (let row = 0; row < batch.count; row++) {
      const from = row * ROW_WORDS;
      let slot = this.#tracker.take(u32, from);
      if (slot >= 0 && compareCounters(table.rows, slot * ROW_WORDS, u32, from) === FELL)
        this.#stored.countersReset(slot, u32, from);
      if (slot < 0 && this.#isRepeated(u32, from, at)) continue;
      if (slot < 0) slot = this.#findEnded(u32, from, bytes[from * 4 + STATE], at);
      if (slot < 0 && this.#tracker.endedWithoutEvent(u32, from, counts.late)) {
        counts.late.connections++;
        this.#tracker.ended(u32, from, at);
        continue;
      }
      if (slot < 0 && this.#stored.isLeftOut(u32, from)) {
        this.#changes?.leaveOut(u32, from);
        this.#tracker.ended(u32, from, at);
        continue;
      }
      const early = (u32[from + PRESENT_WORD] & HAS_TIMEOUT) !== 0;
      if (slot >= 0) this.#takeLast(slot, u32, from, bytes[from * 4 + STATE], early, at);
      else slot = this.#addEnded(u32, from, early, at);
      if (slot < 0) {
        this.#tracker.ended(u32, from, at);
        continue;
      }
      counts.destroyed++;
      this.#tracker.ended(u32, from, at);
      const byte = slot * ROW_WORDS * 4;
      const reason = reasonWhenDestroyed(
        table.bytes[byte + PROTOCOL],
        table.rows[slot * ROW_WORDS + PRESENT_WORD],
        table.bytes[byte + STATE],
        table.rows[slot * ROW_WORDS + STATUS_WORD],
        early,
      );
      this.#stored.listeners.gone(slot, reason);
    }
  }

  clear(): void {
    this.#tracker.clear();
  }

  /** Whether this event has come before, or may have: it is counted then, and not exported again. */
  #isRepeated(u32: Uint32Array, from: number, at: Moment): boolean {
    const { counts } = this.#stored;
    const remembered = this.#tracker.isRemembered(u32, from);
    if (remembered && isNamed(u32, from)) {
      counts.repeated++;
      return true;
    }
    if (!remembered && !this.#tracker.isForgotten(u32, from, at)) return false;
    if (this.#isShown(u32, from)) return false;
    // each connection has its NEW, where these are received
    if (remembered && this.#changes) counts.repeated++;
    else {
      counts.ambiguous.connections++;
      counts.ambiguous.packets += packetsOf(u32, from);
      counts.ambiguous.octets += octetsOf(u32, from);
    }
    return true;
  }

  /** Whether a dump or a NEW event has shown the connection of this event since the last one that was like it. */
  #isShown(u32: Uint32Array, from: number): boolean {
    if (this.#changes?.pendingEvents.has(u32, from)) return true;
    const { index, table } = this.#stored;
    const slot = index.find(u32, from);
    if (slot < 0) return false;
    const at = slot * ROW_WORDS;
    // the kernel keeps an entry, and so its id, until its event is delivered to all: no later one has the id meanwhile
    return table.rows[at + ID_WORD] === u32[from + ID_WORD] && compareCounters(table.rows, at, u32, from) !== FELL;
  }

  #end(slot: number, at: Moment, reopened: boolean): void {
    const reason = this.#stored.reasonGone(slot, at, reopened);
    const { rows } = this.#stored.table;
    if (!this.#events && !reopened && isNamed(rows, slot * ROW_WORDS)) {
      // a whole poll later it would have returned; a small table stays in the cache
      if (this.#endedIn !== this.#stored.polls.current) this.#tracker.forgetEndedWithoutEvent();
      this.#endedIn = this.#stored.polls.current;
      this.#tracker.endWithoutEvent(rows, slot * ROW_WORDS);
    }
    this.#stored.forget(slot, at);
    this.#stored.listeners.gone(slot, reason);
  }

  /** It ends without its event. */
  #endWithoutEvent(slot: number): void {
    this.#stored.counts.eventless++;
    this.#tracker.endWithoutEvent(this.#stored.table.rows, slot * ROW_WORDS);
  }

  #await(slot: number, at: Moment): void {
    this.#stored.forget(slot, at);
    this.#tracker.wait(this.#stored.table.rows, slot * ROW_WORDS, slot);
  }

  /** The stored connection that a DESTROY row is the end of, taken out of the index; -1 where it is not stored. */
  #findEnded(u32: Uint32Array, from: number, state: number, at: Moment): number {
    const slot = this.#stored.index.find(u32, from);
    if (slot < 0) return -1;
    const { table } = this.#stored;
    const { rows, bytes } = table;
    const to = slot * ROW_WORDS;
    const verdict = compareConnections(rows, to, bytes[to * 4 + STATE], table.startMs(slot), u32, from, state);
    if (verdict === COUNTERS_RESET) this.#stored.countersReset(slot, u32, from);
    if (verdict !== ANOTHER) {
      this.#stored.forget(slot, at);
      return slot;
    }
    // the stored one is older: its own event comes behind, and its tuple is free
    if (lessThan(rows, to + START_NS_WORD, u32, from + START_NS_WORD)) this.#await(slot, at);
    return -1;
  }

  /** The last counters and the state; the rest of the event is known, or missing in it. */
  #takeLast(slot: number, u32: Uint32Array, from: number, state: number, early: boolean, at: Moment): void {
    const { table } = this.#stored;
    const { rows, bytes, seenIn } = table;
    const to = slot * ROW_WORDS;
    const present = u32[from + PRESENT_WORD];
    let moved = false;
    if (present & (HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS)) {
      moved = !sameEight(rows, to + COUNTERS_FROM, u32, from + COUNTERS_FROM);
      copyEight(rows, to + COUNTERS_FROM, u32, from + COUNTERS_FROM);
    }
    if (present & HAS_STATE) bytes[to * 4 + STATE] = state;
    if (present & HAS_STATUS) rows[to + STATUS_WORD] = u32[from + STATUS_WORD];
    if (early) rows[to + TIMEOUT_WORD] = u32[from + TIMEOUT_WORD];
    this.#changes?.shown(slot);
    rows[to + PRESENT_WORD] |= present & (HAS_STOP | HAS_STATUS | HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS | HAS_STATE);
    rows[to + STOP_NS_WORD] = u32[from + STOP_NS_WORD];
    rows[to + STOP_NS_WORD + 1] = u32[from + STOP_NS_WORD + 1];
    if (moved) {
      const seen = Math.max(this.#stored.polls.when(seenIn[slot]).wall, table.endMs(slot));
      const window = Math.max(seen, this.#changes?.lastAt(slot) ?? 0);
      table.setEndMs(slot, this.#endOfDestroyed(slot, window, early, at));
    }
    table.setEndMs(slot, Math.max(table.endMs(slot), table.startMs(slot)));
  }

  /** A connection that no poll has seen. It is over: it has no place in the index. */
  #addEnded(u32: Uint32Array, from: number, early: boolean, at: Moment): number {
    const { table, polls, counts, keptOut } = this.#stored;
    const exact = nanosecondsToMilliseconds(u32[from + START_NS_WORD], u32[from + START_NS_WORD + 1]);
    const start = u32[from + PRESENT_WORD] & HAS_START ? exact : undefined;
    const pending = this.#changes?.pendingEvents.take(u32, from);
    const before = !pending?.isNew && this.#stored.isFromBefore(start);
    const kept = keptOut.find(u32, from);
    const refusable = kept >= 0 || keptOut.mayHave(start);
    const slot = this.#stored.admit(u32, from, start ?? pending?.seenAt ?? at.wall, refusable, at, true);
    if (slot < 0) {
      this.#stored.refuse(kept, u32, from, before);
      keptOut.end(keptOut.find(u32, from), u32, from);
      return -1;
    }
    if (!pending?.isNew && polls.fromBefore(start)) counts.earlier++;
    table.flags[slot] |= GONE;
    table.seenIn[slot] = polls.current;
    const window = Math.max(table.startMs(slot), pending?.lastAt ?? 0);
    table.setEndMs(slot, this.#endOfDestroyed(slot, window, early, at));
    counts.unseen++;
    this.#changes?.added(slot, pending);
    this.#stored.announce(slot, kept, before);
    return slot;
  }

  /**
   * A connection deleted early ended when it stopped. Of one that expired, or that was over already, the timer shows when its last
   * packet was: another connection may have taken the tuple of one in TIME_WAIT.
   */
  #endOfDestroyed(slot: number, windowStart: number, early: boolean, at: Moment): number {
    const { table } = this.#stored;
    const { rows, bytes } = table;
    const { timeouts } = this.#stored.polls;
    const to = slot * ROW_WORDS;
    const present = rows[to + PRESENT_WORD];
    const exact = nanosecondsToMilliseconds(rows[to + STOP_NS_WORD], rows[to + STOP_NS_WORD + 1]);
    const stop = Math.min(present & HAS_STOP ? exact : at.wall, at.wall);
    const state = bytes[to * 4 + STATE];
    const status = rows[to + STATUS_WORD];
    const byTimer = !early || isOver(present, state, status);
    if (!byTimer || windowStart >= stop || !timeouts) return Math.max(stop, table.startMs(slot));
    const candidates = timeouts.candidates(bytes[to * 4 + PROTOCOL], present, state, status);
    return stop - lastPacketAgo(candidates, early ? rows[to + TIMEOUT_WORD] | 0 : 0, stop - windowStart);
  }
}
