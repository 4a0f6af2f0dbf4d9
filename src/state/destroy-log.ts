import { closeSync, openSync, readSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import type { DestroyLogCounts, DestroyLogPlace } from '../../native/binding.js';
import { Batch } from '../row/batch.js';
import { CtflowError, describeError, errnoOf } from '../common/errors.js';
import { DESTROY_LOG_RECORD_SIZE, ROW_SIZE } from '../row/layout.generated.js';
import type { Logger } from '../common/logger.js';
import { rowMatches } from '../row/filter.js';
import {
  encodeChanging,
  encodeDestroyHeader,
  DESTROY_HEADER_SIZE,
  readDestroyHeader,
  readRecords,
  type DestroyHeader,
} from './destroy-log-format.js';
import type { EndedProgress } from '../schedule/ended-queue.js';
import type { HostIdentity } from '../common/host.js';
import { FILE_HEADER_SIZE } from './journal-file.js';
import { cannotWrite, isSameFile, openBeside } from './state-path.js';

/** Bytes of the file at most. */
const MOST_BYTES = 64 << 20;
const CAPACITY = Math.floor(MOST_BYTES / DESTROY_LOG_RECORD_SIZE);
const ROWS = 1024;

export interface DestroyLogOptions {
  path: string;
  identity: HostIdentity;
  log: Logger;
  /** There is no journal of a previous run: what a file that is there holds may have been exported. */
  fresh: boolean;
  /** Records that a new file has room for. */
  capacity?: number | undefined;
  /** A file with a lower free place is an older copy; a new one begins there. */
  least?: number;
  /** Places below this one are free now, in the header too. @throws the system's error */
  freed?: (place: number) => void;
}

/** Writes the rows: the native event listener. */
export interface DestroyWriter {
  destroyLogCounts(): DestroyLogCounts | undefined;
  freeDestroyLog(place: number): void;
  /** Goes on in another file. */
  replaceDestroyLog(path: string): void;
}

export interface DestroyLogStats extends DestroyLogCounts {
  /** Ended connections of the previous run that it had not exported everywhere. */
  readonly recovered: number;
}

const NOTHING: DestroyLogCounts = { written: 0, full: 0, failed: 0, withoutIdentity: 0 };

/**
 * DESTROY events that are not yet exported, in a file beside the journal. Each row is written before the store gets it; its place
 * is free once every destination has exported it and the journal has been written. Only the journal knows which rows were exported:
 * without it the file is of no use.
 */
export class DestroyLog {
  recovered = 0;
  readonly #options: DestroyLogOptions;
  #identity: HostIdentity;
  /** -1 where there is no file. */
  #fd = -1;
  #capacity: number;
  /** Places below it are free; as in the header. */
  #done = 0;
  /** Place behind the last row that the store has. */
  #delivered = 0;
  /** When all of these are settled, the places below are free. */
  #mark: { readonly place: number; readonly pushed: readonly number[] } | undefined;
  #writer: DestroyWriter | undefined;
  #discarded = false;
  #warned = false;

  private constructor(options: DestroyLogOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#capacity = options.capacity ?? CAPACITY;
    this.#done = this.#delivered = options.least ?? 0;
  }

  /**
   * Goes on with the file where there is one. A file that cannot be used is renamed and logged.
   * @throws CtflowError CTFLOW_STATE
   */
  static load(options: DestroyLogOptions): DestroyLog {
    const log = new DestroyLog(options);
    const { path } = options;
    try {
      if (options.fresh) rmSync(path, { force: true });
      else log.#load();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw cannotWrite(path, error);
    }
    return log;
  }

  /**
   * The rows of the previous run, the oldest first; some of them may have been exported.
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
   * Creates the file where there is none.
   * @returns where the next row goes; undefined after {@link discard}
   * @throws CtflowError CTFLOW_STATE
   */
  open(): DestroyLogPlace | undefined {
    if (this.#discarded) return undefined;
    const { path } = this.#options;
    if (this.#fd < 0) {
      try {
        this.#create();
      } catch (error) {
        throw cannotWrite(path, error);
      }
    }
    return { path, capacity: this.#capacity, place: this.#delivered, done: this.#done };
  }

  /** Writes rows from now on. */
  setWriter(writer: DestroyWriter): void {
    this.#writer = writer;
  }

  /** Whether the file is still the one that is written; true where there is none. */
  isWhole(): boolean {
    if (this.#fd < 0) return true;
    const header = encodeDestroyHeader(this.#identity, this.#header);
    const there = new Uint8Array(header.length);
    readSync(this.#fd, there, 0, there.length, 0);
    return isSameFile(this.#fd, this.#options.path) && Buffer.compare(there, header) === 0;
  }

  /**
   * Another file takes the place of this one: what it holds is exported, or will be, without its protection.
   * @throws the system's error
   */
  beginAnew(identity = this.#identity): void {
    this.#identity = identity;
    this.#discarded = false;
    this.#mark = undefined;
    this.#done = this.#delivered;
    const isOpen = this.#fd >= 0 || this.#writer !== undefined;
    this.#close();
    if (!isOpen) return;
    this.#create();
    this.#options.freed?.(this.#done);
    this.#writer?.replaceDestroyLog(this.#options.path);
    this.#writer?.freeDestroyLog(this.#done);
  }

  /** The store has so many more rows. */
  delivered(rows: number): void {
    this.#delivered += rows;
  }

  /**
   * Frees what every destination has exported; the journal has been written.
   * @param ended one for each destination, in the same order since {@link begin}
   */
  settle(ended: readonly EndedProgress[]): void {
    if (this.#fd < 0 || this.#done === this.#delivered) return;
    const isSettled = (pushed: readonly number[]): boolean => pushed.every((many, i) => ended[i].settled >= many);
    if (this.#mark && !isSettled(this.#mark.pushed)) return;
    const now = { place: this.#delivered, pushed: ended.map(({ pushed }) => pushed) };
    const isAll = isSettled(now.pushed);
    const place = isAll ? now.place : this.#mark?.place;
    if (place !== undefined && !this.#free(place)) return;
    this.#mark = isAll ? undefined : now;
  }

  /** Destinations are others from now on. */
  begin(): void {
    this.#mark = undefined;
  }

  /** Warns once when rows could not be written. */
  warnIfIncomplete(): void {
    const { full, failed } = this.stats();
    if (this.#warned || full + failed === 0) return;
    this.#warned = true;
    this.#options.log.warn(
      { path: this.#options.path, full, failed },
      'some ended connections cannot be written to the destroy log: those not exported before a kill are lost',
    );
  }

  stats(): DestroyLogStats {
    return { recovered: this.recovered, ...(this.#writer?.destroyLogCounts() ?? NOTHING) };
  }

  /** @param complete everything was exported or counted: the file is removed */
  close(complete: boolean): void {
    this.#close();
    if (!complete) return;
    this.#remove();
    // a copy of it that is put back lies behind
    if (this.#writer && !this.#discarded) this.#options.freed?.(this.#delivered + 1);
  }

  /** The journal has failed. @returns false where the file could not be removed */
  discard(): boolean {
    this.#discarded = true;
    this.#close();
    return this.#remove();
  }

  get #header(): DestroyHeader {
    return { capacity: this.#capacity, done: this.#done };
  }

  #load(): void {
    const { path, identity, log, least = 0 } = this.#options;
    const fd = openBeside(path, false);
    const bytes = new Uint8Array(DESTROY_HEADER_SIZE);
    let header = readDestroyHeader(bytes.subarray(0, readSync(fd, bytes, 0, DESTROY_HEADER_SIZE, 0)), identity);
    if (typeof header !== 'string' && header.capacity > CAPACITY) header = 'its header is damaged';
    if (typeof header !== 'string' && header.done < least) header = 'it is an older copy';
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
    const deliver = (): void => {
      onBatch(batch);
      batch.count = 0;
    };
    const behind = await readRecords(this.#fd, this.#header, row => {
      if (!wanted(row)) return;
      batch.bytes.set(row, batch.count++ * ROW_SIZE);
      if (batch.count === batch.capacity) deliver();
    });
    if (batch.count > 0) deliver();
    return behind;
  }

  #create(): void {
    const { path } = this.#options;
    const fresh = `${path}.new`;
    rmSync(fresh, { force: true });
    this.#fd = openSync(fresh, 'wx+', 0o600);
    writeSync(this.#fd, encodeDestroyHeader(this.#identity, this.#header));
    renameSync(fresh, path);
  }

  /** The header first: what the writer writes over must be free in it. */
  #free(place: number): boolean {
    try {
      writeSync(this.#fd, encodeChanging({ capacity: this.#capacity, done: place }), 0, undefined, FILE_HEADER_SIZE);
      this.#options.freed?.(place);
    } catch (error) {
      if (!this.#warned) this.#options.log.warn(`the destroy log cannot be written: ${describeError(error)}`);
      this.#warned = true;
      return false;
    }
    this.#done = place;
    this.#writer?.freeDestroyLog(place);
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
