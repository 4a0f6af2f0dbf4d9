import type { ExportSchedule } from '../../schedule/export-schedule.js';

/** Flows of one kind on their way to one collector. */
export interface Batcher {
  readonly schedule: ExportSchedule;
  /** Connections that ever ended, where each becomes a record of its own. */
  readonly ended: number;
  /** Records that are not sent, or more of them. */
  readonly left: number;
  /**
   * Takes what is due and becomes no record yet; the session need not be open.
   * @param budget connections
   * @returns whether more is due
   */
  take(budget: number): boolean;
  /**
   * Sends what is due, until the session takes no more or `budget` connections have been looked at.
   * @param most data records
   * @returns whether more is due now
   */
  export(budget: number, most?: number): boolean;
  /** How many records are due now; pauses as {@link ExportSchedule.countDue} does. */
  countDue(now: number, slice: number): Generator<undefined, number>;
  /** Monotonic milliseconds, Infinity where nothing is due. @param connected a session is open */
  nextDeadline(connected: boolean): number;
  /** Everything with news is due. @returns how many connections */
  flush(): number;
  /** From now on everything is due, open connections as ended by force. */
  endAll(): void;
  /** Forgets the records that wait. @returns how many data records */
  drop(): number;
}
