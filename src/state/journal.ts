import {
  close,
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { describeError, errnoOf } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { PollHook } from '../ingest/poll-hook.js';
import { compact } from './compaction.js';
import { DestinationJournal } from './destination-journal.js';
import { DestroyLog, type DestroyLogStats } from './destroy-log.js';
import { DESTINATION, DONE, ENTRY_WORDS, EntryBlock, HEAD_WORDS } from './entry-block.js';
import type { EndedProgress } from '../schedule/ended-queue.js';
import type { HostIdentity } from '../common/host.js';
import { destinationPayload, JournalContents, type Uncertain } from './journal-contents.js';
import {
  encodeFileHeader,
  FILE_HEADER_SIZE,
  readBlocks,
  refuseFileHeader,
  writeWhole,
  type Write,
} from './journal-file.js';
import { cannotWrite, StateLock } from './state-lock.js';

/** Bytes below which a journal is not written anew. */
const COMPACT_ABOVE = 64 << 20;
/** Or so many times what it was when it was written anew last. */
const COMPACT_TIMES = 4;
/** Entries looked at before the event loop gets its turn. */
const ENTRIES_A_TURN = 65_536;
/** As many as the store knows when their event comes again (DestroyTracker). */
const KEPT_ENDS = 262_144;

export interface JournalOptions {
  path: string;
  identity: HostIdentity;
  log: Logger;
  /** Bytes below which the file is not written anew. */
  compactAbove?: number;
  write?: Write;
  /** Ended connections of a destination that stay when the file is written anew. */
  keptEnds?: number;
  /** Records of the destroy log. */
  endsCapacity?: number;
}

export interface JournalStats {
  readonly path: string;
  /** Connections of the previous run that were found again. */
  readonly restored: number;
  /** Connections of the previous run that ended while no exporter ran: their last counters are not known. */
  readonly endedWhileDown: number;
  /** What was being sent when the previous run was killed: it is not sent again, and may be missing. */
  readonly restartUncertain: Uncertain;
  /** Bytes of the file. */
  readonly size: number;
  readonly compactions: number;
  /** Disk errors; after the first the run goes on without a journal. */
  readonly errors: number;
  readonly ends: DestroyLogStats;
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
  readonly #destinations: DestinationJournal[] = [];
  #destroyLog!: DestroyLog;
  /** -1 without a file. */
  #fd = -1;
  #size = 0;
  #compactAt: number;
  #compacting: Promise<void> | undefined;
  #closing = false;
  #contents: JournalContents | undefined;
  #restored = 0;
  #endedWhileDown = 0;
  #compactions = 0;
  #errors = 0;

  private constructor(options: JournalOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#write = options.write ?? writeSync;
    this.#compactAt = options.compactAbove ?? COMPACT_ABOVE;
    this.#lock = new StateLock(options.path);
  }

  /**
   * Goes on with the file, or creates one. A file that cannot be used is renamed and logged.
   * @throws CtflowError CTFLOW_STATE where the file is in use or cannot be written
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options);
    try {
      await journal.#load();
      const { path, identity, log, endsCapacity: capacity } = options;
      journal.#destroyLog = DestroyLog.load({ path: `${path}.ends`, identity, log, fresh: journal.#fd < 0, capacity });
      if (journal.#fd < 0) journal.#create();
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
   */
  destination(name: string, born: number): DestinationJournal {
    const namesakes = this.#destinations.filter(one => one.name === name || one.name.startsWith(`${name} #`));
    const own = namesakes.length > 0 ? `${name} #${namesakes.length + 1}` : name;
    const known = this.#contents?.destinations.find(one => one.name === own);
    const taken = [...(this.#contents?.destinations ?? []), ...this.#destinations].map(({ number }) => number);
    const number = known?.number ?? Math.max(-1, ...taken) + 1;
    const destination = new DestinationJournal(this, { number, name: own, born, known, table: this.#contents?.table });
    this.#destinations.push(destination);
    if (!known) this.announce(destination);
    else if (known.pending.length > 0) this.append(new EntryBlock(0).seal(DONE, number, known.batch));
    const { records } = destination.uncertain;
    if (records > 0) {
      this.#log.warn(
        { collector: own, restartUncertain: destination.uncertain },
        'records of the previous run may or may not have been sent; they are not sent again',
      );
    }
    return destination;
  }

  /** Writes the name of a destination, and since when its exports are known. */
  announce(destination: { number: number; name: string; since: number }): void {
    this.append(destinationBlock(destination));
  }

  /** Whether an earlier run has exported a connection to any destination, and not its end. */
  isOpen(row: Uint32Array, from: number): boolean {
    return this.#destinations.some(destination => destination.isOpen(row, from));
  }

  /** Adds a block. A disk that fails ends the journal, not the run. */
  append(block: Uint8Array): void {
    if (this.#fd < 0) return;
    try {
      this.#size += writeWhole(this.#write, this.#fd, block);
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
    for (const destination of this.#destinations) destination.flush();
    this.#destroyLog.warnIfIncomplete();
  }

  /** Frees what the destroy log holds and every destination has exported. @param ended as of DestroyLog.settle */
  settleDestroys(ended: readonly EndedProgress[]): void {
    for (const destination of this.#destinations) destination.flush();
    this.#destroyLog.settle(ended);
  }

  /**
   * Waits for a compaction that is under way, as the lock must outlive it.
   * @param complete everything was exported or counted: the destroy log is no longer needed
   */
  async close(complete = false): Promise<void> {
    for (const destination of this.#destinations) destination.flush();
    this.#closing = true;
    if (this.#compacting) await this.#compacting;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#destroyLog.close(complete);
    this.#lock.release();
  }

  stats(): JournalStats {
    const restartUncertain: Uncertain = { records: 0, packets: 0, octets: 0 };
    for (const { uncertain } of this.#destinations) {
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
      ends: this.#destroyLog.stats(),
    };
  }

  async #load(): Promise<void> {
    const { path, identity } = this.#options;
    let fd: number;
    try {
      fd = openSync(path, 'r+');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw cannotWrite(path, error);
    }
    const refused = await this.#read(fd, identity).catch((error: unknown) => (error as Error).message);
    if (refused === undefined) return;
    closeSync(fd);
    this.#contents = undefined;
    const aside = `${path}.refused`;
    try {
      renameSync(path, aside);
    } catch (error) {
      throw cannotWrite(path, error);
    }
    this.#log.warn(
      { path, aside },
      `the state file is not used: ${refused}. Open connections are treated as on a first start`,
    );
  }

  /** @returns why the file is not used */
  async #read(fd: number, identity: HostIdentity): Promise<string | undefined> {
    const header = new Uint8Array(FILE_HEADER_SIZE);
    const { size } = fstatSync(fd);
    const refused = refuseFileHeader(header.subarray(0, readSync(fd, header, 0, FILE_HEADER_SIZE, 0)), identity);
    if (refused !== undefined) return refused;
    const contents = new JournalContents(size);
    let senseless = false;
    const end = await readBlocks(fd, FILE_HEADER_SIZE, size, block => {
      if (!contents.take(block)) senseless = true;
    });
    if (senseless) return 'its blocks contradict each other';
    // the last write was cut off by the end of the process
    if (end < size) ftruncateSync(fd, end);
    closeSync(fd);
    this.#fd = openSync(this.#options.path, 'a+');
    this.#size = end;
    this.#contents = contents;
    return undefined;
  }

  #create(): void {
    const { path, identity } = this.#options;
    const fresh = `${path}.new`;
    try {
      rmSync(fresh, { force: true });
      this.#fd = openSync(fresh, 'ax+', 0o600);
      this.#size = writeWhole(this.#write, this.#fd, encodeFileHeader(identity));
      renameSync(fresh, path);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  async #settleContents({ table, destinations }: JournalContents): Promise<void> {
    for (const destination of this.#destinations) destination.forgetContents();
    const byNumber = new Map(this.#destinations.map(destination => [destination.number, destination]));
    const beyond = Math.max(-1, ...destinations.map(({ number }) => number)) + 1;
    const isFound = (word: number): boolean => table.isMarked(word);
    const isOpen = (word: number): boolean => !table.isEnded(word);
    for (let entry = 0; entry < table.count; entry++) {
      if (entry % ENTRIES_A_TURN === ENTRIES_A_TURN - 1) await new Promise(resolve => setImmediate(resolve));
      const word = entry * ENTRY_WORDS;
      const there = table.some(word, beyond, isFound);
      if (!there && isOpen(word)) byNumber.get(table.destinationAt(word))?.endWhileDown(table, word);
      // a connection counts once, however many destinations know it
      if (table.some(word, table.destinationAt(word), there ? isFound : isOpen)) continue;
      if (there && isFound(word)) this.#restored++;
      else if (!there && isOpen(word)) this.#endedWhileDown++;
    }
    this.#contents = undefined;
    const { restored, endedWhileDown } = this.stats();
    this.#log.info(
      { restored, endedWhileDown },
      'state restored: connections found again, and those that ended while ctflow was down',
    );
  }

  async #compact(): Promise<void> {
    const { path, identity } = this.#options;
    try {
      const { fd, size } = await compact({
        path: `${path}.new`,
        header: encodeFileHeader(identity),
        from: { path, size: () => (this.#fd < 0 || this.#closing ? undefined : this.#size) },
        destinations: this.#destinations.map(destination => destinationBlock(destination)),
        numbers: new Set(this.#destinations.map(({ number }) => number)),
        write: this.#write,
        destroys: onBatch => this.#destroyLog.read(onBatch),
        keptEnds: this.#options.keptEnds ?? KEPT_ENDS,
      });
      if (fd < 0) return;
      renameSync(`${path}.new`, path);
      // the file goes with it, which takes its time
      close(this.#fd, () => {});
      this.#fd = fd;
      this.#size = size;
      this.#compactions++;
      this.#compactAt = Math.max(this.#options.compactAbove ?? COMPACT_ABOVE, size * COMPACT_TIMES);
      this.#log.debug({ size }, 'state file rewritten');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The file no longer says what was exported: the next run must not trust it. */
  #fail(error: unknown): void {
    this.#errors++;
    if (this.#fd < 0) return;
    const { path } = this.#options;
    closeSync(this.#fd);
    this.#fd = -1;
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
      `the state file cannot be written; this run continues without it, and the next one starts without state. Free disk space${left}`,
    );
  }
}

function destinationBlock(destination: { number: number; name: string; since: number }): Uint8Array {
  const payload = destinationPayload(destination);
  const block = new EntryBlock(payload.length / ENTRY_WORDS);
  block.words.set(payload, HEAD_WORDS);
  block.count = block.capacity;
  return block.seal(DESTINATION, destination.number);
}
