import { NEWS_NONE } from '../../encoder/columns.js';
import { LAST } from '../../encoder/request.js';
import type { AggregateKey } from '../../ipfix/profile-aggregate.js';
import type { Flows } from '../../record/flows.js';
import type { SumRows } from '../../record/sum-row.js';
import { SumTable } from '../../record/sum-table.js';
import { ROW_SIZE, ROW_WORDS, STATE } from '../../row/layout.generated.js';
import { DueSlots } from '../../schedule/due-slots.js';
import { COUNTER_WORDS, COUNTERS_WORD } from '../../schedule/export-state.js';
import { ExportSchedule } from '../../schedule/export-schedule.js';
import type { ScheduleOptions } from '../../schedule/schedule-options.js';
import { MOST_SUMMED, MOST_SUMS_SENT, type DestinationJournal } from '../../state/destination-journal.js';
import { ENTRY_WORDS, HEAD_WORDS, type EntryBlock } from '../../state/entry-block.js';
import { ACTIVE_TIMEOUT } from '../../store/end-reason.js';
import type { Batcher } from './batcher.js';
import { RecordSender } from './record-sender.js';
import type { Session } from '../session.js';

/** Sums that are dropped together: they fit into messages that are not sent. */
const DROPPED = 32;

export interface Aggregation {
  /** What connections are summed up by. */
  readonly keys: readonly AggregateKey[];
  /** From one export of the sums to the next, milliseconds. */
  readonly interval: number;
  /** Keys at most; what finds no room is summed up in a remainder. */
  readonly limit: number;
}

/** What a destination that aggregates tells. */
export interface AggregationStats {
  /** Keys now. */
  readonly keys: number;
  /** Deltas of connections that went into the remainder. */
  readonly overflowed: number;
}

/**
 * Connections that are due become no records but are added to sums by their keys, and these become records at the end of an
 * interval. What is in a sum counts as exported; a journal has the sums too.
 */
export class SumBatcher implements Batcher {
  readonly schedule: ExportSchedule;
  readonly ended = 0;
  readonly #now: () => number;
  readonly #flows: Flows;
  readonly #interval: number;
  readonly #session: Session;
  readonly #journal: DestinationJournal | undefined;
  readonly #sums: SumTable;
  readonly #sender: RecordSender;
  readonly #due = new DueSlots();
  /** Sums that were changed since the journal was written. */
  readonly #changed = new Uint32Array(MOST_SUMMED);
  #changes = 0;
  /** By sum: number of the write to the journal before which it was changed last. */
  readonly #changedIn: Float64Array;
  #writes = 1;
  /** Sums that are sent together. */
  readonly #slots = new Uint32Array(MOST_SUMS_SENT);
  readonly #reasons = new Uint8Array(MOST_SUMS_SENT).fill(ACTIVE_TIMEOUT);
  readonly #entrySlots = new Uint32Array(MOST_SUMS_SENT);
  /** Sums of the interval that is over, and are to be sent. */
  #left = 0;
  /** When the interval is over, monotonic milliseconds. */
  #until: number;
  #ending = false;

  /** @param denied the flows are denied packets; @param journal where there is a state file; @param now monotonic milliseconds */
  constructor(
    flows: Flows,
    { aggregation, denied, ...options }: ScheduleOptions & { aggregation: Aggregation; denied: boolean },
    session: Session,
    journal?: DestinationJournal,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#flows = flows;
    this.#interval = aggregation.interval;
    this.#session = session;
    this.#journal = journal;
    this.#until = this.#endOfInterval();
    this.schedule = new ExportSchedule(flows.store, options, now, this.#evict, journal);
    this.#sums = new SumTable(aggregation.keys, aggregation.limit, denied);
    this.#changedIn = new Float64Array(aggregation.limit + 1);
    const { columns, exported } = this.#sums;
    this.#sender = new RecordSender(
      session,
      { columns, exported, zeroDeltas: false },
      journal && {
        number: journal.number,
        sending: (entries, sent) => this.#sending(journal, entries, sent),
        sent: sent => journal.sent(sent),
      },
    );
    if (journal) this.#load(journal);
  }

