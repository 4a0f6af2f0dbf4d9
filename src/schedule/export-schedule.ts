import * as connectionTable from '../store/connection-table.js';
import * as endReason from '../store/end-reason.js';
import { EndedQueue, type EndedProgress } from './ended-queue.js';
import * as flowStore from '../store/flow-store.js';
import type { FlowStore, SlotHolder } from '../store/flow-store.js';
import * as row from '../row/layout.generated.js';
import { ExportSlots, ExportState, type ExportHistory } from './export-state.js';
import type { Evict, ScheduleOptions } from './schedule-options.js';
import type { DueSlots } from './due-slots.js';
import { newUnexported, sumUnexported, type Unexported } from '../store/unexported.js';
import { SlotList } from '../store/slot-list.js';
import { isOver } from '../row/conntrack.js';
import { Visibility } from './visibility.js';
import { LAST } from '../encoder/request.js';
import { SHOWN } from '../encoder/columns.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { ACTIVE_TIMEOUT, END_OF_FLOW, FORCED_END, IDLE_TIMEOUT } = endReason;
const { GONE, IN_USE, UNANNOUNCED } = connectionTable;
const { ANNOTATED, MOVED, STATE_CHANGED } = flowStore;
const { PRESENT_WORD, ROW_WORDS, STATE, STATUS_WORD } = row;

/**
 * When each connection is due at one destination. Lists in the order of arrival: ended and closed ones (both due at once), active
 * and idle; timeouts are constant, so each list is sorted by itself.
 */
export class ExportSchedule implements SlotHolder {
  readonly stale = newUnexported();
  readonly evictedUnreported = newUnexported();
  /** Of connections that were dropped from the queue of ended ones. */
  readonly endedOverflow = newUnexported();
  /** Of connections that the filter has left out to their end. */
  readonly filtered = newUnexported();
  readonly #store: FlowStore;
  #options: ScheduleOptions;
  #evict: Evict;
  readonly slots: ExportSlots;
  readonly #state: ExportState;
  #visibility: Visibility | undefined;
  #endedLimit: number;
  readonly #gone: EndedQueue;
  /** Connections that the kernel still has and that are to be exported as ended: closed ones, at shutdown all. */
  readonly #closing: SlotList;
  readonly #active: SlotList;
  readonly #idle: SlotList;
  readonly #now: () => number;
  /** Added as one that has ended, and whose end an earlier run has exported; -1 for none. */
  #over = -1;
  #shutdown = false;
  /** The destination is removed: what is not due yet is never exported to it. */
  #leaving = false;

  /**
   * @param now monotonic milliseconds
   * @param history what earlier runs exported to the destination
   */
  constructor(store: FlowStore, options: ScheduleOptions, now: () => number, evict: Evict, history?: ExportHistory) {
    const capacity = store.table.capacity;
    this.#store = store;
    this.#options = options;
    this.#now = now;
    this.#evict = evict;
    this.slots = new ExportSlots(capacity);
    this.#state = new ExportState(store.table, this.slots, options.zeroDeltas, history);
    this.#visibility = options.filter && new Visibility(options.filter, this.slots);
    this.#endedLimit = this.#limitOf(options);
    this.#gone = new EndedQueue(capacity);
    this.#closing = SlotList.of(capacity);
    this.#active = this.slots.active;
    this.#idle = this.slots.idle;
    store.hold(this);
  }

  /** Ended connections that wait for their last record. */
  get ended(): number {
    return this.#gone.count;
  }

  /** How many more of them can wait before the oldest is dropped. */
  get endedRoom(): number {
    return this.#endedLimit - this.#gone.count;
  }

  get endedProgress(): EndedProgress {
    return this.#gone;
  }

