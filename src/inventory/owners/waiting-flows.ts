import { FLOW_OWNERS } from '../../encoder/columns.js';
import * as row from '../../row/layout.generated.js';
import { AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from '../../row/protocol.js';
import type { LookedOwners, SocketOwner } from '../../sources/source.js';
import type { FlowStore, StoreListener } from '../../store/flow-store.js';
import { NO_OWNER } from './owner-table.js';

/** Connections that wait for a look at most, and of one look. */
const MOST_WAITING = 65_536;
/** Milliseconds after which those of NEW events are looked for. */
const DELAY_MS = 10;
/** So that looks for those take 5 % of a core at most: the next one waits so many times as long as the last one worked. */
const REST = 19;
const ZONES = row.HAS_ORIG_ZONE | row.HAS_REPLY_ZONE;

/** A flow, and which use of its slot it is: another flow in it has another number. */
interface Waiting {
  readonly slot: number;
  readonly use: number;
}

export interface WaitingHooks {
  /** @param at word of an address */
  isLocal(at: number, v6: boolean): boolean;
  inZone(): void;
  overflow(): void;
  look(slots: Uint32Array): Promise<LookedOwners | undefined>;
  number(owner: SocketOwner): number;
}

/** Flows of a store whose owners are not known yet. Sockets are read where there are any, and only then. */
export class WaitingFlows implements StoreListener {
  readonly #store: FlowStore;
  readonly #owners: Uint32Array;
  readonly #hooks: WaitingHooks;
  /** Of each slot. */
  readonly #uses: Uint32Array;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  /** A dump is under way: those that it shows are looked for together. */
  #dumping = false;
  /** A dump is over, and what it has shown waits. */
  #due = false;
  /** Monotonic milliseconds. */
  #notBefore = 0;

  constructor(store: FlowStore, owners: Uint32Array, hooks: WaitingHooks) {
    this.#store = store;
    this.#owners = owners;
    this.#hooks = hooks;
    this.#uses = new Uint32Array(store.table.capacity);
  }

  beforeDump(): void {
    this.#dumping = true;
  }

  /** Those that live shorter than another poll have no time to wait. */
  afterDump(): void {
    this.#dumping = false;
    this.#due = true;
    if (!this.#looking) this.#begin();
  }

  added(slot: number): void {
    this.#uses[slot]++;
    this.#owners.fill(NO_OWNER, slot * FLOW_OWNERS, (slot + 1) * FLOW_OWNERS);
    if (!this.#isHere(slot)) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#hooks.overflow();
      return;
    }
    this.#waiting.push({ slot, use: this.#uses[slot] });
    if (!this.#dumping) this.#schedule();
  }

  gone(slot: number): void {
    this.#uses[slot]++;
  }

  evicted(slot: number): void {
    this.#uses[slot]++;
  }

  cleared(): void {
    this.#waiting = [];
  }

  #isHere(slot: number): boolean {
    const { rows, bytes } = this.#store.table;
    const at = slot * row.ROW_WORDS;
    const protocol = bytes[at * 4 + row.PROTOCOL];
    if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return false;
    const v6 = bytes[at * 4 + row.FAMILY] === AF_INET6;
    const { isLocal } = this.#hooks;
    if (!isLocal(at + row.ORIG_SRC_WORD, v6) && !isLocal(at + row.REPLY_SRC_WORD, v6)) return false;
    const zones = row.ORIG_ZONE >> 2;
    if (!(rows[at + row.PRESENT_WORD] & ZONES) || rows[at + zones] === 0) return true;
    this.#hooks.inZone();
    return false;
  }

  #schedule(): void {
    if (this.#timer || this.#looking) return;
    const wait = Math.max(DELAY_MS, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => this.#begin(), wait).unref();
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    this.#looking = true;
    void this.#lookAll().finally(() => {
      this.#looking = false;
      if (this.#due) this.#begin();
      else if (this.#waiting.length > 0 && !this.#dumping) this.#schedule();
    });
  }

  async #lookAll(): Promise<void> {
    const still = ({ slot, use }: Waiting): boolean => this.#uses[slot] === use;
    const flows = this.#waiting.filter(still);
    this.#waiting = [];
    if (flows.length === 0) return;
    const looked = await this.#hooks.look(Uint32Array.from(flows, ({ slot }) => slot));
    if (!looked) return;
    this.#notBefore = performance.now() + REST * looked.cpu;
    const numbers = new Map<number, number>();
    for (const [i, flow] of flows.entries()) {
      if (!still(flow)) continue;
      for (let side = 0; side < FLOW_OWNERS; side++) {
        const found = looked.found[i * FLOW_OWNERS + side];
        if (found === 0) continue;
        const known = numbers.get(found) ?? this.#hooks.number(looked.owners[found - 1]);
        numbers.set(found, known);
        this.#owners[flow.slot * FLOW_OWNERS + side] = known;
      }
    }
  }
}
