import type { Logger } from '../common/logger.js';
import { meaningOf } from './failure-meaning.js';
import type { TransportCounts } from '../transport/transport.js';

/** Between two warnings of one outage, milliseconds. */
const REPEAT_MS = 60_000;

interface Words {
  readonly lost: string;
  readonly away: string;
  readonly began: string;
  readonly back: string;
  readonly meaningOf: (why: string) => string | undefined;
}

/** Of files, by errno. */
const OF_FILES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file may not grow any more',
  EROFS: 'the file system is read-only',
  ENOENT: 'the folder is not there',
  EACCES: 'this user may not write there',
  ENOTDIR: 'a part of the path is a file, and no folder',
  EISDIR: 'a folder has this name',
  EPERM: 'this user may not write there',
  EBUSY: 'another process writes this file',
  EEXIST: 'what has this name is no IPFIX file; it is left as it is',
};

/** What is said of a collector, and of a file. */
const WORDS: Readonly<Record<'collector' | 'file', Words>> = {
  collector: {
    lost: 'connection to the collector lost; reconnecting',
    away: 'collector unreachable; retrying',
    began: 'export session started',
    back: 'export session started: collector reachable again',
    meaningOf,
  },
  file: {
    lost: 'the file takes no more records; retrying',
    away: 'the file cannot be written; retrying',
    began: 'file begun',
    back: 'file begun: it can be written again',
    meaningOf: why => OF_FILES[why],
  },
};

/** What went wrong last at a destination. */
export interface LastError {
  /** ISO 8601. */
  readonly at: string;
  /** As an errno, or in words. */
  readonly why: string;
  readonly meaning?: string;
}

/** What the log says of a collector that cannot be reached: at the first failure, seldom while it lasts, and when it is over. */
export class Outage {
  readonly #log: Logger;
  readonly #counts: TransportCounts;
  readonly #now: () => number;
  readonly #words: Words;
  #since = 0;
  #warnedAt = 0;
  #failures = 0;
  #lostBefore = 0;
  #last: LastError | undefined;

  /** @param now monotonic milliseconds; @param file it is no collector */
  constructor(log: Logger, counts: TransportCounts, now: () => number, file = false) {
    this.#words = WORDS[file ? 'file' : 'collector'];
    this.#log = log;
    this.#counts = counts;
    this.#now = now;
  }

  /** Also of an outage that is over. */
  get last(): LastError | undefined {
    return this.#last;
  }

  /** @param connected there was a session, and it has ended */
  failed(connected: boolean, why: string, uncertain: number): void {
    const now = this.#now();
    const meaning = this.#words.meaningOf(why);
    this.#last = { at: new Date().toISOString(), why, ...(meaning && { meaning }) };
    if (this.#failures++ === 0) {
      this.#since = now;
      this.#lostBefore = this.#counts.lostRecords;
    } else if (!connected && now - this.#warnedAt < REPEAT_MS) return;
    this.#warnedAt = now;
    const facts = { why, ...(meaning && { meaning }), lostRecords: this.#counts.lostRecords };
    if (connected) this.#log.warn({ ...facts, uncertain }, this.#words.lost);
    else this.#log.warn({ ...facts, attempts: this.#failures }, this.#words.away);
  }

  /** A session is open. */
  over(): void {
    const attempts = this.#failures;
    this.#failures = 0;
    if (attempts === 0) {
      this.#log.info(this.#words.began);
      return;
    }
    const seconds = Math.round((this.#now() - this.#since) / 1000);
    const lostRecords = this.#counts.lostRecords - this.#lostBefore;
    this.#log.info({ outageSeconds: seconds, attempts, lostRecords }, this.#words.back);
  }
}
