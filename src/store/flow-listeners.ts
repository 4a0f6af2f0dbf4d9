import type { ConnectionTable } from './connection-table.js';
import { CtflowError } from '../common/errors.js';
import type { StoreListener, StoreObserver } from './flow-store.js';

/** As many as {@link ConnectionTable.holders} can count. */
const MOST_OBSERVERS = 255;

/** Who is told of the flows of a table, and which of them hold a slot until their last report. */
export class FlowListeners implements StoreListener {
  readonly #table: ConnectionTable;
  readonly #observers: StoreObserver[] = [];
  /** Those that attend, then the observers. */
  readonly #all: StoreListener[] = [];

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** As of {@link FlowStore}. */
  observe(observer: StoreObserver): void {
    if (this.#observers.length === MOST_OBSERVERS) {
      throw new CtflowError('CTFLOW_USAGE', `More than ${MOST_OBSERVERS} collectors`, 'Leave some of them out');
    }
    this.#observers.push(observer);
    this.#all.push(observer);
  }

  /** As of {@link FlowStore}. */
  attend(listener: StoreListener): void {
    this.#all.splice(this.#all.length - this.#observers.length, 0, listener);
  }

  /** Every observer holds the slot. */
  hold(slot: number): void {
    this.#table.holders[slot] = this.#observers.length;
  }

  /** An observer lets go of the slot. */
  release(slot: number): void {
    if (--this.#table.holders[slot] === 0) this.#table.free(slot);
  }

  added(slot: number, before: boolean): void {
    for (const listener of this.#all) listener.added(slot, before);
  }

  changed(slot: number, what: number): void {
    for (const listener of this.#all) listener.changed(slot, what);
  }

  /** The slot is free when the last observer has let go of it. */
  gone(slot: number, reason: number): void {
    for (const listener of this.#all) listener.gone(slot, reason);
    if (this.#observers.length === 0) this.#table.free(slot);
  }

  /** The slot is free. */
  evicted(slot: number, reason: number): void {
    for (const listener of this.#all) listener.evicted(slot, reason);
    this.#table.free(slot);
  }

  cleared(): void {
    for (const listener of this.#all) listener.cleared();
  }

  countersReset(slot: number): void {
    for (const observer of this.#observers) observer.countersReset(slot);
  }

  foundNew(slot: number): void {
    for (const observer of this.#observers) observer.foundNew(slot);
  }
}
