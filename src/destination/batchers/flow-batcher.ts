import { LAST } from '../../encoder/request.js';
import type { Flows } from '../../record/flows.js';
import { DueSlots } from '../../schedule/due-slots.js';
import { ExportSchedule } from '../../schedule/export-schedule.js';
import type { ScheduleOptions } from '../../schedule/schedule-options.js';
import type { DestinationJournal } from '../../state/destination-journal.js';
import type { Batcher } from './batcher.js';
import { RecordSender } from './record-sender.js';
import type { Session } from '../session.js';

/** A record for each connection that is due: when it is, and the open messages of the records. */
export class FlowBatcher implements Batcher {
  readonly schedule: ExportSchedule;
  readonly #session: Session;
  readonly #journal: DestinationJournal | undefined;
  readonly #sender: RecordSender;
  readonly #findInterfaces: Flows['extras']['findInterfaces'];
  readonly #due = new DueSlots();
  /** One connection that must go at once. */
  readonly #evictedSlot = new Uint32Array(1);
  readonly #evictedReason = new Uint8Array(1);

  /** @param journal where there is a state file; @param schedule of the batcher in whose place it comes */
  constructor(
    flows: Flows,
    options: ScheduleOptions,
    session: Session,
    journal?: DestinationJournal,
    schedule?: ExportSchedule,
  ) {
    const { store, extras } = flows;
    this.#session = session;
    this.#journal = journal;
    schedule?.change(options, this.#evict);
    this.schedule = schedule ?? new ExportSchedule(store, options, () => performance.now(), this.#evict, journal);
    const encoder = {
      columns: store.table.columns(extras),
      exported: this.schedule.slots.bytes,
      zeroDeltas: options.zeroDeltas === 'all',
    };
    this.#findInterfaces = session.profile.routed ? extras.findInterfaces : undefined;
    this.#sender = new RecordSender(session, encoder, journal);
    if (journal) journal.closeMessages = () => this.#sender.tryCloseAll();
  }

  get ended(): number {
    return this.schedule.endedProgress.pushed;
  }

  get left(): number {
    return this.schedule.countLeft();
  }

  take(): boolean {
    return false;
  }

  export(budget: number, most = Number.POSITIVE_INFINITY): boolean {
    const now = performance.now();
    const copies = this.#session.profile.uniflows ? 2 : 1;
    const due = this.#due;
    this.#journal?.writeNotes();
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
    this.#sender.closeAll();
    return this.schedule.hasDue(now);
  }

  countDue(now: number, slice: number): Generator<undefined, number> {
    return this.schedule.countDue(now, slice);
  }

  nextDeadline(connected: boolean): number {
    return connected ? this.schedule.nextDeadline() : Number.POSITIVE_INFINITY;
  }

  flush(): number {
    return this.schedule.flush();
  }

  endAll(): void {
    this.schedule.endAll();
  }

  drop(): number {
    return this.#sender.drop();
  }

  readonly #evict = (slot: number, reason: number): boolean => {
    if (!this.#session.ready) return false;
    this.#evictedSlot[0] = slot;
    this.#evictedReason[0] = reason | LAST;
    return this.#encode(this.#evictedSlot, this.#evictedReason, 1) === 1;
  };

  /** As of {@link RecordSender.encode}. */
  #encode(slots: Uint32Array, reasons: Uint8Array, count: number): number {
    this.#findInterfaces?.(slots, reasons, count);
    return this.#sender.encode(slots, reasons, count);
  }
}
