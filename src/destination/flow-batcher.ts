import { Batch } from '../row/batch.js';
import { GONE } from '../store/connection-table.js';
import { ROW_WORDS } from '../row/batch.js';
import { ExportSchedule, type ScheduleOptions } from '../schedule/export-schedule.js';
import { appendRecord, renumberNames } from '../record/flow-record.js';
import { REPLY_COUNTERS, REVERSED, shapeOf } from '../ipfix/shape.js';
import { RECORD_SIZE, STATE } from '../row/layout.generated.js';
import type { NameHolder } from '../record/name-table.js';
import type { Flows } from '../record/flows.js';
import type { DestinationMemory } from '../state/destination-memory.js';
import { EntryBlock } from '../state/entry-block.js';
import type { Session } from './session.js';

/** Records that are gathered before they are encoded. */
const BATCH_RECORDS = 512;

/** Records of one shape that wait, and what is remembered of them when they are sent. */
interface Gathered {
  readonly records: Batch;
  readonly entries: EntryBlock | undefined;
  /** Records that become of each: two where the reply direction has one of its own. */
  readonly copies: number;
}

/** Flows of one kind on their way to one collector: when each is due, and the records that are gathered. */
export class FlowBatcher implements NameHolder {
  readonly schedule: ExportSchedule;
  readonly #flows: Flows;
  readonly #session: Session;
  readonly #memory: DestinationMemory | undefined;
  /** By the bits of a shape that make a difference to the template. */
  readonly #batches = new Map<number, Gathered>();

  /** @param memory what is remembered over restarts, where there is a state file */
  constructor(flows: Flows, options: ScheduleOptions, session: Session, memory?: DestinationMemory) {
    this.#flows = flows;
    this.#session = session;
    this.#memory = memory;
    this.schedule = new ExportSchedule(
      flows.store,
      options,
      () => performance.now(),
      (slot, reason) => this.#evict(slot, reason),
      memory,
    );
  }

  /**
   * Sends what is due until the session takes no more or `budget` connections have been looked at.
   * @returns whether more is due now
   */
  export(budget: number): boolean {
    const { schedule } = this;
    const now = performance.now();
    let slot = -1;
    for (let looked = 0; looked < budget; looked++) {
      slot = schedule.next(now);
      if (slot < 0) break;
      const isNews = schedule.isNews(slot);
      if (isNews) {
        if (!this.#session.ready) break;
        this.#add(slot, schedule.reason, (this.#flows.store.table.flags[slot] & GONE) !== 0);
      }
      schedule.done(slot, isNews, now);
    }
    for (const [shape, gathered] of this.#batches) if (gathered.records.count > 0) this.#send(shape, gathered);
    return slot >= 0;
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

  #evict(slot: number, reason: number): boolean {
    if (!this.#session.ready) return false;
    this.#add(slot, reason, true);
    return true;
  }

  /** Puts a record into the batch of its shape; a full batch is sent. @param last no other record of the connection follows */
  #add(slot: number, reason: number, last: boolean): void {
    const { store, augmenters } = this.#flows;
    const { rows, bytes } = store.table;
    let shape = shapeOf(rows, bytes, slot);
    for (const augmenter of augmenters) shape |= augmenter.shapeOf(slot);
    shape &= this.#session.profile.shapes;
    const gathered = this.#gathered(shape);
    const { records, entries } = gathered;
    appendRecord(records, store.table, slot, this.schedule.slots, reason, augmenters);
    if (entries) {
      const row = slot * ROW_WORDS;
      this.#memory!.add(entries, rows, row, reason, bytes[row * 4 + STATE], last);
    }
    if (records.count === records.capacity) this.#send(shape, gathered);
  }

  #gathered(shape: number): Gathered {
    let gathered = this.#batches.get(shape);
    if (!gathered) {
      gathered = {
        records: new Batch(BATCH_RECORDS, RECORD_SIZE),
        entries: this.#memory && new EntryBlock(BATCH_RECORDS),
        copies: this.#session.profile.uniflows && shape & REPLY_COUNTERS ? 2 : 1,
      };
      this.#batches.set(shape, gathered);
    }
    return gathered;
  }

  #send(shape: number, { records, entries, copies }: Gathered): void {
    if (entries) this.#memory!.sending(entries, this.#session.sent);
    this.#session.send(shape, records);
    // both directions of a connection are sent, or not, together
    if (copies === 2) this.#session.send(shape | REVERSED, records);
    records.count = 0;
    if (entries) this.#memory!.sent(this.#session.sent);
  }
}
