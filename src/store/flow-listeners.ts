import { type ConnectionTable, GONE, IN_USE } from './connection-table.js';
import { CtflowError } from '../common/errors.js';
import type { Unexported } from './unexported.js';
import type { SlotHolder, StoreListener } from './flow-store.js';

/** As many as {@link ConnectionTable.holders} can count. */
export const MAX_HOLDERS = 255;

/** The listeners of a table's flows, and which of them still hold a slot. */
export class FlowListeners implements Required<StoreListener>, Pick<SlotHolder, 'over'> {
  readonly #table: ConnectionTable;
  readonly #holders: SlotHolder[] = [];
  /** Subscribers, then the holders. */
  readonly #all: StoreListener[] = [];
  /** Those of them that receive changes: most rows of a poll are one. */
  #changing: readonly StoreListener[] = [];

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** As of {@link FlowStore}. */
  hold(holder: SlotHolder): void {
    if (this.#holders.length === MAX_HOLDERS) {
      throw new CtflowError('CTFLOW_USAGE', `More than ${MAX_HOLDERS} collectors`, 'Remove some of them');
    }
    this.#holders.push(holder);
    this.#add(this.#all.length, holder);
    this.#countOpen(1);
  }

  /** As of {@link FlowStore}. */
  leave(holder: SlotHolder): void {
    this.#holders.splice(this.#holders.indexOf(holder), 1);
    this.#all.splice(this.#all.indexOf(holder), 1);
    this.#changing = this.#all.filter(({ changed }) => changed !== undefined);
    this.#countOpen(-1);
  }

  /** As of {@link FlowStore}. */
  subscribe(listener: StoreListener): void {
    this.#add(this.#all.length - this.#holders.length, listener);
  }

  /** Every holder holds the slot. */
  acquire(slot: number): void {
    this.#table.holders[slot] = this.#holders.length;
  }

  /** One holder releases the slot; the last one frees it. */
  release(slot: number): void {
    if (--this.#table.holders[slot] === 0) this.#table.free(slot);
  }

  added(slot: number, before: boolean): void {
    const all = this.#all;
    for (let i = 0; i < all.length; i++) all[i].added(slot, before);
  }

  changed(slot: number, what: number): void {
    const changing = this.#changing;
    for (let i = 0; i < changing.length; i++) changing[i].changed!(slot, what);
  }

  gone(slot: number, reason: number): void {
    this.#table.moveToEnded(slot);
    const all = this.#all;
    for (let i = 0; i < all.length; i++) all[i].gone?.(slot, reason);
    if (this.#holders.length === 0) this.#table.free(slot);
  }

  /** Subscribers are not called. */
  over(slot: number, reason: number): void {
    this.#table.moveToEnded(slot);
    const holders = this.#holders;
    for (let i = 0; i < holders.length; i++) holders[i].over(slot, reason);
    if (holders.length === 0) this.#table.free(slot);
  }

  /** The slot is free afterwards. */
  evicted(slot: number, reason: number): void {
    for (const listener of this.#all) listener.evicted?.(slot, reason);
    this.#table.free(slot);
  }

  cleared(): void {
    for (const listener of this.#all) listener.cleared?.();
  }

  countersReset(slot: number): void {
    for (const holder of this.#holders) holder.countersReset(slot);
  }

  lost(loss: Unexported): void {
    for (const holder of this.#holders) holder.lost(loss);
  }

  foundNew(slot: number): void {
    for (const holder of this.#holders) holder.foundNew(slot);
  }

  #add(at: number, listener: StoreListener): void {
    this.#all.splice(at, 0, listener);
    this.#changing = this.#all.filter(({ changed }) => changed !== undefined);
  }

  /** One holder more, or less, of each open flow. */
  #countOpen(change: 1 | -1): void {
    const { flags, holders, top } = this.#table;
    for (let slot = 0; slot < top; slot++) if ((flags[slot] & (IN_USE | GONE)) === IN_USE) holders[slot] += change;
  }
}
