import { setTimeout as sleep } from 'node:timers/promises';
import { type CpuClock, CpuMeter } from '../../common/cpu.js';
import { errnoOf } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { EventTap } from '../../ingest/conntrack-events.js';
import type { PollHook } from '../../ingest/poll-hook.js';
import { dataFrames, doneFrame, dumpFrame, eventsFrame } from '../../sources/recording-frames.js';
import type { EventMessages } from '../../sources/events.js';
import type { DumpTap } from '../../sources/source.js';
import { Allowance } from '../allowance.js';
import { runsOf } from './messages.js';
import { cannotRecord, type Piece, Ring, type RingOptions } from './ring.js';
import {
  newRecorderCounts,
  type RecorderCounts,
  type RecorderStats,
  type DropReason,
  type SkipReason,
} from './stats.js';
import { type WrittenRecording, WrittenRecordings } from './written-recordings.js';

/** Octets that wait for the disk at most. */
const MOST_WAITING = 16 << 20;
/** Dumps take this share of the ring at most; events have the rest. */
const SHARE_OF_DUMPS = 1 / 2;
/** Octets of an entry in a dump, nearly: nothing is begun that cannot be finished. */
const OCTETS_OF_ENTRY = 320;
/** Milliseconds that what waits for the disk has to be in a recording that is written out. */
const FLUSH_MS = 5_000;
/** Milliseconds until the disk is tried again after an error. */
const PAUSE_MS = 10_000;
/** Of one call that writes: octets, and parts of memory. */
const MOST_OF_WRITE = 1 << 20;
const MOST_PARTS = 256;
/** What was not spent of the limits is saved for so many seconds. */
const SAVED_S = 4;

export interface RecorderOptions extends RingOptions {
  /** Octets of events a second at most. */
  readonly rate: number;
  /** Percent of one core at most that recording takes of the main thread. */
  readonly cpu: number;
  /** Written recordings that are kept. */
  readonly keep: number;
  readonly cpuClock: CpuClock;
  /** Entries of the kernel's table now, where that is known. */
  readonly entries: () => number | undefined;
  readonly log: Logger;
  /** Milliseconds; monotonic. */
  readonly clock?: () => number;
}

/**
 * Keeps what came from the kernel in the last minutes, as netlink bytes in a ring on disk: the events that the exporter receives, and
 * its dumps, as many as fit. It holds nothing up: what the disk or the limits do not take is dropped and counted.
 */
export class FlightRecorder implements DumpTap, EventTap {
  readonly #options: RecorderOptions;
  readonly #ring: Ring;
  readonly #written: WrittenRecordings;
  readonly #counts: RecorderCounts = newRecorderCounts();
  readonly #rate: Allowance;
  readonly #cpuAllowance: Allowance;
  readonly #cpu: CpuMeter;
  readonly #clock: () => number;
  #queue: Piece[] = [];
  #waiting = 0;
  #pumping: Promise<void> | undefined;
  /** The dump that is being recorded: its octets so far. */
  #dump: { octets: number; isCut: boolean } | undefined;
  #dumpOctets = 0;
  #lastDump = Number.NEGATIVE_INFINITY;
  /** The next dump is recorded, if it fits at all. */
  #wanted = false;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** The disk has refused something: nothing is written before a boundary. */
  #isBroken = false;
  #lastError: string | undefined;

  private constructor(options: RecorderOptions, ring: Ring) {
    this.#options = options;
    this.#ring = ring;
    this.#written = new WrittenRecordings(options.directory, options.keep);
    this.#clock = options.clock ?? (() => performance.now());
    this.#rate = new Allowance(options.rate, SAVED_S, this.#clock);
    this.#cpuAllowance = new Allowance(options.cpu * 10, SAVED_S, this.#clock);
    this.#cpu = new CpuMeter(options.cpuClock);
  }

