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
import { DestinationMemory } from './destination-memory.js';
import { HeardEnds, type EndedWaiting, type HeardEndsStats } from './heard-ends.js';
import { DESTINATION, DONE, ENTRY_WORDS, EntryBlock, HEAD_WORDS } from './entry-block.js';
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
  /** Ends that can wait to be told. */
  endsCapacity?: number;
}

export interface JournalStats {
  readonly path: string;
  /** Connections of the exporter before that were found again. */
  readonly restored: number;
  /** Connections of the exporter before that ended while nobody listened: what they counted last is not known. */
  readonly endedUnwatched: number;
  /** What the exporter before was about to send when it was killed: it is not sent again, and may be missing. */
  readonly restartUncertain: Uncertain;
  /** Bytes of the file. */
  readonly size: number;
  readonly compactions: number;
  /** Errors of the disk; after the first the run goes on without a journal. */
  readonly errors: number;
  /** Ends that were heard of: of the exporter before, and what became of those written down. */
  readonly ends: HeardEndsStats;
}

/**
 * The state file: what was reported of which connection, written before and after each batch, so that an exporter that
 * begins again tells nothing twice. Ordinary writes: what was written survives the end of the process, not that of the host.
 */
export class Journal implements PollHook {
  readonly #options: JournalOptions;
  readonly #log: Logger;
  readonly #write: Write;
  readonly #lock: StateLock;
  readonly #memories: DestinationMemory[] = [];
  #ends!: HeardEnds;
  /** -1 when there is no file any more. */
  #fd = -1;
  #size = 0;
  #compactAt: number;
  #compacting: Promise<void> | undefined;
  #closing = false;
  #contents: JournalContents | undefined;
  #restored = 0;
  #endedUnwatched = 0;
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
   * Goes on with the file, or begins a new one; a file that holds nothing for this exporter is put aside and said to be.
   * @throws CtflowError CTFLOW_STATE where the file is in use or cannot be written
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options);
    try {
      await journal.#load();
      const { path, identity, log, endsCapacity: capacity } = options;
      journal.#ends = HeardEnds.open({ path: `${path}.ends`, identity, log, fresh: journal.#fd < 0, capacity });
      if (journal.#fd < 0) journal.#begin();
    } catch (error) {
      journal.#lock.release();
      throw error;
    }
    return journal;
  }

  /** What was heard of ends, in a file beside this one. */
  get ends(): HeardEnds {
    return this.#ends;
  }

  /**
   * The memory of one destination.
   * @param name tells it from others, over restarts; @param born when this exporter began, milliseconds since 1970
   */
  destination(name: string, born: number): DestinationMemory {
    const namesakes = this.#memories.filter(memory => memory.name === name || memory.name.startsWith(`${name} #`));
    const own = namesakes.length > 0 ? `${name} #${namesakes.length + 1}` : name;
    const known = this.#contents?.destinations.find(one => one.name === own);
    const taken = [...(this.#contents?.destinations ?? []), ...this.#memories].map(({ number }) => number);
    const number = known?.number ?? Math.max(-1, ...taken) + 1;
    const memory = new DestinationMemory(this, { number, name: own, born, known, table: this.#contents?.table });
    this.#memories.push(memory);
    if (!known) this.announce(memory);
    else if (known.pending.length > 0) this.append(new EntryBlock(0).seal(DONE, number, known.batch));
    const { records } = memory.uncertain;
    if (records > 0) {
      this.#log.warn(
        { collector: own, restartUncertain: memory.uncertain },
        'records of the previous run may or may not have been sent; they are not sent again',
      );
    }
    return memory;
  }

  /** Writes who a destination is, and since when it is remembered. */
  announce(destination: { number: number; name: string; since: number }): void {
    this.append(destinationBlock(destination));
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

  /** After the first whole poll, what the journal knows and nobody has seen has ended. */
  async afterPoll(complete: boolean): Promise<void> {
    if (complete && this.#contents) await this.#settleContents(this.#contents);
    for (const memory of this.#memories) memory.flush();
    this.#ends.watch();
  }

  /** What was told of ends is written, and need not be kept as heard. @param waiting as of HeardEnds.settle */
  settleEnds(waiting: readonly EndedWaiting[]): void {
    for (const memory of this.#memories) memory.flush();
    this.#ends.settle(waiting);
  }

  /**
   * Nobody else may have the file before a new one that is being written has been given up.
   * @param told the exporter has come to its end, and has told or counted all that it had heard
   */
  async close(told = false): Promise<void> {
    for (const memory of this.#memories) memory.flush();
    this.#closing = true;
    if (this.#compacting) await this.#compacting;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#ends.close(told);
    this.#lock.release();
  }

  stats(): JournalStats {
    const restartUncertain: Uncertain = { records: 0, packets: 0, octets: 0 };
    for (const { uncertain } of this.#memories) {
      restartUncertain.records += uncertain.records;
      restartUncertain.packets += uncertain.packets;
      restartUncertain.octets += uncertain.octets;
    }
    return {
      path: this.#options.path,
      restored: this.#restored,
      endedUnwatched: this.#endedUnwatched,
      restartUncertain,
      size: this.#size,
      compactions: this.#compactions,
      errors: this.#errors,
      ends: this.#ends.stats(),
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
    if (senseless) return 'it contradicts itself';
    // the last write was cut off by the end of the process
    if (end < size) ftruncateSync(fd, end);
    closeSync(fd);
    this.#fd = openSync(this.#options.path, 'a+');
    this.#size = end;
    this.#contents = contents;
    return undefined;
  }

  #begin(): void {
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
    for (const memory of this.#memories) memory.forgetContents();
    const memories = new Map(this.#memories.map(memory => [memory.number, memory]));
    const beyond = Math.max(-1, ...destinations.map(({ number }) => number)) + 1;
    const isAsked = (word: number): boolean => table.isAsked(word);
    const isOpen = (word: number): boolean => !table.isEnded(word);
    for (let entry = 0; entry < table.count; entry++) {
      if (entry % ENTRIES_A_TURN === ENTRIES_A_TURN - 1) await new Promise(resolve => setImmediate(resolve));
      const word = entry * ENTRY_WORDS;
      const there = table.some(word, beyond, isAsked);
      if (!there && isOpen(word)) memories.get(table.destinationAt(word))?.endUnwatched(table, word);
      // a connection counts once, however many destinations know it
      if (table.some(word, table.destinationAt(word), there ? isAsked : isOpen)) continue;
      if (there && isAsked(word)) this.#restored++;
      else if (!there && isOpen(word)) this.#endedUnwatched++;
    }
    this.#contents = undefined;
    const { restored, endedUnwatched } = this.stats();
    this.#log.info(
      { restored, endedUnwatched },
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
        destinations: this.#memories.map(memory => destinationBlock(memory)),
        numbers: new Set(this.#memories.map(({ number }) => number)),
        write: this.#write,
        heard: onBatch => this.#ends.read(onBatch),
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

  /** What is in the file is no longer what was told: the next start must not trust it. */
  #fail(error: unknown): void {
    this.#errors++;
    if (this.#fd < 0) return;
    const { path } = this.#options;
    closeSync(this.#fd);
    this.#fd = -1;
    // without the journal nobody knows what was told
    let left = this.#ends.discard() ? '' : `; ${path}.ends could not be removed: remove it before the next start`;
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
