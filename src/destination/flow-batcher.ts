import { Batch } from '../row/batch.js';
import { GONE } from '../store/connection-table.js';
import { ExportSchedule, type ScheduleOptions } from '../schedule/export-schedule.js';
import { appendRecord, eachName } from '../record/flow-record.js';
import { REPLY_COUNTERS, REVERSED, shapeOf } from '../ipfix/shape.js';
import { ORIG_PACKETS_WORD, RECORD_SIZE, REPLY_PACKETS_WORD, ROW_WORDS, STATE } from '../row/layout.generated.js';
import { COUNTERS_WORD } from '../schedule/export-state.js';
import type { NameHolder } from '../record/name-table.js';
import type { Flows } from '../record/flows.js';
import type { DestinationJournal } from '../state/destination-journal.js';
import { EntryBlock } from '../state/entry-block.js';
import type { Session } from './session.js';

/** Records of a batch: they are encoded together. */
const BATCH_RECORDS = 512;

/** Two uniflows: the directions that get a record, as bits of a batch's key, above those of its shape. */
const FORWARD = 1 << 20;
const REPLY = 1 << 21;

/** Records that go out with the same templates and wait to be sent, and their journal entries. */
interface ShapeBatch {
  readonly records: Batch;
  readonly entries: EntryBlock | undefined;
  /** The shapes of the data records for each: two where each direction has one of its own. */
  readonly shapes: readonly number[];
}

/** Flows of one kind on their way to one collector: when each is due, and the batches of their records. */
export class FlowBatcher implements NameHolder {
  readonly schedule: ExportSchedule;
  readonly #flows: Flows;
  readonly #session: Session;
  readonly #journal: DestinationJournal | undefined;
  /** Also records without a packet. */
  readonly #all: boolean;
  /** By the bits of a shape that make a difference to the template, and the directions. */
  readonly #batches = new Map<number, ShapeBatch>();

  /** @param journal where there is a state file */
  constructor(flows: Flows, options: ScheduleOptions, session: Session, journal?: DestinationJournal) {
    this.#flows = flows;
    this.#session = session;
    this.#journal = journal;
    this.#all = options.zeroDeltas === 'all';
    const evict = (slot: number, reason: number): boolean => session.ready && this.#add(slot, reason, true);
    this.schedule = new ExportSchedule(flows.store, options, () => performance.now(), evict, journal);
  }

  /**
   * Sends what is due, until the session takes no more or `budget` connections have been looked at.
   * @param most data records
   * @returns whether more is due now
   */
  export(budget: number, most = Number.POSITIVE_INFINITY): boolean {
    const { schedule } = this;
    const { flags } = this.#flows.store.table;
    const now = performance.now();
    const copies = this.#session.profile.uniflows ? 2 : 1;
    let slot = -1;
    for (let looked = 0; looked < budget; looked++) {
      slot = schedule.next(now);
      if (slot < 0) break;
      const isNews = schedule.isNews(slot);
      if (isNews) {
        if (most < copies || !this.#session.ready) break;
        most -= copies;
        this.#add(slot, schedule.reason, (flags[slot] & GONE) !== 0);
      }
      schedule.done(slot, isNews, now);
    }
    for (const batch of this.#batches.values()) if (batch.records.count > 0) this.#send(batch);
    return slot >= 0;
  }

  /** Forgets the records that wait. @returns how many data records */
  drop(): number {
    let dropped = 0;
    for (const { records, entries, shapes } of this.#batches.values()) {
      dropped += records.count * shapes.length;
      for (const shape of shapes) this.#session.loseBatch(shape, records);
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
    const batch = this.#batchOf(this.#session.profile.uniflows ? shape | this.#directionsOf(slot, shape) : shape);
    const { records, entries } = batch;
    appendRecord(records, store.table, slot, this.schedule.slots, reason, augmenters);
    if (entries) {
      const row = slot * ROW_WORDS;
      this.#journal!.add(entries, rows, row, reason, bytes[row * 4 + STATE], last);
    }
    if (records.count === records.capacity) this.#send(batch);
    return true;
  }

  /** A direction has no record of its own before its first packet, and where zero deltas are left out, none without a new one. */
  #directionsOf(slot: number, shape: number): number {
    if ((shape & REPLY_COUNTERS) === 0) return FORWARD;
    const forward = this.#hasPackets(slot, 0) ? FORWARD : 0;
    const reply = this.#hasPackets(slot, REPLY_PACKETS_WORD - ORIG_PACKETS_WORD) ? REPLY : 0;
    return forward | reply || FORWARD;
  }

  /** @param counter a word of the counters */
  #hasPackets(slot: number, counter: number): boolean {
    const { rows } = this.#flows.store.table;
    const at = slot * ROW_WORDS + COUNTERS_WORD + counter;
    if (this.#all) return (rows[at] | rows[at + 1]) !== 0;
    const { words } = this.schedule.slots;
    const exported = this.schedule.slots.countersAt(slot) + counter;
    return rows[at] !== words[exported] || rows[at + 1] !== words[exported + 1];
  }

  #batchOf(key: number): ShapeBatch {
    let batch = this.#batches.get(key);
    if (!batch) {
      batch = {
        records: new Batch(BATCH_RECORDS, RECORD_SIZE),
        entries: this.#journal && new EntryBlock(BATCH_RECORDS),
        shapes: shapesOf(key),
      };
      this.#batches.set(key, batch);
    }
    return batch;
  }

  #send({ records, entries, shapes }: ShapeBatch): void {
    if (entries) this.#journal!.sending(entries, this.#session.sent);
    // both directions of a connection are sent, or not, together
    for (const shape of shapes) this.#session.send(shape, records);
    records.count = 0;
    if (entries) this.#journal!.sent(this.#session.sent);
  }
}

function shapesOf(key: number): number[] {
  const shape = key & (FORWARD - 1);
  if ((key & REPLY) === 0) return [shape];
  return key & FORWARD ? [shape, shape | REVERSED] : [shape | REVERSED];
}
