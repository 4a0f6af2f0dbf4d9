import { ENTRIES, FULL, KIND, LAST, MESSAGES, NEXT, STOP, UNKNOWN, type FlowEncoder } from '../encoder/request.js';
import type { Flows } from '../record/flows.js';
import { DueSlots } from '../schedule/due-slots.js';
import { ExportSchedule, type ScheduleOptions } from '../schedule/export-schedule.js';
import type { DestinationJournal } from '../state/destination-journal.js';
import { MessageBatch } from './message-batch.js';
import type { Session } from './session.js';

/** Flows of one kind on their way to one collector: when each is due, and the open messages of their records. */
export class FlowBatcher {
  readonly schedule: ExportSchedule;
  readonly #session: Session;
  readonly #journal: DestinationJournal | undefined;
  readonly #encoder: FlowEncoder;
  /** Messages that are closed. */
  readonly #closed: MessageBatch;
  readonly #due = new DueSlots();
  /** One connection that must go at once. */
  readonly #evictedSlot = new Uint32Array(1);
  readonly #evictedReason = new Uint8Array(1);

  /** @param journal where there is a state file */
  constructor(flows: Flows, options: ScheduleOptions, session: Session, journal?: DestinationJournal) {
    const { store, extras } = flows;
    this.#session = session;
    this.#journal = journal;
    this.schedule = new ExportSchedule(store, options, () => performance.now(), this.#evict, journal);
    this.#closed = new MessageBatch(session.largest);
    this.#encoder = session.createEncoder({
      columns: store.table.columns(extras),
      exported: this.schedule.slots.bytes,
      output: this.#closed,
      zeroDeltas: options.zeroDeltas === 'all',
      journal: journal?.number ?? -1,
    });
  }

  /**
   * Sends what is due, until the session takes no more or `budget` connections have been looked at.
   * @param most data records
   * @returns whether more is due now
   */
  export(budget: number, most = Number.POSITIVE_INFINITY): boolean {
    const now = performance.now();
    const copies = this.#session.profile.uniflows ? 2 : 1;
    const due = this.#due;
    for (let looked = 0; looked < budget;) {
      this.schedule.due(now, due, budget - looked, this.#session.ready ? Math.floor(most / copies) : 0);
      if (due.count === 0) break;
      const taken = due.news > 0 ? this.#encode(due.slots, due.reasons, due.count) : due.count;
      for (let i = 0; i < taken; i++) {
        const isNews = due.reasons[i] !== 0;
        if (isNews) most -= copies;
        this.schedule.done(due.slots[i], due.why[i], isNews, now);
      }
      looked += taken;
      if (taken < due.count) break;
    }
    this.#closeAll();
    return this.schedule.hasDue(now);
  }

  /** Forgets the records that wait. @returns how many data records */
  drop(): number {
    let dropped = 0;
    for (let all = false; !all;) {
      all = this.#encoder.close();
      dropped += this.#session.lose(this.#closed.take());
    }
    return dropped;
  }

  readonly #evict = (slot: number, reason: number): boolean => {
    if (!this.#session.ready) return false;
    this.#evictedSlot[0] = slot;
    this.#evictedReason[0] = reason | LAST;
    return this.#encode(this.#evictedSlot, this.#evictedReason, 1) === 1;
  };

  /** @returns how many of the connections are done: where the session takes no more, the others are as they were */
  #encode(slots: Uint32Array, reasons: Uint8Array, count: number): number {
    const { progress } = this.#closed;
    for (let from = 0; ;) {
      this.#encoder.encode(slots, reasons, from, count, this.#session.limit, this.#session.names);
      from = progress[NEXT];
      if (progress[STOP] === UNKNOWN) this.#session.define(this.#encoder, progress[KIND]);
      else if (progress[STOP] !== FULL) return from;
      else {
        this.#send();
        if (!this.#session.ready) return from;
      }
    }
  }

  #closeAll(): void {
    while (!this.#encoder.close()) this.#send();
    this.#send();
  }

  #send(): void {
    const closed = this.#closed;
    this.#session.addOversize(closed);
    if (closed.progress[MESSAGES] === 0 && closed.progress[ENTRIES] === 0) return;
    const outgoing = closed.outgoing(this.#session.segments);
    if (outgoing.count > 0) this.#session.prepare();
    this.#journal?.sending(closed.takeEntries(), this.#session.sent);
    this.#session.send(outgoing);
    closed.clear();
    this.#journal?.sent(this.#session.sent);
  }
}
