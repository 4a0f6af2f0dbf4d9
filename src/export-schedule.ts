import { GONE, IN_USE, ROW_WORDS } from './connection-table.js';
import { ACTIVE_TIMEOUT, END_OF_FLOW, FORCED_END, IDLE_TIMEOUT } from './end-reason.js';
import { MOVED, type FlowStore, type StoreObserver } from './flow-store.js';
import {
  HAS_TCP_STATE,
  ORIG_OCTETS,
  ORIG_PACKETS,
  PRESENT,
  REPLY_OCTETS,
  REPLY_PACKETS,
  STATE,
} from './layout.generated.js';
import { SlotList } from './slot-list.js';
import { isClosed } from './tcp-state.js';
import { readNumber, subtract } from './u64.js';

/** Words of what was reported of a connection: the four counters, two words each, in the order of {@link COUNTERS}. */
export const REPORTED_WORDS = 8;
/** Words of the row in which the counters stand. */
export const COUNTERS = [ORIG_PACKETS >> 2, ORIG_OCTETS >> 2, REPLY_PACKETS >> 2, REPLY_OCTETS >> 2] as const;

/** No TCP state was ever reported. */
const NEVER = 255;

export interface ScheduleOptions {
  /** A connection with news is reported this long after the first of them, or after the report before; milliseconds. */
  activeFlowExportTimeout: number;
  /** A connection without news this long is reported as idle; milliseconds. */
  idleFlowExportTimeout: number;
  /** A connection that the kernel no longer has, and that could not be reported this long, is forgotten; milliseconds. */
  staleConnectionTimeout: number;
}

/** What was never reported. */
export interface Unreported {
  connections: number;
  packets: number;
  octets: number;
}

/** Takes one connection as a record, whose deltas are since the last call; returns false when it takes none for now. */
export type Report = (slot: number, reason: number) => boolean;

/**
 * When each connection is due at one destination, and what that destination was told last. Three lists in order of
 * arrival: ended (due at once), active and idle; timeouts are constant, so each list is sorted by itself.
 */
export class ExportSchedule implements StoreObserver {
  /** Counters as last reported, REPORTED_WORDS a slot. */
  readonly reported: Uint32Array;
  readonly stale: Unreported = { connections: 0, packets: 0, octets: 0 };
  readonly evictedUnreported: Unreported = { connections: 0, packets: 0, octets: 0 };
  readonly #store: FlowStore;
  readonly #options: ScheduleOptions;
  readonly #evict: Report;
  readonly #ended: SlotList;
  readonly #active: SlotList;
  readonly #idle: SlotList;
  readonly #activeSince: Float64Array;
  /** The reason of the last report, 0 before the first. */
  readonly #lastReason: Uint8Array;
  readonly #lastState: Uint8Array;
  /** The reason with which a connection that is gone will be reported. */
  readonly #goneReason: Uint8Array;
  readonly #now: () => number;

  /**
   * @param now monotonic milliseconds
   * @param evict takes the last report of a connection that must go at once
   */
  constructor(store: FlowStore, options: ScheduleOptions, now: () => number, evict: Report) {
    const capacity = store.table.capacity;
    this.#store = store;
    this.#options = options;
    this.#now = now;
    this.#evict = evict;
    this.reported = new Uint32Array(capacity * REPORTED_WORDS);
    this.#ended = new SlotList(capacity);
    this.#active = new SlotList(capacity);
    this.#idle = new SlotList(capacity);
    this.#activeSince = new Float64Array(capacity);
    this.#lastReason = new Uint8Array(capacity);
    this.#lastState = new Uint8Array(capacity);
    this.#goneReason = new Uint8Array(capacity);
    store.observe(this);
  }

  added(slot: number, before: boolean): void {
    const { rows } = this.#store.table;
    for (let i = 0; i < COUNTERS.length; i++) {
      const counter = slot * ROW_WORDS + COUNTERS[i];
      const at = slot * REPORTED_WORDS + i * 2;
      this.reported[at] = before ? rows[counter] : 0;
      this.reported[at + 1] = before ? rows[counter + 1] : 0;
    }
    this.#lastReason[slot] = 0;
    this.#lastState[slot] = NEVER;
    this.#arm(slot, MOVED);
  }