  get stats(): AggregationStats {
    return { keys: this.#sums.keys, overflowed: this.#sums.overflowed };
  }

  get left(): number {
    return this.schedule.countLeft() + this.#sums.size;
  }

  take(budget: number): boolean {
    const now = this.#now();
    const due = this.#due;
    for (let looked = 0; looked < budget; looked += due.count) {
      this.schedule.due(now, due, Math.min(MOST_SUMMED, budget - looked), Number.POSITIVE_INFINITY);
      if (due.count === 0) break;
      for (let i = 0; i < due.count; i++) if (due.reasons[i] !== 0) this.#add(due.slots[i], due.reasons[i]);
      this.#write();
      for (let i = 0; i < due.count; i++) this.schedule.done(due.slots[i], due.why[i], due.reasons[i] !== 0, now);
    }
    return this.schedule.hasDue(now);
  }

  export(_budget: number, most = Number.POSITIVE_INFINITY): boolean {
    if (this.#left === 0 && this.#isOver(this.#now())) {
      // at the end, what is still to be summed up comes first
      if (this.#ending && this.schedule.hasDue(this.#now())) return true;
      this.#left = this.#sums.size;
      this.#until = this.#endOfInterval();
    }
    const copies = this.#session.profile.uniflows ? 2 : 1;
    while (this.#left > 0 && this.#session.ready && most >= copies) {
      const count = this.#sums.first(this.#slots, Math.min(MOST_SUMS_SENT, this.#left, Math.floor(most / copies)));
      const sent = this.#sender.encode(this.#slots, this.#reasons, count);
      this.#sender.closeAll();
      for (let i = 0; i < sent; i++) this.#sums.remove(this.#slots[i]);
      this.#left -= sent;
      most -= sent * copies;
      if (sent < count) break;
    }
    return this.#left > 0;
  }

  *countDue(now: number, slice: number): Generator<undefined, number> {
    if (this.#ending) return this.#sums.size + (yield* this.schedule.countDue(now, slice));
    return this.#isOver(now) ? this.#sums.size : this.#left;
  }

  nextDeadline(connected: boolean): number {
    const sums = !connected || this.#sums.size === 0 ? Number.POSITIVE_INFINITY : this.#left > 0 ? 0 : this.#until;
    return Math.min(this.schedule.nextDeadline(), sums);
  }

  /** The interval is over, too. */
  flush(): number {
    this.#until = this.#now();
    return this.schedule.flush();
  }

  endAll(): void {
    this.#ending = true;
    this.schedule.endAll();
  }

  drop(): number {
    let dropped = this.#sender.drop();
    while (this.#sums.size > 0) {
      const count = this.#sums.first(this.#slots, DROPPED);
      const done = this.#sender.encode(this.#slots, this.#reasons, count);
      dropped += this.#sender.drop();
      for (let i = 0; i < done; i++) this.#sums.remove(this.#slots[i]);
    }
    return dropped;
  }

  readonly #evict = (slot: number, reason: number): boolean => {
    this.#add(slot, reason | LAST);
    this.#write();
    return true;
  };

  #isOver(now: number): boolean {
    return this.#sums.size > 0 && (this.#ending || now >= this.#until);
  }

  #endOfInterval(): number {
    return (Math.floor(this.#now() / this.#interval) + 1) * this.#interval;
  }

  /** The connection's deltas are in a sum; its row as it is now has been exported. @param reason with LAST */
  #add(slot: number, reason: number): void {
    const { table } = this.#flows.store;
    const { slots } = this.schedule;
    const sum = this.#sums.add(table, slots, slot);
    const row = slot * ROW_WORDS;
    const to = slots.countersAt(slot);
    for (let word = 0; word < COUNTER_WORDS; word++) slots.words[to + word] = table.rows[row + COUNTERS_WORD + word];
    const state = table.bytes[slot * ROW_SIZE + STATE];
    slots.setLast(slot, reason & ~LAST, state);
    slots.setNews(slot, NEWS_NONE);
    if (!this.#journal) return;
    this.#journal.summing(table.rows, row, reason & ~LAST, state, (reason & LAST) !== 0);
    this.#change(sum);
  }

  #change(sum: number): void {
    if (this.#changedIn[sum] === this.#writes) return;
    this.#changedIn[sum] = this.#writes;
    this.#changed[this.#changes++] = sum;
  }

  #write(): void {
    if (this.#changes > 0) this.#journal?.summed(this.#sums.rows.words, this.#changed, this.#changes);
    this.#changes = 0;
    this.#writes++;
  }

  /** Entries say by their first word which sums they are about, in the order of the records. */
  #sending(journal: DestinationJournal, entries: EntryBlock, sent: number): void {
    const { count, words } = entries;
    for (let i = 0; i < count; i++) this.#entrySlots[i] = words[HEAD_WORDS + i * ENTRY_WORDS];
    entries.count = 0;
    journal.sendingSums(this.#sums.rows.words, this.#entrySlots, count, sent);
  }

  /** Sums that an earlier run has not sent. */
  #load(journal: DestinationJournal): void {
    const moved: SumRows[] = [];
    for (const sum of journal.takeSums()) {
      const { slot, same } = this.#sums.load(sum, 0);
      if (same) continue;
      this.#change(slot);
      moved.push(sum);
      // as many as a block holds, with those that they were added to
      if (moved.length * 2 < MOST_SUMMED) continue;
      this.#writeMoved(journal, moved.splice(0));
    }
    this.#writeMoved(journal, moved);
  }

  #writeMoved(journal: DestinationJournal, moved: readonly SumRows[]): void {
    if (moved.length > 0) journal.summed(this.#sums.rows.words, this.#changed, this.#changes, moved);
    this.#changes = 0;
    this.#writes++;
  }
}
