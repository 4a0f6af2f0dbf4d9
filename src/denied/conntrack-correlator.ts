import type { Batch } from '../row/batch.js';
import { GONE, IN_USE, type ConnectionTable } from '../store/connection-table.js';
import type { AnnotatedStore, StoreListener } from '../store/flow-store.js';
import {
  HAS_START,
  ORIG_OCTETS_WORD,
  PRESENT_WORD,
  ROW_WORDS,
  RULE_WORD,
  START_NS_WORD,
  STATE,
  TCP_FLAGS,
} from '../row/layout.generated.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { Moment } from '../store/poll-history.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';
import type { DeniedRules } from './denied-rules.js';
import type { DenyStore } from './deny-store.js';
import { hashEndpoints, mayBeTracked, rowsOf, sameEndpoints, VIEWS, viewsOf, type Rows } from './endpoints.js';
import { isWithin, lifetimeOf, type Lifetime } from './lifetime.js';
import type { PendingPacket } from './pending-packets.js';
import { RecentlyClosed } from './recently-closed.js';

/** Connections, or flows, looked at before the event loop gets its turn. */
const SLICE = 16_384;

export interface MatchCounts {
  /** Packets that a connection has counted: exported with it and not apart. */
  matched: number;
  /** Of those, packets that came after the last record of their connection: no record has their rule. */
  matchedLate: number;
  /** Packets without room to wait, exported apart; a connection may have counted them too. */
  overflow: number;
  /** Packets and octets that are exported nowhere: no room in the store. */
  refusedPackets: number;
  refusedOctets: number;
}

/**
 * Makes one record, not two, of a denied packet that conntrack has counted too. NFLOG carries no conntrack id and comes
 * before the poll: a packet is pending until the next whole poll that began after it, or the end of its connection. A
 * connection with its endpoints, in whatever state of NAT, that was there at its time has counted it, and gets the
 * rule; otherwise the packet is counted in the deny store.
 */
export class ConntrackCorrelator implements PollHook, StoreListener {
  readonly counts: MatchCounts = { matched: 0, matchedLate: 0, overflow: 0, refusedPackets: 0, refusedOctets: 0 };
  readonly #rules: DeniedRules;
  readonly #denied: DenyStore;
  readonly #store: AnnotatedStore;
  readonly #connections: ConnectionTable;
  readonly #connectionRows: Rows;
  /** Id of the rule that denied a packet of a connection, by slot; 0 for none. */
  readonly ruleOf: Uint16Array;
  readonly #closed: RecentlyClosed;
  /** Of the views of the connection that is looked at. */
  readonly #hashes: number[] = [];
  readonly #now: () => Moment;
  /** Polls that have begun. */
  #polls = 0;

  constructor(connections: AnnotatedStore, denied: DenyStore, rules: DeniedRules, now: () => Moment) {
    const { table } = connections;
    this.#store = connections;
    this.#rules = rules;
    this.#denied = denied;
    this.#connections = table;
    this.#connectionRows = rowsOf(table);
    this.ruleOf = new Uint16Array(table.capacity);
    this.#closed = new RecentlyClosed(table);
    this.#now = now;
    connections.subscribe(this);
  }

  /** The rules of connections that are stored. */
  eachRule(keep: (id: number) => void): void {
    const { flags, top } = this.#connections;
    for (let slot = 0; slot < top; slot++) if (flags[slot] & IN_USE && this.ruleOf[slot] !== 0) keep(this.ruleOf[slot]);
  }

