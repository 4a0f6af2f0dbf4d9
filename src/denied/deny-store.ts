import { ConnectionTable, GONE } from '../store/connection-table.js';
import { ROW_WORDS } from '../row/batch.js';
import { IDLE_TIMEOUT, LACK_OF_RESOURCES } from '../store/end-reason.js';
import { FlowListeners } from '../store/flow-listeners.js';
import { MOVED, type FlowStore, type StoreListener, type SlotHolder } from '../store/flow-store.js';
import { ORIG_OCTETS, ORIG_PACKETS } from '../row/layout.generated.js';
import { TupleIndex } from '../store/tuple-index.js';
import { readNumber, writeNumber } from '../common/u64.js';

const PACKETS_WORD = ORIG_PACKETS >> 2;
const OCTETS_WORD = ORIG_OCTETS >> 2;

export interface DenyCounts {
  /** Flows ever stored. */
  added: number;
  /** Flows that went at the limit, with end reason 5. */
  evicted: number;
}

/**
 * Denied flows: one slot for each tuple and rule, whose packets and octets add up. A flow is reserved when its first packet comes
 * and announced when a packet is counted, so that a packet can wait in between.
 */
export class DenyStore implements FlowStore {
  readonly table: ConnectionTable;
  readonly counts: DenyCounts = { added: 0, evicted: 0 };
  readonly #index: TupleIndex;
  readonly #announced: Uint8Array;
  readonly #listeners: FlowListeners;
  readonly #evicting: (slot: number) => void;

  /**
   * @param maxDenied flows at most
   * @param evicting called before a flow goes at the limit: what of it still waits is to be counted now
   */
  constructor(maxDenied: number, evicting: (slot: number) => void) {
    this.table = new ConnectionTable(maxDenied);
    this.#index = new TupleIndex(this.table.rows, maxDenied);
    this.#listeners = new FlowListeners(this.table);
    this.#announced = new Uint8Array(maxDenied);
    this.#evicting = evicting;
  }

  hold(holder: SlotHolder): void {
    this.#listeners.hold(holder);
  }

  subscribe(listener: StoreListener): void {
    this.#listeners.subscribe(listener);
  }

  /** Flows stored, those that are gone and wait for a report included. */
  get size(): number {
    return this.table.count;
  }

  /**
   * The slot of the tuple and rule of the row at word `from`, reserved where there was none: at the limit the flow that had no
   * packet for longest goes.
   * @returns -1 where every slot holds a flow that is gone and waits for a report
   */
  reserve(u32: Uint32Array, from: number): number {
    let slot = this.#index.find(u32, from);
    if (slot < 0) {
      if (this.table.full && !this.#makeRoom()) return -1;
      slot = this.table.allocate(u32, from);
      this.#announced[slot] = 0;
      this.table.rows.fill(0, slot * ROW_WORDS + PACKETS_WORD, slot * ROW_WORDS + OCTETS_WORD + 2);
      this.#listeners.acquire(slot);
      this.#index.insert(slot);
    }
    this.table.byChange.push(slot);
    return slot;
  }

  /**
   * Adds packets to a reserved flow.
   * @param first when the first of them came, milliseconds since 1970; @param last when the last
   * @param now monotonic milliseconds
   */
  count(slot: number, packets: number, octets: number, first: number, last: number, now: number): void {
    const { table } = this;
    const { rows } = table;
    const at = slot * ROW_WORDS;
    writeNumber(rows, at + PACKETS_WORD, readNumber(rows, at + PACKETS_WORD) + packets);
    writeNumber(rows, at + OCTETS_WORD, readNumber(rows, at + OCTETS_WORD) + octets);
    table.setChangedAt(slot, now);
    const known = this.#announced[slot] !== 0;
    table.setStartMs(slot, known ? Math.min(table.startMs(slot), first) : first);
    table.setEndMs(slot, known ? Math.max(table.endMs(slot), last) : last);
    if (known) {
      this.#listeners.changed(slot, MOVED);
      return;
    }
    this.#announced[slot] = 1;
    this.counts.added++;
    this.#listeners.added(slot, false);
  }

  /** A reserved flow of which nothing waits any more is given back, unless it was announced. */
  giveBack(slot: number): void {
    if (this.#announced[slot] !== 0) return;
    this.#forget(slot);
    this.table.free(slot);
  }

  /**
   * Ends the flows that had no packet for so long.
   * @param waits whether a packet of the flow waits to be counted
   */
  endIdle(idleMs: number, now: number, waits: (slot: number) => boolean): void {
    const { table } = this;
    const { byChange, flags } = table;
    for (let slot = byChange.head; slot >= 0;) {
      const after = byChange.after(slot);
      if (!waits(slot)) {
        if (table.changedAt(slot) + idleMs > now) return;
        this.#forget(slot);
        flags[slot] |= GONE;
        table.setChangedAt(slot, now);
        this.#listeners.gone(slot, IDLE_TIMEOUT);
      }
      slot = after;
    }
  }

  release(slot: number): void {
    this.#listeners.release(slot);
  }

  #forget(slot: number): void {
    this.#index.remove(slot);
    this.table.byChange.remove(slot);
  }

  #makeRoom(): boolean {
    const victim = this.table.byChange.head;
    if (victim < 0) return false;
    this.#evicting(victim);
    this.counts.evicted++;
    this.#forget(victim);
    this.#listeners.evicted(victim, LACK_OF_RESOURCES);
    return true;
  }
}