  changed(slot: number, what: number): void {
    this.#arm(slot, what);
  }

  /** What was not yet reported of the old counters stays due: the reported ones go below zero, modulo 2^64. */
  countersReset(slot: number): void {
    const { rows } = this.#store.table;
    for (let i = 0; i < COUNTERS.length; i++) {
      const at = slot * REPORTED_WORDS + i * 2;
      subtract(this.reported, at, rows, slot * ROW_WORDS + COUNTERS[i], this.reported, at);
    }
  }

  gone(slot: number, reason: number): void {
    this.#goneReason[slot] = reason;
    this.#active.remove(slot);
    this.#idle.remove(slot);
    this.#ended.push(slot);
  }

  evicted(slot: number, reason: number): void {
    this.#disarm(slot);
    if (!this.#reportEnd(slot, reason, this.#evict)) this.#count(this.evictedUnreported, slot);
  }

  cleared(): void {
    this.#ended.clear();
    this.#active.clear();
    this.#idle.clear();
  }

  /**
   * Reports what is due until `report` takes no more or `budget` connections have been looked at.
   * @returns whether more is due now
   */
  reportDue(report: Report, budget: number): boolean {
    const now = this.#now();
    for (let looked = 0; looked < budget; looked++) {
      let slot = this.#ended.head;
      if (slot >= 0) {
        if (!this.#reportEnded(slot, report)) return false;
        continue;
      }
      slot = this.#idle.head;
      if (slot >= 0 && this.#store.table.changedAt[slot] + this.#options.idleFlowExportTimeout <= now) {
        if (
          !this.#reportIf(this.#lastReason[slot] !== IDLE_TIMEOUT || this.#hasNews(slot), slot, IDLE_TIMEOUT, report)
        ) {
          return false;
        }
        this.#idle.remove(slot);
        this.#active.remove(slot);
        continue;
      }
      slot = this.#active.head;
      if (slot >= 0 && this.#activeSince[slot] + this.#options.activeFlowExportTimeout <= now) {
        const news = this.#hasNews(slot);
        if (!this.#reportIf(news, slot, ACTIVE_TIMEOUT, report)) return false;
        this.#active.remove(slot);
        if (news) this.#arm(slot, 0);
        continue;
      }
      return false;
    }
    return true;
  }

  /**
   * At shutdown: reports every connection, those still open as ended by force. Stops where `report` takes no more.
   * @param from the slot to begin at
   * @returns where to go on, -1 at the end
   */
  reportAll(from: number, budget: number, report: Report): number {
    const { flags, top } = this.#store.table;
    const to = Math.min(from + budget, top);
    for (let slot = from; slot < to; slot++) {
      if (!(flags[slot] & IN_USE)) continue;
      if (flags[slot] & GONE) {
        if (this.#ended.has(slot) && !this.#reportEnded(slot, report)) return slot;
      } else {
        if (!this.#reportEnd(slot, FORCED_END, report)) return slot;
        this.#disarm(slot);
      }
    }
    return to < top ? to : -1;
  }

  /** Monotonic milliseconds of the next deadline, Infinity where there is none. */
  nextDeadline(): number {
    if (this.#ended.head >= 0) return 0;
    const active = this.#active.head;
    const idle = this.#idle.head;
    return Math.min(
      active < 0 ? Infinity : this.#activeSince[active] + this.#options.activeFlowExportTimeout,
      idle < 0 ? Infinity : this.#store.table.changedAt[idle] + this.#options.idleFlowExportTimeout,
    );
  }

  /** Forgets connections that are gone and could not be reported for the stale timeout; what they had left is counted. */
  dropStale(): void {
    const { flags, changedAt } = this.#store.table;
    const before = this.#now() - this.#options.staleConnectionTimeout;
    for (let slot = this.#ended.head; slot >= 0;) {
      const after = this.#ended.after(slot);
      if (flags[slot] & GONE && changedAt[slot] <= before) {
        this.#count(this.stale, slot);
        this.#ended.remove(slot);
        this.#store.release(slot);
      }
      slot = after;
    }
  }

  /** Everything that is still unreported, counted at the very end. */
  countUnreported(): Unreported {
    const left: Unreported = { connections: 0, packets: 0, octets: 0 };
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      const waits = flags[slot] & GONE ? this.#ended.has(slot) : (flags[slot] & IN_USE) !== 0;
      if (waits && this.#hasNews(slot)) this.#count(left, slot);
    }
    return left;
  }

  #arm(slot: number, what: number): void {
    if (what & MOVED) this.#idle.push(slot);
    if (this.#isClosed(slot)) {
      // said to have ended: what still moves waits for the entry to disappear
      if (this.#lastReason[slot] !== END_OF_FLOW) this.#ended.push(slot);
      this.#active.remove(slot);
      this.#idle.remove(slot);
      return;
    }
    this.#ended.remove(slot);
    if (!this.#active.has(slot)) {
      this.#activeSince[slot] = this.#now();
      this.#active.push(slot);
    }
  }

  #disarm(slot: number): void {
    this.#ended.remove(slot);
    this.#active.remove(slot);
    this.#idle.remove(slot);
  }

  #reportEnded(slot: number, report: Report): boolean {
    const gone = (this.#store.table.flags[slot] & GONE) !== 0;
    const reason = gone ? this.#goneReason[slot] : END_OF_FLOW;
    if (!this.#reportIf(this.#lastReason[slot] !== reason || this.#hasNews(slot), slot, reason, report)) return false;
    this.#ended.remove(slot);
    if (gone) this.#store.release(slot);
    return true;
  }

  /** The last report of a connection that the kernel still has; one that has closed is over, whatever the reason. */
  #reportEnd(slot: number, reason: number, report: Report): boolean {
    const closed = this.#isClosed(slot);
    const told = closed && this.#lastReason[slot] === END_OF_FLOW;
    return this.#reportIf(!told || this.#hasNews(slot), slot, closed ? END_OF_FLOW : reason, report);
  }

  /** @returns false when the report was not taken */
  #reportIf(wanted: boolean, slot: number, reason: number, report: Report): boolean {
    if (!wanted) return true;
    if (!report(slot, reason)) return false;
    const { rows } = this.#store.table;
    for (let i = 0; i < COUNTERS.length; i++) {
      const counter = slot * ROW_WORDS + COUNTERS[i];
      this.reported[slot * REPORTED_WORDS + i * 2] = rows[counter];
      this.reported[slot * REPORTED_WORDS + i * 2 + 1] = rows[counter + 1];
    }
    this.#lastReason[slot] = reason;
    this.#lastState[slot] = this.#state(slot);
    return true;
  }

  #hasNews(slot: number): boolean {
    return this.#lastReason[slot] === 0 || this.#lastState[slot] !== this.#state(slot) || this.#hasCounted(slot);
  }

  #hasCounted(slot: number): boolean {
    const { rows } = this.#store.table;
    for (let i = 0; i < COUNTERS.length; i++) {
      const counter = slot * ROW_WORDS + COUNTERS[i];
      const at = slot * REPORTED_WORDS + i * 2;
      if (this.reported[at] !== rows[counter] || this.reported[at + 1] !== rows[counter + 1]) return true;
    }
    return false;
  }

  #state(slot: number): number {
    return this.#store.table.bytes[slot * ROW_WORDS * 4 + STATE];
  }

  #isClosed(slot: number): boolean {
    const { rows } = this.#store.table;
    return (rows[slot * ROW_WORDS + (PRESENT >> 2)] & HAS_TCP_STATE) !== 0 && isClosed(this.#state(slot));
  }

  #count(into: Unreported, slot: number): void {
    const delta = new Uint32Array(2);
    const { rows } = this.#store.table;
    const left = COUNTERS.map((counter, i) => {
      subtract(rows, slot * ROW_WORDS + counter, this.reported, slot * REPORTED_WORDS + i * 2, delta, 0);
      return readNumber(delta, 0);
    });
    into.connections++;
    into.packets += left[0] + left[2];
    into.octets += left[1] + left[3];
  }
}
