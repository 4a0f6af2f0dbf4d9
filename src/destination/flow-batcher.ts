import { Batch } from '../row/batch.js';
import { GONE } from '../store/connection-table.js';
import { ROW_WORDS } from '../row/batch.js';
import { ExportSchedule, type ScheduleOptions } from '../schedule/export-schedule.js';
import { appendRecord, renumberNames } from '../record/flow-record.js';
import type { Profile } from '../ipfix/profile.js';
import { REPLY_COUNTERS, REVERSED, shapeOf } from '../ipfix/shape.js';
import { RECORD_SIZE, STATE } from '../row/layout.generated.js';
import type { NameHolder } from '../record/name-table.js';
import type { Flows } from '../record/flows.js';
import type { DestinationMemory } from '../state/destination-memory.js';
import { EntryBlock } from '../state/entry-block.js';

/** Records that are gathered before they are encoded. */
const BATCH_RECORDS = 512;

/** Where records go. */
export interface RecordSink {
  readonly profile: Profile;
  /** The reply direction is a record of its own. */
  readonly uniflows: boolean;
  /** It takes records now. */
  readonly ready: boolean;
  /** Data records that it has taken in all. */
  readonly sent: number;
  send(shape: number, records: Batch): void;
}

/** Records of one shape that wait, and what is remembered of them when they are sent. */
interface Gathered {
  readonly records: Batch;
  readonly entries: EntryBlock | undefined;
  /** Records that become of each: two where the reply direction has one of its own. */
  readonly copies: number;
}

/** Flows of one kind on their way to one collector: when each is due, and the records that are gathered. */
export class FlowReports implements NameHolder {
  readonly schedule: ExportSchedule;
  readonly #flows: Flows;
  readonly #sink: RecordSink;
  readonly #memory: DestinationMemory | undefined;
  /** By the bits of a shape that make a difference to the template. */
  readonly #batches = new Map<number, Gathered>();

  /** @param memory what is remembered over restarts, where there is a state file */
  constructor(flows: Flows, options: ScheduleOptions, sink: RecordSink, memory?: DestinationMemory) {
    this.#flows = flows;
    this.#sink = sink;
    this.#memory = memory;
    this.schedule = new ExportSchedule(
      flows.store,
      options,
      () => performance.now(),
      (slot, reason) => this.#take(slot, reason, true),
      memory,
    );
  }

  /** As {@link ExportSchedule.reportDue}; batches that are not full stay. */
  reportDue(budget: number): boolean {
    return this.schedule.reportDue((slot, reason) => this.#take(slot, reason), budget);
  }

  /** As {@link ExportSchedule.reportAll}; batches that are not full stay. */
  reportAll(from: number, budget: number): number {
    return this.schedule.reportAll(from, budget, (slot, reason) => this.#take(slot, reason));
  }

  /** Sends what is gathered. */
  flush(): void {
    for (const [shape, gathered] of this.#batches) if (gathered.records.count > 0) this.#send(shape, gathered);
  }

  /** Forgets what is gathered. @returns records */
  drop(): number {
    let dropped = 0;
    for (const { records, entries, copies } of this.#batches.values()) {
      dropped += records.count * copies;
      records.count = 0;
      if (entries) entries.count = 0;
    }
    return dropped;
  }

  renumber(change: (number: number) => number): void {
    for (const { records } of this.#batches.values()) renumberNames(records, change);
  }

  /** Puts a record into the batch of its shape; a full batch is sent. @param last the slot is taken away */
  #take(slot: number, reason: number, last = false): boolean {
    if (!this.#sink.ready) return false;
    const { store, augmenters } = this.#flows;
    const { rows, bytes, flags } = store.table;
    let shape = shapeOf(rows, bytes, slot);
    for (const augmenter of augmenters) shape |= augmenter.shapeOf(slot);
    shape &= this.#sink.profile.shapes;
    const gathered = this.#gathered(shape);
    const { records, entries } = gathered;
    appendRecord(records, store.table, slot, this.schedule.slots, reason, augmenters);
    if (entries) {
      const row = slot * ROW_WORDS;
      this.#memory!.add(entries, rows, row, reason, bytes[row * 4 + STATE], last || (flags[slot] & GONE) !== 0);
    }
    if (records.count === records.capacity) this.#send(shape, gathered);
    return true;
  }

  #gathered(shape: number): Gathered {
    let gathered = this.#batches.get(shape);
    if (!gathered) {
      gathered = {
        records: new Batch(BATCH_RECORDS, RECORD_SIZE),
        entries: this.#memory && new EntryBlock(BATCH_RECORDS),
        copies: this.#sink.uniflows && shape & REPLY_COUNTERS ? 2 : 1,
      };
      this.#batches.set(shape, gathered);
    }
    return gathered;
  }

  #send(shape: number, { records, entries, copies }: Gathered): void {
    if (entries) this.#memory!.sending(entries, this.#sink.sent);
    this.#sink.send(shape, records);
    // both directions of a connection are sent, or not, together
    if (copies === 2) this.#sink.send(shape | REVERSED, records);
    records.count = 0;
    if (entries) this.#memory!.sent(this.#sink.sent);
  }
}
