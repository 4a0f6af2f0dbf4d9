import type { CountingSink, SinkCounts } from '../host/counting-sink.js';
import { same } from '../same.js';
import type { Value } from '../results/results.js';
import { median } from '../results/statistics.js';

/** Holds what arrives at a collector, operation by operation, to what was sent. */
export class Arrivals {
  readonly #sink: CountingSink;
  readonly #cpu: number[] = [];
  #before: SinkCounts;
  #sent = 0;
  #received = 0;

  private constructor(sink: CountingSink, before: SinkCounts) {
    this.#sink = sink;
    this.#before = before;
  }

  static async at(sink: CountingSink): Promise<Arrivals> {
    return new Arrivals(sink, await sink.counts());
  }

  /**
   * After an operation.
   * @param sent flow records of this operation
   * @returns why the sample is void: fewer were received
   */
  async check(sent: number): Promise<string | undefined> {
    const { records, malformed, cpu } = this.#before;
    const after = await this.#sink.arrived(records + sent);
    const received = after.records - records;
    same('malformed messages', after.malformed, malformed);
    this.#before = after;
    this.#sent += sent;
    this.#received += received;
    this.#cpu.push(after.cpu - cpu);
    return received < sent ? `${received} of ${sent} records arrived` : undefined;
  }

  /** Records of all operations, warm-ups included, and what one operation costs the receiver: seconds of CPU. */
  extra(): Record<string, Value> {
    return { sent: this.#sent, received: this.#received, receiverCpu: Number(median(this.#cpu).toPrecision(3)) };
  }
}
