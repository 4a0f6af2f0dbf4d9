import { realpath, unlink } from 'node:fs/promises';
import type { FileEndpoint } from '../common/destination-endpoint.js';
import { errnoOf } from '../common/errors.js';
import { BackOff } from './back-off.js';
import { ClosedFiles } from './closed-files.js';
import { IpfixFile, type LockFile } from './ipfix-file.js';
import {
  copyMessages,
  countError,
  newCounts,
  Waiters,
  type Message,
  type Transport,
  type TransportListener,
} from './transport.js';

/** Bytes of a message at most: as over TCP. */
const MESSAGE_LIMIT = 16_384;
/** Bytes waiting at which it counts as not ready. */
const HIGH_WATER = 65_536;
/** Milliseconds between two looks whether the file still has its name. */
const LOOK_MS = 1_000;
/** Messages without sets that a disk must take before it counts as having room again: 64 KiB. */
const PROBE_MESSAGES = 4_096;

/** Milliseconds. */
export interface FileTimes {
  /** The first wait before a file that could not be written is tried again; each failed attempt doubles it. */
  retry: number;
  longestRetry: number;
}

const TIMES: FileTimes = { retry: 1_000, longestRetry: 10_000 };

export interface FileOptions {
  /** Bytes of a file after which another is begun; it is longer by one batch of messages at most (1 MiB). */
  fileMaxSize: number;
  /** Milliseconds from the first record of a file until another is begun. */
  fileMaxAge: number | 'off';
  /** Closed files that are kept. */
  fileKeep: number | 'all';
  /** Bytes of the closed files that are kept. */
  fileKeepSize: number | 'off';
}

export interface FileTransportOptions extends FileOptions {
  lock: LockFile;
}

/** Messages that lie one after another, two words of lengths each. */
interface Burst {
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
}

/**
 * IPFIX Files, RFC 5655: each is a transport session of its own. What a file has taken is what write(2) returned. Messages wait
 * in a queue; those that a file did not take whole go into the next one. A file that cannot be written is tried again with
 * back-off, from its last whole message on.
 */
export class FileTransport implements Transport {
  readonly endpoint: FileEndpoint;
  readonly counts = newCounts();
  readonly unreliable = false;
  readonly limit = MESSAGE_LIMIT;
  /** Closed files that were removed, as only so many are kept. */
  removedFiles = 0;
  readonly #options: FileTransportOptions;
  readonly #backOff: BackOff;
  readonly #waiters = new Waiters();
  #listener: TransportListener | undefined;
  #closed: ClosedFiles | undefined;
  #queue: Burst[] = [];
  #queued = 0;
  #file: IpfixFile | undefined;
  /** When the first record of the file was written, milliseconds since 1970. */
  #begun: number | undefined;
  /** Work on the file that is under way; one thing at a time. */
  #work: Promise<void> = Promise.resolve();
  #working = 0;
  /** The queue is being written. */
  #writing = false;
  /** What write(2) has been given. */
  #inWrite: Burst | undefined;
  #rotationDue = false;
  #lookAt = 0;
  #closing = false;
  /** The time for closing is over: what is being written is nobody's any more. */
  #abandoned = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #ageTimer: NodeJS.Timeout | undefined;

  constructor(endpoint: FileEndpoint, options: FileTransportOptions, times: Partial<FileTimes> = {}) {
    this.endpoint = endpoint;
    this.#options = options;
    const { retry, longestRetry } = { ...TIMES, ...times };
    this.#backOff = new BackOff(retry, longestRetry);
  }

  get ready(): boolean {
    return this.#file !== undefined && !this.#rotationDue && this.#queued < HIGH_WATER;
  }

