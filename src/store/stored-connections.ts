import { ConnectionTable, GONE, type SharedRoom } from './connection-table.js';
import { LACK_OF_RESOURCES, reasonWhenGone } from './end-reason.js';
import { type ConnectionFilter, filterWords, markAndStatusMatch } from '../row/filter.js';
import { MOVED } from './flow-store.js';
import { FlowListeners } from './flow-listeners.js';
import * as row from '../row/layout.generated.js';
import { KeptOut } from './kept-out.js';
import { PollHistory, type Moment } from './poll-history.js';
import { TupleIndex } from './tuple-index.js';
import { newUnexported, type Unexported } from './unexported.js';
import { RowPair } from '../row/row-pair.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  HAS_LABELS,
  HAS_TIMEOUT,
  LABELS_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  PROTOCOL,
  ROW_WORDS,
  STATE,
  STATUS_WORD,
  TIMEOUT_WORD,
} = row;

/** Words of the labels of a connection. */
export const LABEL_WORDS = 4;

export interface StoreOptions {
  /** Hard limit on connections. */
  maxConnections: number;
  /** Slots beside them for ended connections that wait for their last report; absent for none. */
  endedRoom?: number | undefined;
  /** What stores may hold together of open connections. */
  room?: SharedRoom | undefined;
  /**
   * What the first delta of a connection holds that was there before the exporter: nothing of its past (`baseline`, nothing
   * is counted twice after a restart), or all of it (`total`).
   */
  firstSight: 'baseline' | 'total';
  /** When the exporter began. */
  born: Moment;
  /** Which connections are stored, by mark and status; all where absent. One that is stored stays, whatever they become. */
  filter?: ConnectionFilter | undefined;
}

/** What earlier runs exported of the connection whose row begins at word `from`. */
export interface EarlierExports {
  /** Whether they exported it, and not its end. */
  isOpen(row: Uint32Array, from: number): boolean;
  /** The four counters, eight words; zero where nothing was exported, undefined where it is not known. */
  exported(row: Uint32Array, from: number): Uint32Array | undefined;
}

export interface StoreCounts {
  /** Connections ever stored. */
  added: number;
  /** Tuples found reopened by another connection. */
  reopened: number;
  counterResets: number;
  /** Evicted for a newer one at the limit. */
  evicted: number;
  /** Connections refused at the limit, each once while it is kept out. */
  refused: number;
  /** Connections whose last counters came from their DESTROY event. */
  destroyed: number;
  /** Of those, connections that no poll had seen. */
  unseen: number;
  /** Connections of `added` that were there before the exporter. */
  earlier: number;
  /** Connections that were ended without their event, though events are received. */
  eventless: number;
  /** Rows of polls and events left out by mark or status. */
  filtered: number;
  /** Rows of polls and events of the exporter's own connections to its collectors, each time. */
  own: number;
  /**
   * DESTROY events that came again, or are of a later connection that nothing else has shown: their start is not known, or more
   * ends came since than are remembered. They are not exported.
   */
  readonly ambiguous: Unexported;
  /** DESTROY events that came again: another listener's buffer was full. */
  repeated: number;
  /** Of those, connections whose event came afterwards, and what they had counted since the last poll: that is lost. */
  readonly late: Unexported;
}

export function noCounts(): StoreCounts {
  return {
    added: 0,
    reopened: 0,
    counterResets: 0,
    evicted: 0,
    refused: 0,
    destroyed: 0,
    unseen: 0,
    earlier: 0,
    eventless: 0,
    filtered: 0,
    own: 0,
    repeated: 0,
    ambiguous: newUnexported(),
    late: newUnexported(),
  };
}

/**
 * The connections of a store by slot: how one is admitted, evicted at the limit, forgotten, and found by its tuple.
 */
