import { Batch } from '../row/batch.js';
import { GONE } from '../store/connection-table.js';
import { ExportSchedule, type ScheduleOptions } from '../schedule/export-schedule.js';
import { appendRecord, eachName } from '../record/flow-record.js';
import { REPLY_COUNTERS, REVERSED, shapeOf } from '../ipfix/shape.js';
import { RECORD_SIZE, ROW_WORDS, STATE } from '../row/layout.generated.js';
import type { NameHolder } from '../record/name-table.js';
import type { Flows } from '../record/flows.js';
import type { DestinationJournal } from '../state/destination-journal.js';
import { EntryBlock } from '../state/entry-block.js';
import type { Session } from './session.js';

/** Records of a batch: they are encoded together. */
const BATCH_RECORDS = 512;

/** Records of one shape that wait to be sent, and their journal entries. */
interface ShapeBatch {
  readonly records: Batch;
  readonly entries: EntryBlock | undefined;
  /** Data records for each: two where the reply direction has one of its own. */
  readonly copies: number;
}

/** Flows of one kind on their way to one collector: when each is due, and the batches of their records. */
export class FlowBatcher implements NameHolder {
  readonly schedule: ExportSchedule;
  readonly #flows: Flows;
  readonly #session: Session;
  readonly #journal: DestinationJournal | undefined;
  /** By the bits of a shape that make a difference to the template. */
  readonly #batches = new Map<number, ShapeBatch>();

  /** @param journal where there is a state file */
  constructor(flows: Flows, options: ScheduleOptions, session: Session, journal?: DestinationJournal) {
    this.#flows = flows;
    this.#session = session;
    this.#journal = journal;
    const evict = (slot: number, reason: number): boolean => session.ready && this.#add(slot, reason, true);
    this.schedule = new ExportSchedule(flows.store, options, () => performance.now(), evict, journal);
  }

  /**
   * Sends what is due, until the session takes no more or `budget` connections have been looked at.
   * @returns whether more is due now
   */
  export(budget: number): boolean {
    const { schedule } = this;
    const { flags } = this.#flows.store.table;
    const now = performance.now();
    let slot = -1;
    for (let looked = 0; looked < budget; looked++) {
      slot = schedule.next(now);
      if (slot < 0) break;
      const isNews = schedule.isNews(slot);
      if (isNews) {
        if (!this.#session.ready) break;
        this.#add(slot, schedule.reason, (flags[slot] & GONE) !== 0);
      }
      schedule.done(slot, isNews, now);
    }
    for (const [shape, batch] of this.#batches) if (batch.records.count > 0) this.#send(shape, batch);
    return slot >= 0;
  }

  /** Forgets the records that wait. @returns how many data records */
  drop(): number {
    let dropped = 0;
    for (const { records, entries, copies } of this.#batches.values()) {
      dropped += records.count * copies;
      records.count = 0;
      if (entries) entries.count = 0;
    }
    return dropped;
  }

  eachName(keep: (number: number) => void): void {
    for (const { records } of this.#batches.values()) eachName(records, keep);
  }

  /** Puts a record into the batch of its shape; a full batch is sent. @param last no other record of the connection follows */
  #add(slot: number, reason: number, last: boolean): true {
    const { store, augmenters } = this.#flows;
    const { rows, bytes } = store.table;
    let shape = shapeOf(rows, bytes, slot);
    for (const augmenter of augmenters) shape |= augmenter.shapeOf(slot);
    shape &= this.#session.profile.shapes;
    const batch = this.#batchOf(shape);
    const { records, entries } = batch;
    appendRecord(records, store.table, slot, this.schedule.slots, reason, augmenters);
    if (entries) {
      const row = slot * ROW_WORDS;
      this.#journal!.add(entries, rows, row, reason, bytes[row * 4 + STATE], last);
    }
    if (records.count === records.capacity) this.#send(shape, batch);
    return true;
  }

  #batchOf(shape: number): ShapeBatch {
    let batch = this.#batches.get(shape);
    if (!batch) {
      batch = {
        records: new Batch(BATCH_RECORDS, RECORD_SIZE),
        entries: this.#journal && new EntryBlock(BATCH_RECORDS),
        copies: this.#session.profile.uniflows && shape & REPLY_COUNTERS ? 2 : 1,
      };
      this.#batches.set(shape, batch);
    }
    return batch;
  }

  #send(shape: number, { records, entries, copies }: ShapeBatch): void {
    if (entries) this.#journal!.sending(entries, this.#session.sent);
    this.#session.send(shape, records);
    // both directions of a connection are sent, or not, together
    if (copies === 2) this.#session.send(shape | REVERSED, records);
    records.count = 0;
    if (entries) this.#journal!.sent(this.#session.sent);
  }
}
