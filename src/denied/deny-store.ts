import { ConnectionTable, GONE, UNANNOUNCED } from '../store/connection-table.js';
import { FORCED_END, IDLE_TIMEOUT, LACK_OF_RESOURCES } from '../store/end-reason.js';
import { FlowListeners } from '../store/flow-listeners.js';
import { MOVED, type FlowStore, type SlotHolder, type StoreListener } from '../store/flow-store.js';
import {
  HAS_TCP_HEADER,
  ORIG_OCTETS_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  ROW_SIZE,
  ROW_WORDS,
  TCP_FLAGS,
} from '../row/layout.generated.js';
import { SYN } from '../row/protocol.js';
import { TupleIndex } from '../store/tuple-index.js';
import { readNumber, writeNumber } from '../common/u64.js';
import { hashEndpoints, rowsOf, VIEWS, type Rows } from './endpoints.js';
import { PendingPackets, type PendingPacket } from './pending-packets.js';

/** Packets that can wait at most, 21 bytes each. */
const MAX_PENDING = 1 << 19;

export interface DenyCounts {
  /** Flows ever stored. */
  added: number;
  /** Flows evicted at the limit, with end reason 5. */
  evicted: number;
}

/**
 * Denied flows: one slot for each tuple and rule, whose packets and octets add up. A flow has a slot from its first packet on
 * and is announced to listeners when a packet is counted; in between its packets are pending.
 */
export class DenyStore implements FlowStore {
  readonly table: ConnectionTable;
  readonly rows: Rows;
  readonly counts: DenyCounts = { added: 0, evicted: 0 };
  readonly pending: PendingPackets;
  /** Ids of the rules that deny the flows, by slot: kept by whoever knows the rules. */
  readonly ruleOf: Uint16Array;
  readonly #index: TupleIndex;
  readonly #listeners: FlowListeners;

  /** @param maxDenied flows that have not ended, at most; @param endedRoom slots for others beside them */
  constructor(maxDenied: number, endedRoom = 0) {
    this.table = new ConnectionTable(maxDenied, endedRoom);
    const { capacity } = this.table;
    this.rows = rowsOf(this.table);
    this.pending = new PendingPackets(capacity, MAX_PENDING);
    this.#index = new TupleIndex(this.table.rows, maxDenied);
    this.#listeners = new FlowListeners(this.table);
    this.ruleOf = new Uint16Array(capacity);
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

  /** Flows stored, those that are gone and wait for a report included. */
  get size(): number {
    return this.table.count;
  }

  /**
   * The slot of the tuple and rule of the row at word `from`, a new one where there is none: at the limit the flow that had no
   * packet for longest is evicted, its pending packets counted.
   * @param now monotonic milliseconds
   * @returns -1 where every slot holds a flow that is gone and waits for a report
   */
  slotOf(u32: Uint32Array, from: number, now: number): number {
    let slot = this.#index.find(u32, from);
    if (slot < 0) {
      if (this.table.full && !this.#makeRoom(now)) return -1;
      slot = this.table.allocate(u32, from);
      this.table.flags[slot] |= UNANNOUNCED;
      this.table.rows.fill(0, slot * ROW_WORDS + ORIG_PACKETS_WORD, slot * ROW_WORDS + ORIG_OCTETS_WORD + 2);
      this.#listeners.acquire(slot);
      this.#index.insert(slot);
    }
    this.table.byChange.push(slot);
    return slot;
  }

  /** A packet of the flow had these TCP flags: SYN tells who begins the connection, also where others came before. */
  takeTcpFlags(slot: number, flags: number): void {
    if ((flags & SYN) === 0) return;
    this.table.bytes[slot * ROW_SIZE + TCP_FLAGS] = flags;
    this.table.rows[slot * ROW_WORDS + PRESENT_WORD] |= HAS_TCP_HEADER;
  }

  /** A packet waits to be counted or dropped. @returns false where there is no room */
  addPending(slot: number, packet: PendingPacket): boolean {
    return this.pending.add(slot, hashEndpoints(this.rows, slot, VIEWS[0]), packet);
  }

  /** Counts pending packets of a flow. */
  countPending(slot: number, due: (packet: PendingPacket) => boolean, now: number): void {
    let [packets, octets, first, last] = [0, 0, Number.POSITIVE_INFINITY, 0];
    this.pending.take(slot, packet => {
      if (!due(packet)) return false;
      packets++;
      octets += packet.octets;
      first = Math.min(first, packet.time);
      last = Math.max(last, packet.time);
      return true;
    });
    if (packets > 0) this.count(slot, packets, octets, first, last, now);
  }

  /** Drops pending packets of a flow; one that has no others is freed, unless it was announced. @returns how many */
  dropPending(slot: number, dropped: (packet: PendingPacket) => boolean): number {
    const before = this.pending.count;
    this.pending.take(slot, dropped);
    if (!this.pending.has(slot) && this.table.flags[slot] & UNANNOUNCED) {
      this.#forget(slot);
      this.table.free(slot);
    }
    return before - this.pending.count;
  }

  /**
   * Adds packets to a flow.
   * @param first when the first of them came, milliseconds since 1970; @param last when the last
   * @param now monotonic milliseconds
   */
  count(slot: number, packets: number, octets: number, first: number, last: number, now: number): void {
    const { table } = this;
    const { rows } = table;
    const at = slot * ROW_WORDS;
    writeNumber(rows, at + ORIG_PACKETS_WORD, readNumber(rows, at + ORIG_PACKETS_WORD) + packets);
    writeNumber(rows, at + ORIG_OCTETS_WORD, readNumber(rows, at + ORIG_OCTETS_WORD) + octets);
    table.setChangedAt(slot, now);
    const known = (table.flags[slot] & UNANNOUNCED) === 0;
    table.setStartMs(slot, known ? Math.min(table.startMs(slot), first) : first);
    table.setEndMs(slot, known ? Math.max(table.endMs(slot), last) : last);
    if (known) {
      this.#listeners.changed(slot, MOVED);
      return;
    }
    table.flags[slot] &= ~UNANNOUNCED;
    this.counts.added++;
    this.#listeners.added(slot, false);
  }

  /** Ends all flows by force; none has packets pending. */
  endAll(now: number): void {
    const { byChange } = this.table;
    while (byChange.head >= 0) this.#end(byChange.head, FORCED_END, now);
  }

  /** Ends the flows that had no packet for so long and have none pending. */
  endIdle(idleMs: number, now: number): void {
    const { table } = this;
    const { byChange } = table;
    for (let slot = byChange.head; slot >= 0;) {
      const after = byChange.after(slot);
      if (!this.pending.has(slot)) {
        if (table.changedAt(slot) + idleMs > now) return;
        this.#end(slot, IDLE_TIMEOUT, now);
      }
      slot = after;
    }
  }

  release(slot: number): void {
    this.#listeners.release(slot);
  }

  #end(slot: number, reason: number, now: number): void {
    this.#forget(slot);
    this.table.flags[slot] |= GONE;
    this.table.setChangedAt(slot, now);
    this.#listeners.gone(slot, reason);
  }

  #forget(slot: number): void {
    this.#index.remove(slot);
    this.table.byChange.remove(slot);
  }

  #makeRoom(now: number): boolean {
    const victim = this.table.byChange.head;
    if (victim < 0) return false;
    this.countPending(victim, () => true, now);
    this.counts.evicted++;
    this.#forget(victim);
    this.#listeners.evicted(victim, LACK_OF_RESOURCES);
    return true;
  }
}
