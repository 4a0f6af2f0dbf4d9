import { closeSync, openSync, readSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import type { EndsCounts, EndsPlace } from '../../native/binding.js';
import { Batch } from '../row/batch.js';
import { CtflowError, describeError, errnoOf } from '../common/errors.js';
import { ENDS_RECORD_SIZE, ROW_SIZE } from '../row/layout.generated.js';
import type { Logger } from '../common/logger.js';
import { rowMatches } from '../row/filter.js';
import {
  encodeChanging,
  encodeEndsHeader,
  ENDS_HEADER_SIZE,
  readEndsHeader,
  readRecords,
  type EndsHeader,
} from './ends-file.js';
import type { HostIdentity } from '../common/host.js';
import { FILE_HEADER_SIZE } from './journal-file.js';
import { cannotWrite } from './state-lock.js';

/** Bytes of the file at most. */
const MOST_BYTES = 64 << 20;
const CAPACITY = Math.floor(MOST_BYTES / ENDS_RECORD_SIZE);
const ROWS = 1024;

export interface HeardEndsOptions {
  path: string;
  identity: HostIdentity;
  log: Logger;
  /** There is no journal from before: nobody knows what was told of a file that is there. */
  fresh: boolean;
  /** Records that a new file has room for. */
  capacity?: number | undefined;
}

/** Who writes the rows down. */
export interface EndsWriter {
  endsCounts(): EndsCounts | undefined;
  freeEnds(place: number): void;
}

/** Connections that have ended and wait for their last report at one destination. */
export interface EndedWaiting {
  /** How many ever came. */
  readonly pushed: number;
  /** All that came before this one are told, or will never be. */
  readonly settled: number;
}

export interface HeardEndsStats extends EndsCounts {
  /** Ended connections of which the exporter before had heard and not told everybody. */
  readonly recovered: number;
}

const NOTHING: EndsCounts = { written: 0, full: 0, failed: 0, unnamed: 0 };

/**
 * What was heard of ends and not yet told, in a file beside the journal. Each DESTROY row is written down before it is
 * handed over; once it is told everywhere, and the journal says so, its place is free. Whether a row of the file was told is
 * for the journal to say: the file is worth nothing without it.
 */
export class HeardEnds {
  recovered = 0;
  readonly #options: HeardEndsOptions;
  /** -1 where there is no file. */
  #fd = -1;
  #capacity: number;
  /** Places below it are free; the header says the same. */
  #done = 0;
  /** Place behind the last row that the store was told. */
  #delivered = 0;
  /** When all of these are settled, the places below are free. */
  #mark: { readonly place: number; readonly pushed: readonly number[] } | undefined;
  #writer: EndsWriter | undefined;
  #discarded = false;
  #complained = false;

  private constructor(options: HeardEndsOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? CAPACITY;
  }

  /**
   * Goes on with the file where there is one; one that holds nothing for this exporter is put aside and said to be.
   * @throws CtflowError CTFLOW_STATE
   */
  static open(options: HeardEndsOptions): HeardEnds {
    const ends = new HeardEnds(options);
    const { path } = options;
    try {
      if (options.fresh) rmSync(path, { force: true });
      else ends.#load();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw cannotWrite(path, error);
    }
    return ends;
  }

  /**
   * What the exporter before had heard, in the order in which it came; some of it may have been told.
   * @param words see filterWords
   * @throws CtflowError CTFLOW_STATE where the file cannot be read
   */
  async replay(words: Uint32Array, onBatch: (batch: Batch) => void): Promise<void> {
    if (this.#fd < 0) return;
    const one = new Batch(1);
    this.#delivered = await this.#read(row => {
      one.bytes.set(row);
      return rowMatches(one, words);
    }, onBatch).catch((error: unknown) => {
      const what = `${this.#options.path} cannot be read (${errnoOf(error) || String(error)})`;
      throw new CtflowError(
        'CTFLOW_STATE',
        what,
        'Remove it; the ended connections in it are then not exported',
        error,
      );
    });
  }

  /** As {@link replay}, whatever the filter: what is in the file now. */
  async read(onBatch: (batch: Batch) => void): Promise<void> {
    if (this.#fd >= 0) await this.#read(() => true, onBatch);
  }

  /**
   * Where rows are to be written down from now on; the file is made where there is none.
   * @throws CtflowError CTFLOW_STATE
   */
  begin(): EndsPlace | undefined {
    if (this.#discarded) return undefined;
    const { path, identity } = this.#options;
    if (this.#fd < 0) {
      const fresh = `${path}.new`;
      try {
        rmSync(fresh, { force: true });
        this.#fd = openSync(fresh, 'wx+', 0o600);
        writeSync(this.#fd, encodeEndsHeader(identity, this.#header));
        renameSync(fresh, path);
      } catch (error) {
        throw cannotWrite(path, error);
      }
    }
    return { path, capacity: this.#capacity, place: this.#delivered, done: this.#done };
  }

  /** Who writes from now on. */
  follow(writer: EndsWriter): void {
    this.#writer = writer;
  }

  /** The store was told so many more rows. */
  delivered(rows: number): void {
    this.#delivered += rows;
  }

  /**
   * Frees what is told everywhere. The journal has been told of it.
   * @param waiting one for each destination, always in the same order
   */
  settle(waiting: readonly EndedWaiting[]): void {
    if (this.#fd < 0 || this.#done === this.#delivered) return;
    const isSettled = (pushed: readonly number[]): boolean => pushed.every((many, i) => waiting[i].settled >= many);
    if (this.#mark && !isSettled(this.#mark.pushed)) return;
    const now = { place: this.#delivered, pushed: waiting.map(({ pushed }) => pushed) };
    const isAll = isSettled(now.pushed);
    const place = isAll ? now.place : this.#mark?.place;
    if (place !== undefined && !this.#free(place)) return;
    this.#mark = isAll ? undefined : now;
  }

  /** Says once that rows could not be kept. */
  watch(): void {
    const { full, failed } = this.stats();
    if (this.#complained || full + failed === 0) return;
    this.#complained = true;
    this.#options.log.warn(
      { path: this.#options.path, full, failed },
      'some ended connections cannot be written to the destroy log: those not exported before a kill are lost',
    );
  }

  stats(): HeardEndsStats {
    return { recovered: this.recovered, ...(this.#writer?.endsCounts() ?? NOTHING) };
  }

  /** @param told the exporter has come to its end: what it could not tell is counted, and not told by another */
  close(told: boolean): void {
    this.#close();
    if (told) this.#remove();
  }

  /** The journal has failed. @returns false where the file could not be removed */
  discard(): boolean {
    this.#discarded = true;
    this.#close();
    return this.#remove();
  }

  get #header(): EndsHeader {
    return { capacity: this.#capacity, done: this.#done };
  }

  #load(): void {
    const { path, identity, log } = this.#options;
    const fd = openSync(path, 'r+');
    const bytes = new Uint8Array(ENDS_HEADER_SIZE);
    const header = readEndsHeader(bytes.subarray(0, readSync(fd, bytes, 0, ENDS_HEADER_SIZE, 0)), identity);
    if (typeof header !== 'string') {
      this.#fd = fd;
      this.#capacity = header.capacity;
      this.#done = header.done;
      this.#delivered = header.done;
      return;
    }
    closeSync(fd);
    const aside = `${path}.refused`;
    renameSync(path, aside);
    log.warn(
      { path, aside },
      `the destroy log is not used: ${header}. Ended connections in it that were not exported are lost`,
    );
  }

  async #read(wanted: (row: Uint8Array) => boolean, onBatch: (batch: Batch) => void): Promise<number> {
    const batch = new Batch(ROWS);
    const hand = (): void => {
      onBatch(batch);
      batch.count = 0;
    };
    const behind = await readRecords(this.#fd, this.#header, row => {
      if (!wanted(row)) return;
      batch.bytes.set(row, batch.count++ * ROW_SIZE);
      if (batch.count === batch.capacity) hand();
    });
    if (batch.count > 0) hand();
    return behind;
  }

  /** The header first: what the writer writes over must be free in it. */
  #free(place: number): boolean {
    try {
      writeSync(this.#fd, encodeChanging({ capacity: this.#capacity, done: place }), 0, undefined, FILE_HEADER_SIZE);
    } catch (error) {
      if (!this.#complained) this.#options.log.warn(`the destroy log cannot be written: ${describeError(error)}`);
      this.#complained = true;
      return false;
    }
    this.#done = place;
    this.#writer?.freeEnds(place);
    return true;
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #remove(): boolean {
    const { path } = this.#options;
    try {
      rmSync(path, { force: true });
    } catch {
      try {
        truncateSync(path);
      } catch {
        return false;
      }
    }
    return true;
  }
}