  async open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    await this.#do(() => this.#begin());
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    const pairs = lengths.slice(0, messages * 2);
    let octets = 0;
    for (let i = 0; i < pairs.length; i += 2) octets += pairs[i];
    // the caller fills the buffer again at once
    this.#queue.push({ bytes: bytes.slice(0, octets), lengths: pairs });
    this.#queued += octets;
    this.#write();
  }

  takeBack(): readonly Message[] {
    const bursts = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    return bursts.flatMap(({ bytes, lengths }) => copyMessages(bytes, lengths));
  }

  async tryNow(timeoutMs: number): Promise<void> {
    if (this.#file || this.#closing) return;
    clearTimeout(this.#retryTimer);
    await within(
      timeoutMs,
      this.#do(() => this.#begin()),
    );
  }

  untilReady(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#ageTimer);
    const deadline = performance.now() + graceMs;
    const left = (): number => Math.max(deadline - performance.now(), 0);
    while ((this.#working > 0 || (this.#queue.length > 0 && this.#file)) && left() > 0)
      await within(left(), this.#work);
    await within(
      left(),
      this.#do(() => this.#finish()),
    );
    this.#abandon();
    const lost = this.takeBack();
    if (lost.length > 0) this.counts.lostRecords += this.#listener!.lost(lost);
    this.#waiters.wake();
  }

  /** A disk that does not answer may yet write what it was given. */
  #abandon(): void {
    this.#abandoned = true;
    if (!this.#inWrite) return;
    const { bytes, lengths } = this.#inWrite;
    this.#queue.shift();
    this.#queued -= bytes.length;
    const records = sumRecords(lengths);
    this.counts.uncertainRecords += records;
    this.#listener!.settled(records);
  }

  /** Does one thing with the file after another. */
  #do(what: () => Promise<void>): Promise<void> {
    this.#working++;
    this.#work = this.#work
      .then(what)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#working--);
    return this.#work;
  }

  #write(): void {
    if (this.#writing || !this.#file) return;
    this.#writing = true;
    void this.#do(() => this.#writeAll()).then(() => {
      this.#writing = false;
      // what came while the last file was closed
      if (this.#queue.length > 0) this.#write();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0 && this.#file && !this.#abandoned) {
      await this.#look(this.#file);
      if (this.#rotationDue && !this.#closing) await this.#rotate();
      else await this.#writeOne(this.#file, this.#queue[0]);
    }
  }

  async #writeOne(file: IpfixFile, burst: Burst): Promise<void> {
    const { bytes, lengths } = burst;
    this.#inWrite = burst;
    const { taken, error } = await file.append(bytes);
    if (this.#abandoned) return;
    this.#inWrite = undefined;
    let messages = 0;
    let octets = 0;
    while (messages * 2 < lengths.length && octets + lengths[messages * 2] <= taken) octets += lengths[messages++ * 2];
    file.keep(octets);
    const records = sumRecords(lengths.subarray(0, messages * 2));
    this.#queued -= octets;
    if (octets === bytes.length) this.#queue.shift();
    else this.#queue[0] = { bytes: bytes.subarray(octets), lengths: lengths.subarray(messages * 2) };
    this.counts.messages += messages;
    this.counts.records += records;
    this.counts.octets += octets;
    if (records > 0) this.#hasRecords();
    this.#listener!.settled(records);
    if (error !== undefined) throw error;
    this.#backOff.reset();
    if (file.size >= this.#options.fileMaxSize && this.#begun !== undefined) this.#rotationDue = true;
    if (this.#rotationDue && !this.#closing) await this.#rotate();
    if (this.ready || this.#queue.length === 0) this.#waiters.wake();
  }

  #hasRecords(): void {
    const { fileMaxAge } = this.#options;
    if (this.#begun !== undefined) return;
    this.#begun = Date.now();
    if (fileMaxAge === 'off' || this.#closing) return;
    this.#ageTimer = setTimeout(() => {
      this.#rotationDue = true;
      void this.#do(async () => {
        if (this.#rotationDue && !this.#closing) await this.#rotate();
      });
    }, fileMaxAge).unref();
  }

  /** Whether somebody moved or removed the file: what is written belongs under its name. */
  async #look(file: IpfixFile): Promise<void> {
    const now = performance.now();
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    if (!(await file.isThere())) this.#rotationDue = true;
  }

  async #rotate(): Promise<void> {
    await this.#finish();
    await this.#begin();
  }

  /** Closes the file, complete on the disk, and gives it its name. */
  async #finish(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    const begun = this.#begun;
    this.#release();
    try {
      if (begun === undefined) await file.empty();
      else await file.sync();
      if (!(await file.isThere())) return;
      if (begun === undefined) await unlink(file.path);
      else await this.#closed!.add(begun);
    } finally {
      await file.close();
    }
  }

  #release(): void {
    this.#file = undefined;
    this.#begun = undefined;
    this.#rotationDue = false;
    clearTimeout(this.#ageTimer);
  }

  /** Begins a file. What an earlier run left under its name is complete, and gets its own name first. */
  async #begin(): Promise<void> {
    if (this.#file) return;
    const { fileKeep, fileKeepSize, lock } = this.#options;
    const path = await realpath(this.endpoint.path).catch(() => this.endpoint.path);
    this.#closed = new ClosedFiles(path, {
      files: fileKeep === 'all' ? Infinity : fileKeep,
      octets: fileKeepSize === 'off' ? Infinity : fileKeepSize,
    });
    let file = await IpfixFile.open(path, lock);
    try {
      while (file.begun !== undefined) {
        await this.#closed.add(file.begun);
        await file.close();
        file = await IpfixFile.open(path, lock);
      }
      if (this.#backOff.failing) await this.#probe(file);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    await this.#prune(this.#closed);
    this.#file = file;
    this.#lookAt = performance.now() + LOOK_MS;
    this.counts.connects++;
    this.#listener!.opened();
    this.#waiters.wake();
  }

  /** A file can be opened on a disk that is full. */
  async #probe(file: IpfixFile): Promise<void> {
    const message = this.#listener!.emptyMessage(0);
    const bytes = Buffer.concat(Array.from({ length: PROBE_MESSAGES }, () => message));
    const { error } = await file.append(bytes);
    await file.empty();
    if (error !== undefined) throw error;
  }

  /** Files that cannot be removed keep no record from being written. */
  async #prune(closed: ClosedFiles): Promise<void> {
    try {
      const { removed, error } = await closed.prune();
      this.removedFiles += removed;
      if (error !== undefined) this.#count(error);
    } catch (error) {
      this.#count(error);
    }
  }

  #count(error: unknown): string {
    return countError(this.counts, errnoOf(error) || String(error));
  }

  async #fail(reason: unknown): Promise<void> {
    const why = this.#count(reason);
    const file = this.#file;
    const empty = this.#begun === undefined;
    this.#release();
    if (file) {
      // templates alone are no file; if this fails too, the next attempt cuts it off
      await (empty ? file.empty() : file.cut()).catch(() => {});
      await file.close().catch(() => {});
    }
    this.#waiters.wake();
    if (this.#closing) return;
    this.#listener!.closed(why, 0);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#do(() => this.#begin()), this.#backOff.next());
  }
}

function sumRecords(lengths: Uint32Array): number {
  let records = 0;
  for (let i = 1; i < lengths.length; i += 2) records += lengths[i];
  return records;
}

/** Waits for it, for so many milliseconds at most. */
async function within(milliseconds: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([done, new Promise(resolve => (timer = setTimeout(resolve, milliseconds)))]);
  clearTimeout(timer);
}
