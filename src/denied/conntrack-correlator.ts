import type { Batch } from '../row/batch.js';
import { GONE, IN_USE, type ConnectionTable } from '../store/connection-table.js';
import { ROW_WORDS } from '../row/batch.js';
import type { FlowStore, StoreListener } from '../store/flow-store.js';
import { HAS_START, ORIG_OCTETS, PRESENT, RULE, START_NS, STATE } from '../row/layout.generated.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { Moment } from '../store/poll-history.js';
import { SlotList } from '../store/slot-list.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';
import type { DeniedRules } from './denied-rules.js';
import type { DenyStore } from './deny-store.js';
import { hashEndpoints, mayBeTracked, sameEndpoints, VIEWS, viewsOf, type Rows } from './endpoints.js';
import { HashChains } from './hash-chains.js';
import { HeldPackets, type HeldPacket } from './held-packets.js';
import { isWithin, lifetimeOf, type Lifetime } from './lifetime.js';
import { RecentEnds } from './recent-ends.js';

/** Packets that can wait at most, 21 bytes each. */
const MOST_HELD = 1 << 19;
/** Connections, or flows, looked at before the event loop gets its turn. */
const SLICE = 16_384;

export interface MatchCounts {
  /** Packets that a connection has counted: they are told with it and not apart. */
  matched: number;
  /** Of those, packets that came when the last record of their connection was out: none says that it was denied. */
  matchedLate: number;
  /** Packets that found no room to wait and are told apart; a connection may have counted them too. */
  overflow: number;
  /** Packets and octets that are told nowhere: no room in the store. */
  refusedPackets: number;
  refusedOctets: number;
}

/**
 * Makes one record, not two, of a denied packet that conntrack has counted too. NFLOG carries no conntrack id and comes before
 * the poll: a packet waits until the next whole poll that began after it has come, or the end of its connection. A connection with
 * its ends, in whatever state of NAT, that was there at its time has counted it, and gets the rule; otherwise the packet goes
 * to the deny store.
 */
export class DenyMatcher implements PollHook, StoreListener {
  readonly counts: MatchCounts = { matched: 0, matchedLate: 0, overflow: 0, refusedPackets: 0, refusedOctets: 0 };
  readonly #rules: DeniedRules;
  readonly #denied: DenyStore;
  readonly #deniedRows: Rows;
  readonly #connections: ConnectionTable;
  readonly #connectionRows: Rows;
  /** The rule that denied a packet of a connection, 0 for none. */
  readonly #ruleOf: Uint16Array;
  readonly #held: HeldPackets;
  /** Flows with packets that wait, by the hash of their ends. */
  readonly #byEnds: HashChains;
  /** The same flows. */
  readonly #waiting: SlotList;
  readonly #ends: RecentEnds;
  /** Of the views of the connection that is looked at. */
  readonly #hashes: number[] = [];
  readonly #now: () => Moment;
  /** Polls that have begun. */
  #polls = 0;

  constructor(connections: FlowStore, denied: DenyStore, rules: DeniedRules, now: () => Moment) {
    const { table } = connections;
    this.#rules = rules;
    this.#denied = denied;
    this.#deniedRows = rowsOf(denied.table);
    this.#connections = table;
    this.#connectionRows = rowsOf(table);
    this.#ruleOf = new Uint16Array(table.capacity);
    this.#held = new HeldPackets(denied.table.capacity, MOST_HELD);
    this.#byEnds = new HashChains(denied.table.capacity);
    this.#waiting = SlotList.of(denied.table.capacity);
    this.#ends = new RecentEnds(table);
    this.#now = now;
    connections.subscribe(this);
  }

  /** The rule that denied a packet of this connection, 0 for none. */
  readonly ruleOfConnection = (slot: number): number => this.#ruleOf[slot];

  /** Packets that wait. */
  get held(): number {
    return this.#held.count;
  }

  /** Whether packets of a denied flow wait. */
  readonly waits = (flow: number): boolean => this.#held.has(flow);

  /** Rows of EVENT_DENIED. */
  packets(batch: Batch): void {
    const { u32, bytes } = batch;
    for (let row = 0; row < batch.count; row++) {
      const from = row * ROW_WORDS;
      const time = nanosecondsToMilliseconds(u32[from + (START_NS >> 2)], u32[from + (START_NS >> 2) + 1]);
      const timed = (u32[from + (PRESENT >> 2)] & HAS_START) !== 0;
      const tracked = mayBeTracked(batch, row);
      const connection = tracked ? this.#ends.find(batch, row, time, timed) : undefined;
      if (connection !== undefined) {
        this.counts.matched++;
        if (connection < 0) this.counts.matchedLate++;
        else this.#ruleOf[connection] = this.#rules.idOf(u32[from + (RULE >> 2)], bytes[from * 4 + STATE]);
        continue;
      }
      const octets = u32[from + (ORIG_OCTETS >> 2)];
      const flow = this.#denied.reserve(u32, from);
      if (flow < 0) {
        this.counts.refusedPackets++;
        this.counts.refusedOctets += octets;
      } else if (!tracked) this.#count(flow, 1, octets, time, time);
      else this.#hold(flow, { time, timed, octets, polls: this.#polls });
    }
  }

  beforeDump(): void {
    this.#polls++;
  }

