import { GONE, IN_USE } from '../store/connection-table.js';
import { ROW_WORDS } from '../row/batch.js';
import { ACTIVE_TIMEOUT, END_OF_FLOW, FORCED_END, IDLE_TIMEOUT } from '../store/end-reason.js';
import { EndedQueue } from './ended-queue.js';
import { MOVED, type FlowStore, type SlotHolder } from '../store/flow-store.js';
import { HAS_TCP_STATE, PRESENT, STATE } from '../row/layout.generated.js';
import type { ReportMemory } from './export-state.js';
import { ReportSlots } from './export-state.js';
import { Reported } from './export-state.js';
import { newUnreported, type Unreported } from '../store/unreported.js';
import { SlotList } from '../store/slot-list.js';
import { isClosed } from '../row/conntrack.js';

export interface ScheduleOptions {
  /** A connection with news is reported this long after the first of them, or after the report before; milliseconds. */
  activeFlowExportTimeout: number;
  /** A connection without news this long is reported as idle; milliseconds. */
  idleFlowExportTimeout: number;
  /** A connection that the kernel no longer has, and that could not be reported this long, is forgotten; milliseconds. */
  staleConnectionTimeout: number;
  /** Connections that the kernel no longer has and that wait for their last report, at most; half the store at the most. */
  endedQueue: number;
}

/** Takes the last record of a connection that must go at once; returns false when it takes none now. */
export type Evict = (slot: number, reason: number) => boolean;

/**
 * When each connection is due at one destination. Lists in order of arrival: gone from the kernel and closed in it (both due
 * at once), active and idle; timeouts are constant, so each list is sorted by itself.
 */
export class ExportSchedule implements SlotHolder {
  readonly stale = newUnreported();
  readonly evictedUnreported = newUnreported();
  /** Of connections that fell out of the queue of ended ones. */
  readonly endedOverflow = newUnreported();
  readonly #store: FlowStore;
  readonly #options: ScheduleOptions;
  readonly #evict: Evict;
  /** Counters as last reported, among them. */
  readonly slots: ReportSlots;
  readonly #reported: Reported;
  readonly #endedLimit: number;
  readonly #gone: EndedQueue;
  /** Connections that the kernel still has and that are to be exported as ended: closed ones, at shutdown all. */
  readonly #closing: SlotList;
  readonly #active: SlotList;
  readonly #idle: SlotList;
  readonly #now: () => number;
  /** Added as one that has ended, of which an exporter before has told the end; -1 for none. */
  #over = -1;
  #shutdown = false;
  /** Why the connection is due that {@link next} has given. */
  reason = 0;

  /**
   * @param now monotonic milliseconds
   * @param memory what the destination was told by exporters before
   */
  constructor(store: FlowStore, options: ScheduleOptions, now: () => number, evict: Evict, memory?: ReportMemory) {
    const capacity = store.table.capacity;
    this.#store = store;
    this.#options = options;
    this.#now = now;
    this.#evict = evict;
    this.slots = new ReportSlots(capacity);
    this.#reported = new Reported(store.table, this.slots, memory);
    // the dead must not push out the living
    this.#endedLimit = Math.min(options.endedQueue, Math.ceil(capacity / 2));
    this.#gone = new EndedQueue(capacity);
    this.#closing = SlotList.of(capacity);
    this.#active = this.slots.active;
    this.#idle = this.slots.idle;
    store.hold(this);
  }

  /** Connections that are gone and wait for their last report. */
  get ended(): number {
    return this.#gone.count;
  }

  /** As of {@link EndedQueue}. */
  get endedWaiting(): Pick<EndedQueue, 'pushed' | 'settled'> {
    return this.#gone;
  }