export class StoredConnections {
  readonly table: ConnectionTable;
  readonly index: TupleIndex;
  readonly listeners: FlowListeners;
  readonly counts = noCounts();
  readonly polls: PollHistory;
  readonly keptOut: KeptOut;
  readonly #baseline: boolean;
  readonly #filter: Uint32Array | undefined;
  #back: { readonly since: number; readonly poll: number } | undefined;
  /** Whether a connection is one of this exporter to its collectors. */
  isOwn: ((row: Uint32Array, from: number) => boolean) | undefined;
  earlier: EarlierExports | undefined;
  /** The first connection whose counters were set to zero since somebody asked. */
  zeroed: RowPair | undefined;
  /** Labels by slot, four words each, where somebody wants them: a stored row has no room for them. */
  labels: Uint32Array | undefined;

  constructor({ maxConnections, endedRoom, room, firstSight, born, filter }: StoreOptions) {
    this.#filter = filter && (filter.mark ?? filter.status) ? filterWords(filter) : undefined;
    this.table = new ConnectionTable(maxConnections, endedRoom, room);
    this.index = new TupleIndex(this.table.rows, maxConnections);
    this.listeners = new FlowListeners(this.table);
    this.keptOut = new KeptOut(maxConnections, loss => this.listeners.lost(loss));
    this.#baseline = firstSight === 'baseline';
    this.polls = new PollHistory(born);
  }

  /** The kernel's table was left at this time, its connections exported as ended, and is read again; undefined for another. */
  comeBack(since: number | undefined): void {
    this.#back = since === undefined ? undefined : { since, poll: this.polls.current };
  }