  /** What the connections that the poll has shown did not count is denied alone. */
  async afterPoll(complete: boolean): Promise<void> {
    if (!complete || this.#held.count === 0) return;
    const polls = this.#polls;
    for (let from = 0; from < this.#connections.top; from += SLICE) {
      this.#matchOpen(from, Math.min(from + SLICE, this.#connections.top));
      await new Promise(resolve => setImmediate(resolve));
    }
    await this.#settle(packet => packet.polls < polls);
  }

  /** What still waits is denied alone. */
  settleAll(): Promise<void> {
    return this.#settle(() => true);
  }

  /** A flow has to go: what of it waits is counted without waiting on. */
  readonly settleFlow = (flow: number): void => {
    if (!this.#held.has(flow)) return;
    this.#take(flow, () => true, true);
  };

  added(slot: number): void {
    this.#ruleOf[slot] = 0;
  }

  changed(): void {}

  gone(slot: number): void {
    const goneAt = this.#now().wall;
    this.#hashAll(slot);
    this.#ends.add(slot, this.#hashes, goneAt);
    this.#match(slot, lifetimeOf(this.#connections, slot, goneAt));
  }

  evicted(slot: number): void {
    this.#hashAll(slot);
    this.#match(slot, lifetimeOf(this.#connections, slot, this.#now().wall));
  }

  cleared(): void {
    this.#ruleOf.fill(0);
    this.#ends.clear();
  }

  #hold(flow: number, packet: HeldPacket): void {
    const first = !this.#held.has(flow);
    if (!this.#held.hold(flow, packet)) {
      this.counts.overflow++;
      this.#count(flow, 1, packet.octets, packet.time, packet.time);
      return;
    }
    if (!first) return;
    this.#byEnds.add(flow, hashEndpoints(this.#deniedRows, flow, VIEWS[0]));
    this.#waiting.push(flow);
  }

  #count(flow: number, packets: number, octets: number, first: number, last: number): void {
    this.#denied.count(flow, packets, octets, first, last, this.#now().monotonic);
  }

  /** Holds the packets that wait against the connections in these slots that the kernel has. */
  #matchOpen(from: number, to: number): void {
    const { flags } = this.#connections;
    for (let slot = from; slot < to && this.#byEnds.count > 0; slot++) {
      if ((flags[slot] & (IN_USE | GONE)) !== IN_USE) continue;
      this.#hashAll(slot);
      this.#match(slot, undefined);
    }
  }

  #hashAll(slot: number): void {
    const views = viewsOf(this.#connectionRows, slot);
    this.#hashes.length = views;
    for (let view = 0; view < views; view++) {
      this.#hashes[view] = hashEndpoints(this.#connectionRows, slot, VIEWS[view]);
    }
  }

  /** @param lifetime of the connection, where it is known already; its hashes are in place */
  #match(slot: number, lifetime: Lifetime | undefined): void {
    if (this.#byEnds.count === 0) return;
    let within = lifetime;
    for (let view = 0; view < this.#hashes.length; view++) {
      const hash = this.#hashes[view];
      for (let flow = this.#byEnds.first(hash); flow >= 0;) {
        const after = this.#byEnds.after(flow);
        if (sameEndpoints(this.#deniedRows, flow, this.#connectionRows, slot, VIEWS[view])) {
          within ??= lifetimeOf(this.#connections, slot, undefined);
          this.#matchFlow(slot, within, flow);
        }
        flow = after;
      }
    }
  }

  /** Takes the packets of a flow that the connection has counted. */
  #matchFlow(slot: number, lifetime: Lifetime, flow: number): void {
    const before = this.#held.count;
    this.#take(flow, packet => isWithin(lifetime, packet.time, packet.timed), false);
    const matched = before - this.#held.count;
    if (matched === 0) return;
    this.counts.matched += matched;
    const { u32, bytes } = this.#deniedRows;
    const at = flow * ROW_WORDS;
    this.#ruleOf[slot] = this.#rules.idOf(u32[at + (RULE >> 2)], bytes[at * 4 + STATE]);
    if (!this.#held.has(flow)) this.#denied.giveBack(flow);
  }

  async #settle(due: (packet: HeldPacket) => boolean): Promise<void> {
    let looked = 0;
    for (let flow = this.#waiting.head; flow >= 0;) {
      const after = this.#waiting.after(flow);
      this.#take(flow, due, true);
      flow = after;
      if (++looked % SLICE !== 0 || flow < 0) continue;
      await new Promise(resolve => setImmediate(resolve));
      // it may have gone meanwhile: those before it have been looked at, or wait for the next poll
      if (!this.#waiting.has(flow)) flow = this.#waiting.head;
    }
  }

  /** Takes packets of a flow that wait; what is counted is added to the flow. */
  #take(flow: number, wanted: (packet: HeldPacket) => boolean, counted: boolean): void {
    let [packets, octets, first, last] = [0, 0, Number.POSITIVE_INFINITY, 0];
    this.#held.take(flow, packet => {
      if (!wanted(packet)) return false;
      packets++;
      octets += packet.octets;
      first = Math.min(first, packet.time);
      last = Math.max(last, packet.time);
      return true;
    });
    if (!this.#held.has(flow)) {
      this.#byEnds.remove(flow);
      this.#waiting.remove(flow);
    }
    if (counted && packets > 0) this.#count(flow, packets, octets, first, last);
  }
}

function rowsOf({ rows, bytes }: ConnectionTable): Rows {
  return { u32: rows, bytes, u16: new Uint16Array(rows.buffer) };
}
