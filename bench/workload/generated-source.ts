import { Batch } from '../../src/row/batch.js';
import type { DumpSummary, Source } from '../../src/sources/source.js';
import { KERNEL_DEFAULTS } from '../../test/helpers/rigs/store-rig.js';
import type { MeasuredFamily } from '../results/results.js';
import { Connections } from './connections.js';
import { seededRandom } from './random.js';

const ROWS_A_BATCH = 1024;
const SEED = 20_261_124;

/**
 * A source whose connections are made up while it is read, so that it needs next to no memory. Where they stand in the dump
 * is as random as in the kernel's hash table, and stays. What making them up costs is counted, to be taken off.
 */
export class GeneratedSource implements Source {
  readonly kind = 'netlink';
  /** Seconds of CPU that went into making up connections. */
  cpu = 0;
  readonly #connections: Connections;
  readonly #random = seededRandom(SEED);
  readonly #batches = [new Batch(ROWS_A_BATCH), new Batch(ROWS_A_BATCH)] as const;
  /** Rounds of traffic, by number of the connection. */
  readonly #rounds: Uint16Array;
  /** The connections in the order of the dump. */
  #numbers: Uint32Array;
  #known: number;
  /** Those of the last dump. */
  #shown: Uint32Array | undefined;

  /** @param most connections that there will ever be */
  constructor(family: MeasuredFamily, connections: number, most: number) {
    this.#connections = new Connections(family);
    this.#rounds = new Uint16Array(most).fill(1);
    this.#numbers = Uint32Array.from({ length: connections }, (_, i) => i);
    this.#known = connections;
  }

  get size(): number {
    return this.#numbers.length;
  }

  /** A whole dump has shown the connections as the last change left them. */
  get shown(): boolean {
    return this.#shown === this.#numbers;
  }

  /**
   * What happens between two dumps.
   * @param traffic share of those that stay which count a round of traffic
   */
  change(fresh: number, gone: number, traffic: number): void {
    const cpu = process.cpuUsage();
    const numbers = this.#numbers;
    for (let left = gone; left > 0;) {
      const at = Math.floor(this.#random() * numbers.length);
      if (numbers[at] === NOBODY) continue;
      numbers[at] = NOBODY;
      left--;
    }
    const next = new Uint32Array(numbers.length - gone + fresh);
    let to = 0;
    let added = 0;
    for (let from = 0; from < numbers.length; from++) {
      // the new ones are spread over the whole
      while ((added + this.#random()) * numbers.length < from * fresh && added < fresh) {
        next[to++] = this.#known + added++;
      }
      const number = numbers[from];
      if (number === NOBODY) continue;
      if (this.#random() < traffic) this.#rounds[number]++;
      next[to++] = number;
    }
    while (added < fresh) next[to++] = this.#known + added++;
    this.#known += fresh;
    this.#numbers = next;
    this.#spent(cpu);
  }

  async dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary> {
    const startedAt = Date.now();
    const numbers = this.#numbers;
    for (let from = 0, turn = 0; from < numbers.length; from += ROWS_A_BATCH, turn ^= 1) {
      await new Promise(resolve => setImmediate(resolve)); // a real one is waited for
      const cpu = process.cpuUsage();
      const batch = this.#batches[turn];
      batch.count = Math.min(ROWS_A_BATCH, numbers.length - from);
      for (let i = 0; i < batch.count; i++) {
        const number = numbers[from + i];
        this.#connections.write(number, this.#rounds[number], batch, i);
      }
      this.#spent(cpu);
      await onBatch(batch, Date.now());
    }
    this.#shown = numbers;
    return { startedAt, rows: numbers.length, complete: true, skipped: {} };
  }

  sysctl(name: string): string | undefined {
    return name in KERNEL_DEFAULTS ? String(KERNEL_DEFAULTS[name]) : undefined;
  }

  setSysctl(): void {
    throw new Error('a made-up table has no settings');
  }

  close(): void {}

  #spent(since: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(since);
    this.cpu += (user + system) / 1e6;
  }
}

const NOBODY = 0xffff_ffff;