  added(slot: number, before: boolean): void {
    const reason = this.#reported.begin(slot, before);
    this.#over = this.#reported.wasEnded && this.#store.table.flags[slot] & GONE ? slot : -1;
    if (this.#over >= 0) return;
    // of one that an exporter before has ended, idle or by force, there is nothing to say until something happens
    const said = reason !== 0 && reason !== ACTIVE_TIMEOUT;
    if (!said || this.#reported.hasNews(slot)) this.#arm(slot, MOVED, this.#store.table.changedAt(slot));
  }

  changed(slot: number, what: number): void {
    this.#arm(slot, what, what & MOVED ? this.#store.table.changedAt(slot) : this.#now());
  }

  countersReset(slot: number): void {
    this.#reported.countersReset(slot);
  }

  /** Nothing of it was reported yet: it was added in the poll that is under way. */
  foundNew(slot: number): void {
    if (this.#reported.lastReason(slot) === 0) this.#reported.begin(slot, false);
  }

  gone(slot: number, reason: number): void {
    if (slot === this.#over) {
      this.#over = -1;
      this.#store.release(slot);
      return;
    }
    this.#disarm(slot);
    this.#gone.push(slot, reason);
    if (this.#gone.count > this.#endedLimit) this.#giveUp(this.#gone.head, this.endedOverflow);
  }

  evicted(slot: number, reason: number): void {
    this.#disarm(slot);
    this.#reported.leftOut(slot);
    const last = this.#isClosed(slot) ? END_OF_FLOW : reason;
    if (!this.#isNews(slot, last)) return;
    if (this.#evict(slot, last)) this.#reported.update(slot, last);
    else this.#reported.addTo(this.evictedUnreported, slot);
  }

  cleared(): void {
    this.#gone.clear();
    this.#closing.clear();
    this.#active.clear();
    this.#idle.clear();
  }

  /**
   * The next connection that is due; it stays the next one until {@link done}.
   * @param now monotonic milliseconds
   * @returns its slot, -1 where none is due; {@link reason} says why
   */
  next(now: number): number {
    const { activeFlowExportTimeout, idleFlowExportTimeout } = this.#options;
    let slot = this.#gone.head;
    if (slot >= 0) {
      this.reason = this.#gone.reason(slot);
      return slot;
    }
    slot = this.#closing.head;
    if (slot >= 0) {
      this.reason = this.#isClosed(slot) ? END_OF_FLOW : FORCED_END;
      return slot;
    }
    slot = this.#idle.head;
    if (slot >= 0 && this.#store.table.changedAt(slot) + idleFlowExportTimeout <= now) {
      this.reason = IDLE_TIMEOUT;
      return slot;
    }
    slot = this.#active.head;
    if (slot >= 0 && this.slots.activeSince(slot) + activeFlowExportTimeout <= now) {
      this.reason = ACTIVE_TIMEOUT;
      return slot;
    }
    return -1;
  }

  /** Whether the connection that is due has anything to export: counters, a state or a reason that its last record did not have. */
  isNews(slot: number): boolean {
    return this.#isNews(slot, this.reason);
  }

  /** @param exported the connection that was due has become a record; otherwise it had nothing to export */
  done(slot: number, exported: boolean, now: number): void {
    if (exported) this.#reported.update(slot, this.reason);
    if (this.#store.table.flags[slot] & GONE) {
      if (!exported) this.#reported.note(slot, true);
      this.#gone.remove(slot);
      this.#store.release(slot);
    } else if (this.reason === ACTIVE_TIMEOUT) {
      this.#active.remove(slot);
      if (exported) this.#arm(slot, 0, now);
    } else {
      this.#disarm(slot);
    }
  }

  /** From now on every connection is due, those still open as ended by force. */
  endAll(): void {
    this.#shutdown = true;
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      if ((flags[slot] & (IN_USE | GONE)) === IN_USE) this.#arm(slot, 0, 0);
    }
  }

  /** Monotonic milliseconds of the next deadline, Infinity where there is none. */
  nextDeadline(): number {
    if (this.#gone.head >= 0 || this.#closing.head >= 0) return 0;
    const active = this.#active.head;
    const idle = this.#idle.head;
    return Math.min(
      active < 0 ? Infinity : this.slots.activeSince(active) + this.#options.activeFlowExportTimeout,
      idle < 0 ? Infinity : this.#store.table.changedAt(idle) + this.#options.idleFlowExportTimeout,
    );
  }

  /** Forgets connections that are gone and could not be reported for the stale timeout; what they had left is counted. */
  dropStale(): void {
    const { table } = this.#store;
    const before = this.#now() - this.#options.staleConnectionTimeout;
    for (let slot = this.#gone.head; slot >= 0;) {
      const after = this.#gone.after(slot);
      if (table.changedAt(slot) <= before) this.#giveUp(slot, this.stale);
      slot = after;
    }
  }

  /** Everything that is still unreported, counted at the very end. */
  countUnreported(): Unreported {
    const left = newUnreported();
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      const waits = flags[slot] & GONE ? this.#gone.has(slot) : (flags[slot] & IN_USE) !== 0;
      if (waits && this.#reported.hasNews(slot)) this.#reported.addTo(left, slot);
    }
    return left;
  }

  /** @param since monotonic milliseconds from which the active timeout runs, unless it runs already */
  #arm(slot: number, what: number, since: number): void {
    if (what & MOVED) this.#idle.push(slot);
    if (this.#shutdown || this.#isClosed(slot)) {
      // exported as ended: what still moves waits for the entry to disappear
      if (this.#shutdown || this.#reported.lastReason(slot) !== END_OF_FLOW) this.#closing.push(slot);
      this.#active.remove(slot);
      this.#idle.remove(slot);
      return;
    }
    // mostly empty: then there is nothing to look for
    if (this.#closing.head >= 0) this.#closing.remove(slot);
    if (!this.#active.has(slot)) {
      this.slots.setActiveSince(slot, since);
      this.#active.push(slot);
    }
  }

  #disarm(slot: number): void {
    this.#closing.remove(slot);
    this.#active.remove(slot);
    this.#idle.remove(slot);
  }

  /** What is left of a connection that is gone will never be told. */
  #giveUp(slot: number, sum: Unreported): void {
    this.#reported.addTo(sum, slot);
    this.#reported.note(slot, true);
    this.#gone.remove(slot);
    this.#store.release(slot);
  }

  #isNews(slot: number, reason: number): boolean {
    const another = reason !== ACTIVE_TIMEOUT && this.#reported.lastReason(slot) !== reason;
    return another || this.#reported.hasNews(slot);
  }

  #isClosed(slot: number): boolean {
    const { rows, bytes } = this.#store.table;
    const row = slot * ROW_WORDS;
    return (rows[row + (PRESENT >> 2)] & HAS_TCP_STATE) !== 0 && isClosed(bytes[row * 4 + STATE]);
  }
}
