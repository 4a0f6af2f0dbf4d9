import { TWO_32 } from '../common/unsigned.js';

/** What a message's sequence number shows about the messages before it. */
export interface SequenceVerdict {
  /**
   * - `first`, `next`: nothing is missing
   * - `gap`: `lost` data records are missing
   * - `late`: the message came out of order and fills a gap; `lost` is negative
   * - `repeated`: its data records were counted before
   * - `restart`: the exporter started again
   */
  readonly kind: 'first' | 'next' | 'gap' | 'late' | 'repeated' | 'restart';
  /** Data records by which the loss changes. */
  readonly lost: number;
}

const MAX_GAPS = 64;
/** So many messages in a row that lie behind without reason are a restart. */
const RESTART_AFTER = 16;

/**
 * Counts lost data records of one session and observation domain by the sequence numbers, which count the data records
 * sent before each message modulo 2^32 (RFC 7011 section 3.1).
 *
 * The first message sets the base: what was sent before the collector listened is not lost. A number ahead is a gap of so
 * many records. A number behind is a late message where it lies in a gap that is still remembered, and takes its records
 * off the loss; otherwise it is a restart when its export time is newer than any before, because a repeated or late
 * message is never newer, or when 16 such messages follow each other, because a clock may have gone back. A restart that
 * sets the number ahead cannot be distinguished from a loss.
 */
export class SequenceTracker {
  #expected: number | undefined;
  #newestExportTime = 0;
  #behind = 0;
  /** Runs of missing records: first number and how many, oldest first. */
  readonly #gaps: [from: number, count: number][] = [];

  /**
   * @param records data records in the message; undefined where a set could not be decoded, so that nobody knows, and the
   * next message sets a new base
   */
  next(sequence: number, exportTime: number, records: number | undefined): SequenceVerdict {
    const verdict = this.#judge(sequence, exportTime, records ?? 0);
    if (verdict.kind === 'late' || verdict.kind === 'repeated') return verdict;
    this.#behind = 0;
    this.#newestExportTime = verdict.kind === 'restart' ? exportTime : Math.max(this.#newestExportTime, exportTime);
    this.#expected = records === undefined ? undefined : (sequence + records) % TWO_32;
    return verdict;
  }

  #judge(sequence: number, exportTime: number, records: number): SequenceVerdict {
    if (this.#expected === undefined) return { kind: 'first', lost: 0 };
    const ahead = (sequence - this.#expected) | 0;
    if (ahead === 0) return { kind: 'next', lost: 0 };
    if (ahead > 0) {
      this.#gaps.push([this.#expected, ahead]);
      if (this.#gaps.length > MAX_GAPS) this.#gaps.shift();
      return { kind: 'gap', lost: ahead };
    }
    if (records > 0 && this.#fill(sequence, records)) return { kind: 'late', lost: -records };
    if (exportTime > this.#newestExportTime || ++this.#behind >= RESTART_AFTER) {
      this.#gaps.length = 0;
      return { kind: 'restart', lost: 0 };
    }
    return { kind: 'repeated', lost: 0 };
  }

  /** Takes the numbers out of the gap that holds them all. */
  #fill(sequence: number, records: number): boolean {
    const i = this.#gaps.findIndex(([from, count]) => ((sequence - from) >>> 0) + records <= count);
    if (i < 0) return false;
    const [from, count] = this.#gaps[i];
    const before = (sequence - from) >>> 0;
    const after = count - before - records;
    const rest: [number, number][] = [];
    if (before > 0) rest.push([from, before]);
    if (after > 0) rest.push([(sequence + records) % TWO_32, after]);
    this.#gaps.splice(i, 1, ...rest);
    return true;
  }
}
