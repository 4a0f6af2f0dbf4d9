import type { Message, TransportListener } from '../../../src/transport/transport.js';
import { eventually } from '../eventually.js';

/** The calls of a transport to its session, in order. */
export class TransportLog implements TransportListener {
  readonly events: string[] = [];
  /** Monotonic milliseconds of each event. */
  readonly times: number[] = [];
  /** Records that are out of the transport's hands. */
  records = 0;
  /** Records that were sent and did not arrive. */
  undeliveredRecords = 0;
  /** Times that something did not arrive. */
  troubles = 0;
  /** Records that a connection left in doubt, one number for each end. */
  readonly uncertain: number[] = [];

  opened(): void {
    this.#note('opened');
  }

  closed(why: string, uncertain: number): void {
    this.uncertain.push(uncertain);
    this.#note(`closed: ${why}`);
  }

  /** Sixteen octets with the number of records. */
  emptyMessage(records: number): Uint8Array {
    return Buffer.from(String(records).padStart(16, '.'));
  }

  settled(records: number): void {
    this.records += records;
  }

  probe(): Uint8Array {
    return Buffer.from('probe');
  }

  unsegmented(why: string): void {
    this.#note(`unsegmented: ${why}`);
  }

  erred(): void {
    this.troubles++;
  }

  undelivered(messages: readonly Message[]): number {
    const records = messages.reduce((sum, { records }) => sum + records, 0);
    this.undeliveredRecords += records;
    return records;
  }

  lost(messages: readonly Message[]): number {
    const records = messages.reduce((sum, { records }) => sum + records, 0);
    this.records += records;
    return records;
  }

  /** Waits for the event with this number, counted from 1. */
  async nth(count: number): Promise<string> {
    await eventually(`event ${count}`, () => this.events.length >= count);
    return this.events[count - 1];
  }

  #note(event: string): void {
    this.events.push(event);
    this.times.push(performance.now());
  }
}

/** Messages of one size, one after another, and their lengths: each counts as so many records. */
export function messages(count: number, size: number, records: number): [Uint8Array, Uint32Array, number] {
  const bytes = new Uint8Array(count * size);
  const lengths = new Uint32Array(count * 2);
  for (let i = 0; i < count; i++) {
    bytes.fill(i + 1, i * size, (i + 1) * size);
    lengths.set([size, records], i * 2);
  }
  return [bytes, lengths, count];
}
