import { Batch } from '../../src/row/batch.js';
import { HAS_TCP_STATE, PRESENT_WORD, ROW_SIZE, ROW_WORDS, STATE, TCP_STATES } from '../../src/row/layout.generated.js';
import type { MeasuredFamily } from '../results/results.js';
import { addRounds, Connections } from './connections.js';
import { seededRandom } from './random.js';

/** Rows of a batch at most, as the sources hand them over; a small table is cut into ten. */
const ROWS_A_BATCH = 1024;
const LEAST_BATCHES = 10;
const SEED = 20_261_124;
const TIME_WAIT = TCP_STATES.indexOf('TIME_WAIT');

export interface Changes {
  /** Connections that a dump shows for the first time. */
  readonly fresh: number;
  /** Connections that it no longer shows. */
  readonly gone: number;
  /** Share of the others that have had no traffic since the dump before. */
  readonly idle: number;
  /** Those that will be gone in the next dump are dying: TCP in TIME_WAIT. */
  readonly dying: boolean;
}

/**
 * A kernel's table in which connections come and go, dump by dump. A dump walks a hash table: who stays is in the same order
 * each time, new ones are anywhere between them.
 */
export class ChangingTable {
  /** Rows of the present dump, as a source hands them over. */
  readonly batches: readonly Batch[];
  readonly #connections: Connections;
  readonly #changes: Changes;
  readonly #random = seededRandom(SEED);
  readonly #fresh: Batch;
  #rows: Uint32Array;
  #next: Uint32Array;
  #size: number;
  #known: number;
  /** By position in the dump: 1 where the connection is gone in the next. */
  readonly #leaving: Uint8Array;
  readonly #rowsABatch: number;

  constructor(family: MeasuredFamily, size: number, changes: Changes) {
    if (changes.gone > size) throw new Error(`${changes.gone} of ${size} connections cannot go`);
    const most = size + Math.max(0, changes.fresh - changes.gone);
    this.#connections = new Connections(family);
    this.#changes = changes;
    this.#fresh = new Batch(Math.max(changes.fresh, 1));
    this.#rows = new Uint32Array(most * ROW_WORDS);
    this.#next = new Uint32Array(most * ROW_WORDS);
    this.#leaving = new Uint8Array(most);
    this.#rowsABatch = Math.min(ROWS_A_BATCH, Math.ceil(most / LEAST_BATCHES));
    this.batches = Array.from({ length: Math.ceil(most / this.#rowsABatch) }, () => new Batch(this.#rowsABatch));
    const one = new Batch(1);
    for (let i = 0; i < size; i++) {
      this.#connections.write(i, 1, one, 0);
      this.#rows.set(one.u32, i * ROW_WORDS);
    }
    this.#size = size;
    this.#known = size;
    this.#present();
  }

  get size(): number {
    return this.#size;
  }

  /** Connections that there have been so far. */
  get known(): number {
    return this.#known;
  }

  /** The next dump. Where more come than go, the table stays at the size that it has then. */
  advance(): void {
    const { fresh, gone, idle } = this.#changes;
    const comes = Math.min(fresh, this.#rows.length / ROW_WORDS - this.#size + gone);
    for (let i = 0; i < comes; i++) this.#connections.write(this.#known++, 1, this.#fresh, i);
    const places = sorted(comes, () => Math.floor(this.#random() * (this.#size + 1)));
    let to = 0;
    let added = 0;
    for (let from = 0; from <= this.#size; from++) {
      while (added < comes && places[added] === from) copyRow(this.#fresh.u32, added++, this.#next, to++);
      if (from === this.#size || this.#leaving[from]) continue;
      copyRow(this.#rows, from, this.#next, to);
      if (this.#random() >= idle) addRounds(this.#next, to * ROW_WORDS, 1);
      to++;
    }
    [this.#rows, this.#next] = [this.#next, this.#rows];
    this.#size = to;
    this.#present();
  }

  /** Who leaves next is chosen, and the rows stand in the batches. */
  #present(): void {
    const bytes = new Uint8Array(this.#rows.buffer);
    this.#leaving.fill(0);
    for (let chosen = 0; chosen < this.#changes.gone;) {
      const at = Math.floor(this.#random() * this.#size);
      if (this.#leaving[at]) continue;
      this.#leaving[at] = 1;
      chosen++;
      const tcp = this.#rows[at * ROW_WORDS + PRESENT_WORD] & HAS_TCP_STATE;
      if (tcp && this.#changes.dying) bytes[at * ROW_SIZE + STATE] = TIME_WAIT;
    }
    this.batches.forEach((batch, i) => {
      const from = i * this.#rowsABatch;
      batch.count = Math.max(0, Math.min(this.#rowsABatch, this.#size - from));
      batch.bytes.set(bytes.subarray(from * ROW_SIZE, (from + batch.count) * ROW_SIZE));
    });
  }
}

function copyRow(source: Uint32Array, from: number, target: Uint32Array, to: number): void {
  for (let word = 0; word < ROW_WORDS; word++) target[to * ROW_WORDS + word] = source[from * ROW_WORDS + word];
}

function sorted(count: number, make: () => number): Float64Array {
  return Float64Array.from({ length: count }, make).sort();
}