  /** @throws CtflowError CTFLOW_RECORDING where the folder cannot be used; what `lock` throws */
  static async open(options: RecorderOptions): Promise<FlightRecorder> {
    const ring = await Ring.open(options);
    const recorder = new FlightRecorder(options, ring);
    await recorder.#written.tidy().catch((error: unknown) => {
      throw cannotRecord(options.directory, error);
    });
    const { directory, size, last } = options;
    options.log.info({ directory, size, last, span: ring.span }, 'flight recorder is on');
    return recorder;
  }

  /** To be the last one of each poll. */
  readonly pollHook: PollHook = {
    afterDump: async complete => this.#endDump(complete),
  };

  beginDump(): boolean {
    // the poll before has failed
    if (this.#dump) this.#endDump(false);
    const skip = this.#whySkip();
    if (skip !== undefined) {
      if (skip !== 'time') this.#counts.skippedDumps[skip]++;
      return false;
    }
    this.#wanted = false;
    this.#lastDump = this.#clock();
    this.#dump = { octets: 0, isCut: false };
    this.#measured(() => this.#push([dumpFrame(nanoseconds())], { isBoundary: true, always: true }));
    return true;
  }

  dumped(netlink: Uint8Array): void {
    const dump = this.#dump;
    if (!dump || dump.isCut || netlink.length === 0) return;
    this.#measured(() => {
      const isTooLarge = dump.octets + netlink.length > this.#options.size * SHARE_OF_DUMPS;
      // the buffer is used again
      dump.isCut = isTooLarge || !this.#push(dataFrames(Uint8Array.from(netlink)));
      if (!dump.isCut) dump.octets += netlink.length;
    });
  }

  events({ messages, lost }: EventMessages): void {
    this.#counts.droppedEvents.busy += lost;
    const reason = this.#whyDrop();
    this.#measured(() => {
      for (const { bytes, count } of runsOf(messages)) {
        if (reason !== undefined) this.#counts.droppedEvents[reason] += count;
        else if (!this.#push(eventsFrame(nanoseconds(), bytes), { events: count }))
          this.#counts.droppedEvents.busy += count;
      }
      if (reason === undefined) this.#rate.spend(messages.length);
    });
  }

  stats(): RecorderStats {
    const { segments, octets, span } = this.#ring;
    const cpu = Math.round(this.#cpu.spent);
    return {
      segments,
      octets,
      span,
      waiting: this.#waiting,
      cpu,
      ...this.#counts,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    };
  }

  /** The next dump is recorded whatever was recorded before, where it fits. */
  wantDump(): void {
    this.#wanted = true;
  }

  /**
   * Writes all that is held into a file of its own; who asks while one is being written gets the same.
   * @param why part of the file's name
   * @throws CtflowError CTFLOW_RECORDING
   */
  async write(why: string): Promise<WrittenRecording> {
    try {
      await Promise.race([this.#pumping, sleep(FLUSH_MS, undefined, { ref: false })]);
      const written = await this.#written.write(why, await this.#ring.read());
      this.#counts.recordings++;
      return written;
    } catch (error) {
      this.#counts.failedRecordings++;
      throw cannotRecord(this.#options.directory, error);
    }
  }

  async close(): Promise<void> {
    if (this.#dump) this.#endDump(false);
    await this.#pumping;
    await this.#ring.endSegment();
  }

  #whySkip(): SkipReason | 'time' | undefined {
    const { size, last, entries } = this.#options;
    const room = size * SHARE_OF_DUMPS;
    const expected = Math.max(this.#dumpOctets, (entries() ?? 0) * OCTETS_OF_ENTRY);
    if (expected > room) return 'size';
    const gap = (last * expected) / room;
    if (!this.#wanted && this.#clock() - this.#lastDump < gap) return 'time';
    return this.#whyDrop();
  }

  #whyDrop(): DropReason | undefined {
    if (this.#clock() < this.#pausedUntil) return 'disk';
    if (!this.#cpuAllowance.isOpen) return 'cpu';
    return this.#rate.isOpen ? undefined : 'rate';
  }

  #endDump(complete: boolean): void {
    const dump = this.#dump;
    if (!dump) return;
    this.#dump = undefined;
    this.#dumpOctets = dump.octets;
    const whole = complete && !dump.isCut;
    if (whole) this.#counts.dumps++;
    else this.#counts.partDumps++;
    // it has room, whatever waits: without it nothing behind it could be read
    this.#measured(() => this.#push([doneFrame(BigInt(dump.octets), whole)], { isBoundary: false, always: true }));
  }

  /**
   * @param isBoundary a segment may begin with it: by default, where no dump is open
   * @returns false where too much waits for the disk
   */
  #push(
    parts: readonly Uint8Array[],
    { isBoundary = this.#dump === undefined, events = 0, always = false }: Partial<Piece> & { always?: boolean } = {},
  ): boolean {
    const octets = parts.reduce((sum, { length }) => sum + length, 0);
    if (!always && this.#waiting + octets > MOST_WAITING) return false;
    this.#queue.push({ parts, octets, events, at: Date.now(), isBoundary, isWhole: this.#dump === undefined });
    this.#waiting += octets;
    this.#pumping ??= this.#pump().finally(() => (this.#pumping = undefined));
    return true;
  }

  async #pump(): Promise<void> {
    // what comes in this turn of the event loop is written together
    await new Promise(resolve => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const pieces = together(this.#queue);
      this.#queue = [];
      for (const piece of pieces) {
        await this.#write(piece);
        this.#waiting -= piece.octets;
      }
    }
  }

  async #write(piece: Piece): Promise<void> {
    if (this.#clock() >= this.#pausedUntil && (piece.isBoundary || !this.#isBroken)) {
      try {
        await this.#ring.append(piece);
        this.#counts.events += piece.events;
        this.#counts.octetsWritten += piece.octets;
        if (this.#isBroken) this.#options.log.info('flight recorder goes on');
        this.#isBroken = false;
        return;
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#counts.droppedEvents.disk += piece.events;
  }

  /** What was recorded stays; it goes on later, in another segment. */
  async #failed(cause: unknown): Promise<void> {
    const errno = errnoOf(cause) || String(cause);
    this.#counts.errors++;
    this.#lastError = errno;
    this.#pausedUntil = this.#clock() + PAUSE_MS;
    await this.#ring.endSegment().catch(() => {});
    if (!this.#isBroken) {
      const { message, hint } = cannotRecord(this.#options.directory, cause);
      this.#options.log.warn({ hint }, `${message}; it tries again every ${PAUSE_MS / 1000} s`);
    }
    this.#isBroken = true;
  }

  /** Runs it, and pays for it. */
  #measured(work: () => void): void {
    const before = this.#cpu.spent;
    this.#cpu.resume();
    work();
    this.#cpu.pause();
    this.#cpuAllowance.spend(this.#cpu.spent - before);
  }
}

/** Small pieces as one, so that one call writes them; a dump stays at the beginning of one. */
function together(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    const fits = last && last.octets + piece.octets <= MOST_OF_WRITE && last.parts.length < MOST_PARTS;
    if (!fits || (piece.isBoundary && !piece.isWhole)) joined.push(piece);
    else {
      joined[joined.length - 1] = {
        ...piece,
        parts: [...last.parts, ...piece.parts],
        octets: last.octets + piece.octets,
        events: last.events + piece.events,
        isBoundary: last.isBoundary,
      };
    }
  }
  return joined;
}

/** Since 1970. */
function nanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