  /**
   * The destination was added while connections are open: they are exported from now on.
   * @param before as of {@link added}
   */
  join(before: boolean): void {
    const now = this.#now();
    this.#eachOpen(slot => {
      const reason = this.#state.add(slot, before);
      this.#visibility?.added(slot, reason !== 0);
      const settled = reason !== 0 && reason !== ACTIVE_TIMEOUT;
      if (!this.#visibility?.isLeftOut(slot) && (!settled || this.#state.isNews(slot, ACTIVE_TIMEOUT)))
        this.#arm(slot, 0, now);
    });
  }

  /** Other settings of the same destination. What was exported stays so, and what waits still waits. */
  change(options: ScheduleOptions, evict: Evict = this.#evict): void {
    const before = this.#visibility;
    this.#options = options;
    this.#evict = evict;
    this.#endedLimit = this.#limitOf(options);
    this.#state.zeroDelta = options.zeroDeltas;
    this.#visibility = options.filter && new Visibility(options.filter, this.slots);
    if (!before && !this.#visibility) return;
    const now = this.#now();
    this.#eachOpen(slot => {
      const wasLeftOut = before?.isLeftOut(slot);
      if (this.#visibility) this.#visibility.added(slot, this.#state.lastReason(slot) !== 0);
      else this.slots.setVisible(slot, SHOWN);
      if (this.#visibility?.isLeftOut(slot)) this.#disarm(slot);
      else if (wasLeftOut) this.#arm(slot, 0, now);
    });
  }

  /** Before {@link endAll}, where the store goes on: what comes later is not exported. */
  takeNoMore(): void {
    this.#leaving = true;
  }

  /** Holds no connection any more; what waits is dropped, and was counted. */
  leave(): void {
    for (let slot = this.#gone.head; slot >= 0; slot = this.#gone.head) {
      this.#gone.remove(slot);
      this.#store.release(slot);
    }
    this.#store.leave(this);
  }

  added(slot: number, before: boolean): void {
    if (this.#leaving) return;
    const reason = this.#state.add(slot, before);
    this.#over = this.#state.wasEnded && this.#store.table.flags[slot] & GONE ? slot : -1;
    this.#visibility?.added(slot, reason !== 0);
    if (this.#visibility?.isLeftOut(slot)) return;
    // one that an earlier run has exported as idle or as ended by force is due when something happens
    const settled = reason !== 0 && reason !== ACTIVE_TIMEOUT;
    if (!settled || this.#state.isNews(slot, ACTIVE_TIMEOUT)) this.#arm(slot, MOVED, this.#store.table.changedAt(slot));
  }

  changed(slot: number, what: number): void {
    if (this.#leaving || this.#visibility?.isLeftOut(slot)) return;
    if (what & ANNOTATED) this.#state.annotated(slot);
    if (what & MOVED) this.#state.moved(slot);
    this.#arm(slot, what, what & MOVED ? this.#store.table.changedAt(slot) : this.#now());
  }

  countersReset(slot: number): void {
    if (this.#isPast(slot)) return;
    this.#state.countersReset(slot);
  }

  /** Nothing of it was exported yet: it was added in the poll that is under way. */
  foundNew(slot: number): void {
    if (!this.#leaving && this.#state.lastReason(slot) === 0) this.#state.add(slot, false);
  }

  gone(slot: number, reason: number): void {
    if (this.#isPast(slot)) return this.#store.release(slot);
    const isOver = slot === this.#over;
    this.#over = -1;
    this.#disarm(slot);
    this.#state.ended(slot);
    this.#end(slot, reason, isOver);
  }

  over(slot: number, reason: number): void {
    if (this.#leaving) return this.#store.release(slot);
    const exported = this.#state.add(slot, false) !== 0;
    this.#visibility?.added(slot, exported);
    this.#end(slot, reason, this.#state.wasEnded);
  }

  evicted(slot: number, reason: number): void {
    if (this.#isPast(slot)) return;
    this.#disarm(slot);
    this.#state.evicted(slot);
    this.#state.ended(slot);
    const last = this.#isClosed(slot) ? END_OF_FLOW : reason;
    if (!this.#isLastNews(slot, last)) {
      // as what is lost: what was counted until now stays left out when it returns
      if (this.#visibility?.isHidden(slot)) this.#state.note(slot, true);
      return;
    }
    if (this.#evict(slot, last)) return;
    this.#state.addTo(this.evictedUnreported, slot);
    // what is counted as lost is not exported when it returns
    this.#state.update(slot, last);
    this.#state.note(slot, true);
  }

  lost(loss: Unexported): void {
    Object.assign(this.evictedUnreported, sumUnexported([this.evictedUnreported, loss]));
  }

  cleared(): void {
    this.#gone.clear();
    this.#closing.clear();
    this.#active.clear();
    this.#idle.clear();
  }

  /** Whether a connection is due. @param now monotonic milliseconds */
  hasDue(now: number): boolean {
    return this.nextDeadline() <= now;
  }

  /**
   * How many records are due now. It walks along what is due, and pauses after each slice of connections; where the one that it
   * has come to is no longer due meanwhile, that list ends there.
   * @param now monotonic milliseconds
   */
  *countDue(now: number, slice: number): Generator<undefined, number> {
    const { activeFlowExportTimeout, idleFlowExportTimeout } = this.#options;
    let due = this.#gone.count;
    let looked = 0;
    for (let slot = this.#closing.head; slot >= 0; slot = this.#closing.after(slot)) {
      if (this.#isNews(slot, this.#isClosed(slot) ? END_OF_FLOW : FORCED_END)) due++;
      if (++looked % slice === 0) yield;
    }
    for (let slot = this.#idle.head; slot >= 0; slot = this.#idle.after(slot)) {
      if (this.#store.table.changedAt(slot) + idleFlowExportTimeout > now) break;
      if (this.#isNews(slot, IDLE_TIMEOUT) && !this.#store.isSuspect?.(slot)) due++;
      if (++looked % slice === 0) yield;
    }
    for (let slot = this.#active.head; slot >= 0; slot = this.#active.after(slot)) {
      if (this.slots.activeSince(slot) + activeFlowExportTimeout > now) break;
      // where it is idle too it has been counted
      const isIdle = this.#idle.has(slot) && this.#store.table.changedAt(slot) + idleFlowExportTimeout <= now;
      if ((!isIdle || this.#store.isSuspect?.(slot)) && this.#isNews(slot, ACTIVE_TIMEOUT)) due++;
      if (++looked % slice === 0) yield;
    }
    return due;
  }

  /**
   * The first connections that are due, in their order; each stays due until {@link done}.
   * @param now monotonic milliseconds
   * @param count of them at most; @param most of those with something to export
   */
  due(now: number, due: DueSlots, count: number, most: number): void {
    const { activeFlowExportTimeout, idleFlowExportTimeout } = this.#options;
    const { table } = this.#store;
    due.begin(Math.min(count, due.slots.length), most);
    // what has nothing to export is not among them
    for (let slot = this.#gone.head; slot >= 0 && due.add(slot, this.#gone.reason(slot), LAST, true);)
      slot = this.#gone.after(slot);
    for (let slot = this.#closing.head; slot >= 0 && !due.full;) {
      this.#add(due, slot, this.#isClosed(slot) ? END_OF_FLOW : FORCED_END);
      slot = this.#closing.after(slot);
    }
    for (let slot = this.#idle.head, next; slot >= 0 && !due.full; slot = next) {
      if (table.changedAt(slot) + idleFlowExportTimeout > now) break;
      next = this.#idle.after(slot);
      // where packets may pass uncounted nobody knows whether it is idle
      if (this.#store.isSuspect?.(slot)) this.#idle.remove(slot);
      else this.#add(due, slot, IDLE_TIMEOUT);
    }
    // they may be active too, and are not after they are done
    if (due.count > 0) return;
    for (let slot = this.#active.head; slot >= 0 && !due.full; slot = this.#active.after(slot)) {
      if (this.slots.activeSince(slot) + activeFlowExportTimeout > now) break;
      this.#add(due, slot, ACTIVE_TIMEOUT);
    }
  }

  /**
   * A connection that was due has become a record, and its export state is that of the record; or it had nothing to export.
   * @param reason why it was due
   */
  done(slot: number, reason: number, exported: boolean, now: number): void {
    if (exported) this.#visibility?.show(slot);
    if (this.#store.table.flags[slot] & GONE) {
      if (!exported) this.#state.note(slot, true);
      this.#gone.remove(slot);
      this.#store.release(slot);
    } else if (reason === ACTIVE_TIMEOUT) {
      this.#active.remove(slot);
      if (exported) this.#arm(slot, 0, now);
    } else {
      if (!exported && !this.#visibility?.isHidden(slot)) this.#state.endWithoutRecord(slot, reason);
      this.#disarm(slot);
    }
  }

  /** Every connection with news is due now, as if the active timeout had passed. @returns how many */
  flush(): number {
    const since = this.#now() - this.#options.activeFlowExportTimeout;
    let due = this.#gone.count;
    for (let slot = this.#closing.head; slot >= 0; slot = this.#closing.after(slot)) due++;
    for (let slot = this.#active.head; slot >= 0; slot = this.#active.after(slot)) {
      // the list stays in the order of these times: those that come later are later
      if (this.slots.activeSince(slot) > since) this.slots.setActiveSince(slot, since);
      if (this.#isNews(slot, ACTIVE_TIMEOUT)) due++;
    }
    return due;
  }

  /** From now on every connection is due, those still open as ended by force. */
  endAll(): void {
    this.#shutdown = true;
    this.#eachOpen(slot => {
      if (this.#isLastNews(slot, FORCED_END) || !this.#visibility?.isHidden(slot)) this.#arm(slot, 0, 0);
      else this.#disarm(slot);
    });
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

  /** Drops ended connections that could not be exported for the stale timeout. */
  dropStale(): void {
    const { table } = this.#store;
    const before = this.#now() - this.#options.staleConnectionTimeout;
    // in the order in which they ended
    for (let slot = this.#gone.head; slot >= 0 && table.changedAt(slot) <= before; slot = this.#gone.head) {
      this.#drop(slot, this.stale);
    }
  }

  /** Everything that is not exported at the very end. */
  countUnexported(): Unexported {
    const left = newUnexported();
    this.#eachLeft(slot => this.#state.addTo(left, slot));
    return left;
  }

  /** Connections that are not exported to their end. */
  countLeft(): number {
    let left = 0;
    this.#eachLeft(() => left++);
    return left;
  }

  /** It is removed, and this one has had its last record there, or came too late. */
  #isPast(slot: number): boolean {
    return this.#leaving && !this.#closing.has(slot);
  }

  /** Ended connections that may wait: the dead must not push out the living. */
  #limitOf({ endedQueue }: ScheduleOptions): number {
    const { capacity, endedRoom } = this.#store.table;
    return Math.min(endedQueue, endedRoom || Math.ceil(capacity / 2));
  }

  #eachOpen(visit: (slot: number) => void): void {
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) if ((flags[slot] & (IN_USE | GONE | UNANNOUNCED)) === IN_USE) visit(slot);
  }

  #eachLeft(visit: (slot: number) => void): void {
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      const isOpen = (flags[slot] & IN_USE) !== 0 && !this.#isPast(slot);
      const waits = flags[slot] & GONE ? this.#gone.has(slot) : isOpen;
      if (waits && this.#isNews(slot, ACTIVE_TIMEOUT)) visit(slot);
    }
  }

  #add(due: DueSlots, slot: number, reason: number): void {
    due.add(slot, reason, 0, this.#isNews(slot, reason));
  }

  /** Whether there is something to export that the filter shows. */
  #isNews(slot: number, reason: number): boolean {
    return this.#state.isNews(slot, reason) && (this.#visibility?.shows(slot) ?? true);
  }

  /** The same where the filter is asked for the last time: what it does not show then is counted, and never exported. */
  #isLastNews(slot: number, reason: number): boolean {
    if (!this.#state.isNews(slot, reason)) return false;
    if (this.#visibility === undefined) return true;
    if (this.#visibility.shows(slot)) {
      this.#visibility.show(slot);
      return true;
    }
    this.#state.addTo(this.filtered, slot);
    this.#state.leaveOut(slot);
    this.#visibility.leaveOut(slot);
    return false;
  }

  /** @param wasEnded an earlier run has exported its end */
  #end(slot: number, reason: number, wasEnded: boolean): void {
    // of one that was evicted, or ended without its event, this may bring more
    if (wasEnded && !this.#state.hasCounted(slot)) return this.#store.release(slot);
    if (!this.#isLastNews(slot, reason)) {
      this.#state.note(slot, true);
      return this.#store.release(slot);
    }
    this.#gone.push(slot, reason);
    if (this.#gone.count > this.#endedLimit) this.#drop(this.#gone.head, this.endedOverflow);
  }

  /** @param since monotonic milliseconds from which the active timeout runs, unless it runs already */
  #arm(slot: number, what: number, since: number): void {
    if (what & MOVED) this.#idle.push(slot);
    if (this.#shutdown || this.#isClosed(slot)) {
      // exported as ended: what still moves waits for the entry to disappear
      if (this.#shutdown || this.#state.lastReason(slot) !== END_OF_FLOW) this.#closing.push(slot);
      this.#active.remove(slot);
      this.#idle.remove(slot);
      return;
    }
    // another state alone takes it back
    if (what & STATE_CHANGED) this.#closing.remove(slot);
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

  /** What is left of an ended connection is not exported, but counted. */
  #drop(slot: number, sum: Unexported): void {
    this.#state.addTo(sum, slot);
    // what is counted as lost is not exported by the next run
    this.#state.leaveOut(slot);
    this.#state.note(slot, true);
    this.#gone.remove(slot);
    this.#store.release(slot);
  }

  #isClosed(slot: number): boolean {
    const { rows, bytes } = this.#store.table;
    const row = slot * ROW_WORDS;
    return isOver(rows[row + PRESENT_WORD], bytes[row * 4 + STATE], rows[row + STATUS_WORD]);
  }
}