  /** Whether what a connection seen for the first time has counted was reported, or is taken as older than the exporter. */
  isFromBefore(start: number | undefined): boolean {
    if (this.#back && (start === undefined ? this.polls.complete <= this.#back.poll : start < this.#back.since))
      return true;
    return this.keptOut.mayHave(start) || (this.#baseline && this.polls.fromBefore(start));
  }

  /** Whether the row at word `from`, of a connection that is not stored, is left out by its mark or status; it is counted. */
  isLeftOut(u32: Uint32Array, from: number): boolean {
    if (this.isOwn?.(u32, from)) {
      this.counts.own++;
      return true;
    }
    if (!this.#filter || markAndStatusMatch(u32, from, this.#filter)) return false;
    // one that is kept out matched when it came, and was exported or is counted
    if (this.earlier?.isOpen(u32, from) || this.keptOut.find(u32, from) >= 0) return false;
    this.counts.filtered++;
    return true;
  }

  /**
   * A slot with a copy of the row at word `from`, not yet in the index; listeners do not know it yet.
   * @param start milliseconds since 1970; @param mayBeRefused it may have been evicted or refused before
   * @param ended it is over, and waits for its last report alone
   * @returns -1 where the limit leaves no room
   */
  admit(u32: Uint32Array, from: number, start: number, mayBeRefused: boolean, at: Moment, ended = false): number {
    const full = ended ? this.table.fullOfEnded : this.table.full;
    if (full && !this.#makeRoom(mayBeRefused, at)) return -1;
    const slot = this.table.allocate(u32, from);
    this.listeners.acquire(slot);
    this.table.setStartMs(slot, Math.min(start, at.wall));
    this.table.setChangedAt(slot, at.monotonic);
    this.counts.added++;
    if (this.labels) this.takeLabels(slot, u32, from);
    return slot;
  }

  /** Labels may be set with any packet. */
  takeLabels(slot: number, u32: Uint32Array, from: number): void {
    const known = (u32[from + PRESENT_WORD] & HAS_LABELS) !== 0;
    for (let word = 0; word < LABEL_WORDS; word++)
      this.labels![slot * LABEL_WORDS + word] = known ? u32[from + LABELS_WORD + word] : 0;
  }

  /**
   * Listeners learn of an admitted connection.
   * @param kept its entry among those kept out, -1 for none; @param before as of StoreListener.added
   */
  announce(slot: number, kept: number, before: boolean): void {
    const { rows } = this.table;
    if (kept < 0) this.listeners.added(slot, before);
    else this.returned(slot, this.keptOut.take(kept, rows, slot * ROW_WORDS));
  }

  /** Listeners learn of an admitted connection of which these counters count as exported, eight words. */
  returned(slot: number, exported: Uint32Array): void {
    const { rows } = this.table;
    const at = slot * ROW_WORDS + ORIG_PACKETS_WORD;
    const none = exported.every(word => word === 0);
    const counters = rows.slice(at, at + exported.length);
    rows.set(exported, at);
    this.listeners.added(slot, !none);
    rows.set(counters, at);
    this.listeners.changed(slot, MOVED);
  }

  /** There was no room for the connection of this row. @param kept, before as of {@link announce} */
  refuse(kept: number, u32: Uint32Array, from: number, before: boolean): void {
    const exported = kept < 0 && before ? this.earlier?.exported(u32, from) : undefined;
    if (this.keptOut.refuse(kept, u32, from, before, this.polls.current, exported)) this.counts.refused++;
  }

  /** An admitted connection is open: its tuple finds it. */
  open(slot: number): void {
    this.index.insert(slot);
    this.table.byChange.push(slot);
  }

  /** A counter was seen to move. */
  moved(slot: number, at: Moment): void {
    this.table.setChangedAt(slot, at.monotonic);
    this.table.byChange.push(slot);
  }

  /** Its counters were set to zero in the kernel, as the row at word `from` shows; the stored row still holds the old ones. */
  countersReset(slot: number, u32: Uint32Array, from: number): void {
    this.foundZeroed(this.table.rows, slot * ROW_WORDS, u32, from);
    this.listeners.countersReset(slot);
    this.table.keepZeroed(slot);
  }

  /** Counts a connection whose counters are lower than they were; parameters as of RowPair. */
  foundZeroed(was: Uint32Array, to: number, is: Uint32Array, from: number): void {
    this.counts.counterResets++;
    this.zeroed ??= new RowPair(was, to, is, from);
  }

  /** Its tuple no longer finds it, and what is left is its last report. */
  forget(slot: number, at: Moment): void {
    this.index.remove(slot);
    this.table.byChange.remove(slot);
    this.table.flags[slot] |= GONE;
    this.table.setChangedAt(slot, at.monotonic);
  }

  clear(): void {
    this.listeners.cleared();
    this.table.clear();
    this.index.clear();
    this.keptOut.clear();
    this.polls.clear();
    Object.assign(this.counts, noCounts());
  }

  /** The reason of an end that is judged by what the last poll saw. */
  reasonGone(slot: number, at: Moment, reopened: boolean): number {
    const to = slot * ROW_WORDS;
    const { rows, bytes, seenIn } = this.table;
    const seen = this.polls.when(seenIn[slot]);
    // a recording is played at another pace than it was made: its own clock counts
    const elapsed = Math.max(at.monotonic - seen.monotonic, at.wall - seen.wall) / 1000;
    const protocol = bytes[to * 4 + PROTOCOL];
    return reasonWhenGone(
      protocol,
      rows[to + PRESENT_WORD],
      bytes[to * 4 + STATE],
      rows[to + STATUS_WORD],
      rows[to + PRESENT_WORD] & HAS_TIMEOUT ? rows[to + TIMEOUT_WORD] : undefined,
      elapsed,
      // a new connection takes the tuple of a closed one at once
      reopened ? 0 : this.polls.timeouts?.linger(protocol),
    );
  }

  /**
   * Evicts the oldest idle connection, unless the newcomer may be evicted before (they would take turns for ever) or every
   * connection has moved in this poll.
   */
  #makeRoom(newcomerRefused: boolean, at: Moment): boolean {
    const victim = this.table.byChange.head;
    if (newcomerRefused || victim < 0 || this.table.changedAt(victim) >= this.polls.at.monotonic) return false;
    this.counts.evicted++;
    this.keptOut.evict(this.table.rows, victim * ROW_WORDS, this.polls.current);
    this.forget(victim, at);
    this.listeners.evicted(victim, LACK_OF_RESOURCES);
    return true;
  }
}
