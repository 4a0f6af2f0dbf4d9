import { setTimeout as sleep } from 'node:timers/promises';
import { Companion } from './companion.js';
import type { MeasuredFamily } from '../results/results.js';

/** Far more than all records of one operation. */
const RECEIVE_BUFFER = 256 << 20;
/** When nothing more has arrived for so many milliseconds, nothing more will. */
const SILENCE_MS = 3_000;
const LOOK_MS = 5;

/** What has arrived at the collector since it began. */
export interface SinkCounts {
  readonly messages: number;
  readonly octets: number;
  /** Flow records. */
  readonly records: number;
  /** Options records. */
  readonly options: number;
  readonly malformed: number;
  /** Datagrams that found no room. */
  readonly dropped: number;
  /** Seconds, user and system. */
  readonly cpu: number;
}

/** A collector in a process of its own that counts what arrives, with a receive buffer that holds everything. */
export class CountingSink {
  readonly host: string;
  readonly port: number;
  readonly #companion: Companion<{ port: number }>;

  private constructor(host: string, companion: Companion<{ port: number }>) {
    this.host = host;
    this.port = companion.ready.port;
    this.#companion = companion;
  }

  /** @param port 0 for any */
  static async open(family: MeasuredFamily, port = 0): Promise<CountingSink> {
    const host = family === 'ipv6' ? '::1' : '127.0.0.1';
    const address = family === 'ipv6' ? `[${host}]:${port}` : `${host}:${port}`;
    return new CountingSink(host, await Companion.start('sink', address, String(RECEIVE_BUFFER)));
  }

  counts(): Promise<SinkCounts> {
    return this.#companion.ask('counts');
  }

  /** Waits until so many flow records have arrived in all, or no more do. */
  async arrived(records: number): Promise<SinkCounts> {
    let counts = await this.counts();
    for (let silence = 0; counts.records < records && silence < SILENCE_MS; silence += LOOK_MS) {
      await sleep(LOOK_MS);
      const before = counts.records;
      counts = await this.counts();
      if (counts.records > before) silence = 0;
    }
    return counts;
  }

  close(): Promise<void> {
    return this.#companion.close();
  }
}
