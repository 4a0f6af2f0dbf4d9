import { randomBytes } from 'node:crypto';
import { close, closeSync, fstatSync, openSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { CtflowError, describeError, errnoOf } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { PollHook } from '../ingest/poll-hook.js';
import { compact } from './compaction.js';
import type { DestinationJournal } from './destination-journal.js';
import { DestinationJournals } from './destination-journals.js';
import { DestroyLog } from './destroy-log.js';
import { EntryBlock, FILE_ID } from './entry-block.js';
import { COUNTER_WORDS, COUNTERS_WORD } from '../schedule/export-state.js';
import type { EndedProgress } from '../schedule/ended-queue.js';
import type { HostIdentity } from '../common/host.js';
import { destinationBlock, type JournalContents, type Uncertain } from './journal-contents.js';
import { encodeFileHeader, writeWhole, type Write } from './journal-file.js';
import type { JournalStats } from './journal-stats.js';
import { loadJournal } from './load-journal.js';
import { mostExported } from './most-exported.js';
import { settleContents } from './settle-contents.js';
import { SequenceFile, type JournalId } from './sequence-file.js';
import { StateLock, type LockFile } from './state-lock.js';
import { cannotWrite, isSameFile, resolveStatePath } from './state-path.js';

/** Bytes below which a journal is not written anew. */
const COMPACT_ABOVE = 64 << 20;
/** Or so many times what it was when it was written anew last. */
const COMPACT_TIMES = 4;
/** As many as the store knows when their event comes again (DestroyTracker). */
const KEPT_ENDS = 262_144;

export interface JournalOptions {
  path: string;
  identity: HostIdentity;
  log: Logger;
  /** Holds the file against other exporters. */
  lock: LockFile;
  /** Names that destinations had in files of still earlier versions, by their names. */
  formerNames?: ReadonlyMap<string, string>;
  /** Bytes below which the file is not written anew. */
  compactAbove?: number;
  write?: Write;
  /** Ended connections of a destination that stay when the file is written anew. */
  keptEnds?: number;
  /** Records of the destroy log. */
  endsCapacity?: number;
  /** The clock, milliseconds since 1970. */
  wall?: () => number;
}

/**
 * The state file: what was exported of which connection, written before and after each batch, so that the next run exports
 * nothing twice. Ordinary writes: they survive the end of the process, not that of the host.
 */
export class Journal implements PollHook {
  readonly #options: JournalOptions;
  readonly #log: Logger;
  readonly #write: Write;
  readonly #lock: StateLock;
  readonly #path: string;
  #identity: HostIdentity;
  #sequence!: SequenceFile;
  #id: JournalId = [0, 0];
  /** Another exporter has it. */
  #givenUp = false;
  /** The disk did not take the file last. */
  #failing = false;
  readonly #journals: DestinationJournals;
  #destroyLog!: DestroyLog;
  /** -1 without a file. */
  #fd = -1;
  #size = 0;
  #compactAt: number;
  #compacting: Promise<void> | undefined;
  #closing = false;
  #contents: JournalContents | undefined;
  /** A complete poll has shown what is there of what the file had at first. */
  #settled = false;
  #restored = 0;
  #endedWhileDown = 0;
  #compactions = 0;
  #errors = 0;
  #begunAnew = 0;

  private constructor(options: JournalOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#write = options.write ?? writeSync;
    this.#compactAt = options.compactAbove ?? COMPACT_ABOVE;
    this.#identity = options.identity;
    this.#path = resolveStatePath(options.path);
    this.#lock = new StateLock(this.#path, options.lock);
    this.#journals = new DestinationJournals(this, options);
  }

  /**
   * Goes on with the file, or creates one. A file that cannot be used is renamed and logged.
   * @throws CtflowError CTFLOW_STATE where the file is in use or cannot be written
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options);
    try {
      await journal.#open();
    } catch (error) {
      journal.#lock.release();
      throw error;
    }
    return journal;
  }

  /** DESTROY events that are not yet exported, in a file beside this one. */
  get destroyLog(): DestroyLog {
    return this.#destroyLog;
  }

  /**
   * The journal of one destination.
   * @param name identifies it, also after a restart; @param born when this run began, milliseconds since 1970
   * @param former names under which an earlier run may have known it, the likeliest first
   */
  destination(name: string, born: number, former: readonly string[] = []): DestinationJournal {
    return this.#journals.add(name, born, former, this.#contents, this.#settled);
  }

  /** Nothing is exported to it any more. What it has exported stays in the file until that is written anew. */
  remove(destination: DestinationJournal): void {
    this.#journals.remove(destination);
  }

  /** Writes the name of a destination, and since when its exports are known. */
  announce(destination: { number: number; name: string; since: number }): void {
    this.append(destinationBlock(destination));
  }

  /** Whether an earlier run has exported a connection to any destination, and not its end. */
  isOpen(row: Uint32Array, from: number): boolean {
    return this.#journals.all.some(destination => destination.isOpen(row, from));
  }

  /**
   * What earlier runs have exported of a connection that there is no room for, to the destination that has most; undefined where
   * it is not known of each. What this leaves out for another destination is counted there.
   */
  exported(row: Uint32Array, from: number): Uint32Array | undefined {
    const all = this.#journals.all.map(destination => destination.exported(row, from));
    const most = mostExported(all, row, from);
    const counted = most ?? row.slice(from + COUNTERS_WORD, from + COUNTERS_WORD + COUNTER_WORDS);
    for (const [i, destination] of this.#journals.all.entries()) destination.assumed(row, from, counted, all[i]);
    return most;
  }

  /** Adds a block. A disk that fails ends the journal, not the run. */
  append(block: Uint8Array): void {
    if (this.#fd < 0) return;
    try {
      this.#size += writeWhole(this.#write, this.#fd, block);
      this.#sequence.grow(this.#size);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#size <= this.#compactAt || this.#compacting || this.#closing || this.#contents) return;
    this.#compacting = this.#compact().finally(() => (this.#compacting = undefined));
  }

  /** After the first complete poll, connections that the journal knows and the poll did not show have ended. */
  async afterPoll(complete: boolean): Promise<void> {
    if (complete && this.#contents) await this.#settleContents(this.#contents);
    if (complete) this.#settled = true;
    for (const destination of this.#journals.all) destination.writeNotes();
    this.#destroyLog.warnIfIncomplete();
    this.#check();
  }

  /** Goes on for another network namespace: what is exported of the one before is of no use there. */
  beginAnew(identity: HostIdentity): void {
    this.#identity = identity;
    this.#contents = undefined;
    this.#settled = true;
    for (const destination of this.#journals.all) destination.forgetContents();
    if (!this.#givenUp) this.#again();
  }

  /** Frees what the destroy log holds and every destination has exported. @param ended as of DestroyLog.settle */
  settleDestroys(ended: readonly EndedProgress[]): void {
    let written = true;
    for (const destination of this.#journals.all) if (!destination.writeNotes()) written = false;
    if (written) this.#destroyLog.settle(ended);
  }

  /**
   * Waits for a compaction that is under way, as the lock must outlive it.
   * @param complete everything was exported or counted: the destroy log is no longer needed
   */
  async close(complete = false): Promise<void> {
    for (const destination of this.#journals.all) destination.flush();
    this.#closing = true;
    if (this.#compacting) await this.#compacting;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#destroyLog.close(complete);
    this.#sequence.close();
    this.#lock.release();
  }

  stats(): JournalStats {
    const restartUncertain: Uncertain = { records: 0, packets: 0, octets: 0 };
    for (const { uncertain } of this.#journals.all) {
      restartUncertain.records += uncertain.records;
      restartUncertain.packets += uncertain.packets;
      restartUncertain.octets += uncertain.octets;
    }
    return {
      path: this.#options.path,
      restored: this.#restored,
      endedWhileDown: this.#endedWhileDown,
      restartUncertain,
      size: this.#size,
      compactions: this.#compactions,
      errors: this.#errors,
      begunAnew: this.#begunAnew,
      ends: this.#destroyLog.stats(),
    };
  }

  async #open(): Promise<void> {
    const { log, endsCapacity: capacity } = this.#options;
    const path = `${this.#path}.ends`;
    try {
      this.#sequence = new SequenceFile(this.#path);
    } catch (error) {
      throw cannotWrite(`${this.#path}.seq`, error);
    }
    const loaded = await loadJournal(this.#path, this.#identity, this.#sequence, this.#log);
    if (loaded) ({ fd: this.#fd, size: this.#size, contents: this.#contents } = loaded);
    this.#journals.keepNumbers(new Set(this.#contents?.destinations.map(({ number }) => number)));
    const freed = (place: number): void => this.#sequence.free(place);
    const least = this.#sequence.place;
    const fresh = this.#fd < 0;
    this.#destroyLog = DestroyLog.load({ path, identity: this.#identity, log, fresh, capacity, least, freed });
    try {
      if (fresh) this.#create();
      else if (this.#contents?.id) this.#id = this.#contents.id;
      else {
        this.#id = newId();
        this.#size += writeWhole(this.#write, this.#fd, idBlock(this.#id));
      }
      if (!fresh) this.#sequence.begin(this.#id, this.#size);
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /** @throws the system's error */
  #create(): void {
    const fresh = `${this.#path}.new`;
    rmSync(fresh, { force: true });
    const fd = openSync(fresh, 'ax+', 0o600);
    try {
      this.#id = newId();
      const size = writeWhole(this.#write, fd, this.#head(this.#id));
      this.#takePlace(fresh, size);
      this.#fd = fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** What a file begins with. */
  #head(id: JournalId): Uint8Array {
    return Buffer.concat([encodeFileHeader(this.#identity), idBlock(id)]);
  }

  /** A file with the id that was made last becomes the journal. A kill in between leaves either. @throws the system's error */
  #takePlace(fresh: string, size: number): void {
    this.#sequence.announce(this.#id);
    renameSync(fresh, this.#path);
    this.#size = size;
    this.#sequence.begin(this.#id, size);
  }

  /** Whether others have left the files alone; where not, or where the disk had failed, the file is begun anew. */
  #check(): void {
    if (this.#givenUp) return;
    try {
      if (!this.#lock.renew())
        this.#log.warn({ path: this.#lock.path }, 'the lock file was deleted or replaced; it is made again');
      if (!this.#sequence.renew())
        this.#log.warn(
          { path: this.#sequence.path },
          'the sequence file was changed by another program; it is written again',
        );
    } catch (error) {
      if (error instanceof CtflowError) this.#giveUp(error);
      else this.#fail(error);
      return;
    }
    if (this.#fd < 0) {
      this.#again();
      return;
    }
    const size = fstatSync(this.#fd).size;
    const isSame = isSameFile(this.#fd, this.#path);
    if (!isSame || size !== this.#size) {
      const what = !isSame ? 'deleted or replaced' : size < this.#size ? 'truncated' : 'written by another program';
      this.#log.warn(
        { path: this.#path },
        `the state file was ${what} while in use; it is begun anew: after a restart, connections count from first sight unless exported since`,
      );
      this.#again();
    } else if (!this.#destroyLog.isWhole()) {
      this.#log.warn(
        { path: `${this.#path}.ends` },
        'the destroy log was deleted, truncated or replaced while in use; it is begun anew',
      );
      this.#attempt(() => this.#destroyLog.beginAnew());
    }
  }

  /** Begins the file anew. What was exported until now is not in it: no connection counts as never exported. */
  #again(): void {
    const failed = this.#fd < 0;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#attempt(() => {
      this.#create();
      for (const destination of this.#journals.all) destination.beginAnew();
      this.#journals.keepNumbers(new Set());
      this.#destroyLog.beginAnew(this.#identity);
      this.#begunAnew++;
      this.#failing = false;
      if (failed) this.#log.info({ path: this.#path }, 'the state file can be written again; it is begun anew');
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The files are another exporter's now. */
  #giveUp(error: CtflowError): void {
    this.#givenUp = true;
    this.#errors++;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#log.error(`${describeError(error)}; this run goes on without its state file`);
  }

  async #settleContents(contents: JournalContents): Promise<void> {
    for (const destination of this.#journals.all) destination.forgetContents();
    const destinations = new Map(this.#journals.all.map(destination => [destination.number, destination]));
    const { restored, endedWhileDown } = await settleContents(contents, (number, table, word) =>
      destinations.get(number)?.endWhileDown(table, word),
    );
    this.#restored += restored;
    this.#endedWhileDown += endedWhileDown;
    this.#contents = undefined;
    this.#log.info(
      { restored, endedWhileDown },
      'state restored: connections found again, and those that ended while ctflow was down',
    );
  }

  async #compact(): Promise<void> {
    const path = this.#path;
    const fd0 = this.#fd;
    const before = this.#id;
    const isCurrent = (): boolean => this.#id === before && this.#fd === fd0 && !this.#closing;
    try {
      if (!isSameFile(fd0, path)) return;
      const id = newId();
      const numbers = new Set(this.#journals.all.map(({ number }) => number));
      const { fd, size } = await compact({
        path: `${path}.new`,
        header: this.#head(id),
        from: { path, size: () => (isCurrent() ? this.#size : undefined) },
        destinations: this.#journals.all.map(destination => destinationBlock(destination)),
        numbers,
        write: this.#write,
        destroys: onBatch => this.#destroyLog.read(onBatch),
        keptEnds: this.#options.keptEnds ?? KEPT_ENDS,
      });
      if (fd < 0) return;
      this.#id = id;
      this.#takePlace(`${path}.new`, size);
      this.#journals.keepNumbers(numbers);
      // the file goes with it, which takes its time
      close(this.#fd, () => {});
      this.#fd = fd;
      this.#compactions++;
      this.#compactAt = Math.max(this.#options.compactAbove ?? COMPACT_ABOVE, size * COMPACT_TIMES);
      this.#log.debug({ size }, 'state file rewritten');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The file no longer says what was exported: the next run must not trust it. Each poll tries to begin it anew. */
  #fail(error: unknown): void {
    this.#errors++;
    const path = this.#path;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    if (this.#failing) return;
    this.#failing = true;
    let left = this.#destroyLog.discard() ? '' : `; ${path}.ends could not be removed: remove it before the next start`;
    try {
      rmSync(`${path}.new`, { force: true });
      rmSync(path, { force: true });
    } catch {
      try {
        truncateSync(path);
      } catch {
        left += `; ${path} could not be removed: remove it before the next start`;
      }
    }
    this.#log.error(
      { path, error: errnoOf(error) || describeError(error) },
      `the state file cannot be written; it is tried again at each poll, and a run that starts before has no state. Free disk space${left}`,
    );
  }
}

function newId(): JournalId {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

function idBlock(id: JournalId): Uint8Array {
  const block = new EntryBlock(1);
  block.words.set(id, block.next());
  return block.seal(FILE_ID, 0);
}
