import type { EventCounts, EventLease, EventPressure } from '../../../native/binding.js';
import type { Batch } from '../../../src/row/batch.js';
import type { EventsOptions } from '../../../src/ingest/conntrack-events.js';
import type { EventReceiver } from '../../../src/sources/events.js';

export const NO_EVENTS: EventCounts = {
  created: 0,
  updated: 0,
  destroyed: 0,
  filtered: 0,
  malformed: 0,
  ignored: 0,
  truncated: 0,
  overrun: 0,
};

/** Of an exporter whose events are these. */
export const EVENTS: EventsOptions = {
  kind: 'destroy',
  filter: {},
  receiveBuffer: 4096,
  holdEnded: 'auto',
  dyingLimit: 10,
  earlierHaveNone: false,
};

/** An event source in the hands of a test. */
export class FakeEvents {
  readonly counted = { ...NO_EVENTS };
  readonly kept: boolean[] = [];
  readonly calls: string[] = [];
  readonly receiveBuffer = 4096;
  receiver!: EventReceiver;
  /** Receives NEW and UPDATE events, where one source stands for both. */
  changes: EventReceiver | undefined;
  dying = (): number => 0;
  gate: Promise<void> = Promise.resolve();
  isGuarded = true;
  guardFailure: string | undefined;
  /** What the kernel says; a test changes it. */
  readonly kernel = { drops: 0, guarded: 0, tableMax: 1000, tableCount: 0 };
  /** Events of both leases, for each renewal. */
  readonly leases: [number, number][] = [];
  closed = false;

  pressure(): EventPressure | undefined {
    return this.closed ? undefined : { ...this.kernel };
  }

  renewLeases(first: EventLease, second: EventLease): void {
    this.leases.push([first.events, second.events]);
  }

  drain(): Promise<void> {
    this.calls.push('drain');
    return this.gate;
  }

  /** The receiver has no room. */
  isHeld = false;

  drainUnlessHeld(): Promise<boolean> {
    return this.isHeld ? Promise.resolve(false) : this.drain().then(() => true);
  }

  async dyingCount(): Promise<number> {
    return this.dying();
  }

  setBroadcastError(on: boolean): void {
    this.kept.push(on);
  }

  counts(): EventCounts {
    return this.counted;
  }

  /** What still waits when listening ends. */
  waiting: Batch | undefined;

  async leave(): Promise<void> {
    this.calls.push('leave');
    if (this.waiting) await this.receiver.onBatch(this.waiting);
  }

  close(): void {
    this.closed = true;
    this.calls.push('close');
  }
}
