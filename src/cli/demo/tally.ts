import type { Batch } from '../../row/batch.js';
import {
  ID,
  ORIG_OCTETS,
  ORIG_PACKETS,
  ORIG_ZONE,
  REPLY_OCTETS,
  REPLY_PACKETS,
  START_NS,
  STATE,
} from '../../row/layout.generated.js';
import type { DumpSummary, Source } from '../../sources/source.js';
import { readNumber } from '../../common/u64.js';
import type { Count } from './traffic/loopback-count.js';

/**
 * A source that looks on: passes every row through, and keeps the last counters of each connection straight from the rows,
 * to hold what was exported against where no kernel counts.
 */
export class Tally implements Source {
  readonly kind;
  readonly #source: Source;
  readonly #last = new Map<string, Count>();

  constructor(source: Source) {
    this.#source = source;
    this.kind = source.kind;
  }

  dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary | undefined> {
    return this.#source.dump((batch, at) => {
      this.#note(batch);
      return onBatch(batch, at);
    });
  }

  sysctl(name: string): string | undefined {
    return this.#source.sysctl(name);
  }

  setSysctl(name: string, value: string): void {
    this.#source.setSysctl(name, value);
  }

  close(): void {
    this.#source.close();
  }

  /** The last counters of all connections seen so far, both directions. */
  total(): Count {
    let packets = 0;
    let octets = 0;
    for (const count of this.#last.values()) {
      packets += count.packets;
      octets += count.octets;
    }
    return { packets, octets };
  }

  #note({ bytes, u32, size, count }: Batch): void {
    for (let row = 0; row < count; row++) {
      const at = row * size;
      const word = (offset: number) => u32[(at + offset) >> 2];
      const counter = (offset: number) => readNumber(u32, (at + offset) >> 2);
      const tuples = Buffer.from(bytes.buffer, bytes.byteOffset + at, STATE).toString('latin1');
      // both zones are one word
      const key = [tuples, word(ORIG_ZONE), word(ID), word(START_NS), word(START_NS + 4)].join();
      this.#last.set(key, {
        packets: counter(ORIG_PACKETS) + counter(REPLY_PACKETS),
        octets: counter(ORIG_OCTETS) + counter(REPLY_OCTETS),
      });
    }
  }
}