  /** Rows of EVENT_DENIED. */
  packets(batch: Batch): void {
    const { u32, bytes } = batch;
    const now = this.#now().monotonic;
    for (let row = 0; row < batch.count; row++) {
      const from = row * ROW_WORDS;
      const time = nanosecondsToMilliseconds(u32[from + START_NS_WORD], u32[from + START_NS_WORD + 1]);
      const timed = (u32[from + PRESENT_WORD] & HAS_START) !== 0;
      const tracked = mayBeTracked(batch, row);
      const connection = tracked ? this.#closed.find(batch, row, time, timed) : undefined;
      if (connection !== undefined) {
        this.counts.matched++;
        if (connection < 0) this.counts.matchedLate++;
        else this.ruleOf[connection] = this.#rules.idOf(u32[from + RULE_WORD], bytes[from * 4 + STATE]);
        continue;
      }
      const octets = u32[from + ORIG_OCTETS_WORD];
      const flow = this.#denied.slotOf(u32, from, now);
      if (flow < 0) {
        this.counts.refusedPackets++;
        this.counts.refusedOctets += octets;
        continue;
      }
      const at = flow * ROW_WORDS;
      const { rows: flows, bytes: flowBytes } = this.#denied.table;
      this.#denied.ruleOf[flow] = this.#rules.idOf(flows[at + RULE_WORD], flowBytes[at * 4 + STATE]);
      this.#denied.takeTcpFlags(flow, bytes[from * 4 + TCP_FLAGS]);
      if (tracked) {
        if (this.#denied.addPending(flow, { time, timed, octets, polls: this.#polls })) continue;
        this.counts.overflow++;
      }
      this.#denied.count(flow, 1, octets, time, time, now);
    }
  }

  beforeDump(): void {
    this.#polls++;
  }

  /** Packets that no connection of the poll has counted are counted apart. */
  async afterPoll(complete: boolean): Promise<void> {
    if (!complete || this.#denied.pending.count === 0) return;
    const polls = this.#polls;
    for (let from = 0; from < this.#connections.top; from += SLICE) {
      this.#matchOpen(from, Math.min(from + SLICE, this.#connections.top));
      await new Promise(resolve => setImmediate(resolve));
    }
    await this.#countPending(packet => packet.polls < polls);
  }

  /** All pending packets are counted apart. */
  drain(): Promise<void> {
    return this.#countPending(() => true);
  }

  added(slot: number): void {
    this.ruleOf[slot] = 0;
  }

  gone(slot: number): void {
    const goneAt = this.#now().wall;
    this.#hashAll(slot);
    this.#closed.add(slot, this.#hashes, goneAt);
    this.#match(slot, lifetimeOf(this.#connections, slot, goneAt));
  }

  evicted(slot: number): void {
    this.#hashAll(slot);
    this.#match(slot, lifetimeOf(this.#connections, slot, this.#now().wall));
  }

  cleared(): void {
    this.ruleOf.fill(0);
    this.#closed.clear();
  }

  /** Compares the pending packets with the connections in these slots that the kernel has. */
  #matchOpen(from: number, to: number): void {
    const { flags } = this.#connections;
    for (let slot = from; slot < to && this.#denied.pending.count > 0; slot++) {
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
    const { byEndpoints } = this.#denied.pending;
    if (byEndpoints.count === 0) return;
    let within = lifetime;
    for (let view = 0; view < this.#hashes.length; view++) {
      const hash = this.#hashes[view];
      for (let flow = byEndpoints.first(hash); flow >= 0;) {
        const after = byEndpoints.after(flow);
        if (sameEndpoints(this.#denied.rows, flow, this.#connectionRows, slot, VIEWS[view])) {
          within ??= lifetimeOf(this.#connections, slot, undefined);
          this.#matchFlow(slot, within, flow);
        }
        flow = after;
      }
    }
  }

  /** Drops the packets of a flow that the connection has counted. */
  #matchFlow(slot: number, lifetime: Lifetime, flow: number): void {
    const rule = this.#denied.ruleOf[flow];
    const matched = this.#denied.dropPending(flow, packet => isWithin(lifetime, packet.time, packet.timed));
    if (matched === 0) return;
    this.counts.matched += matched;
    if (this.ruleOf[slot] === rule) return;
    this.ruleOf[slot] = rule;
    // a record may have had the packet already, and not the rule
    this.#store.annotated(slot);
  }

  async #countPending(due: (packet: PendingPacket) => boolean): Promise<void> {
    const { flows } = this.#denied.pending;
    let looked = 0;
    for (let flow = flows.head; flow >= 0;) {
      const after = flows.after(flow);
      this.#denied.countPending(flow, due, this.#now().monotonic);
      flow = after;
      if (++looked % SLICE !== 0 || flow < 0) continue;
      await new Promise(resolve => setImmediate(resolve));
      // it may have gone meanwhile: those before it have been looked at, or wait for the next poll
      if (!flows.has(flow)) flow = flows.head;
    }
  }
}
