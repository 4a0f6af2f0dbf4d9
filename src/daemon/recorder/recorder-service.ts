import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { Backend } from '../../backend/backend.js';
import { CtflowError, describeError } from '../../common/errors.js';
import { formatSize } from '../../common/size.js';
import type { Logger } from '../../common/logger.js';
import type { RunSettings } from '../../config/run-settings.js';
import type { Exporter } from '../../exporter.js';
import type { PollHook } from '../../ingest/poll-hook.js';
import type { Source } from '../../sources/source.js';
import { StateLock } from '../../state/state-lock.js';
import { KernelCounters } from '../metrics/kernel-counters.js';
import { type Condition, type ConditionFigures, Conditions } from './conditions.js';
import { FlightRecorder } from './flight-recorder.js';
import type { RecorderStats } from './stats.js';
import type { WrittenRecording } from './written-recordings.js';

/** Who asked for a recording: part of its name. */
export type Why = 'command' | 'signal' | Condition;

/** A poll whose dump a recording is to end with is waited for so long, milliseconds. */
const POLL_MS = 10_000;

/** What a daemon's flight recorder has done. */
export interface RecorderServiceStats extends RecorderStats {
  /** Times that each condition was met and a recording was written, and times that it was too soon for another one. */
  readonly conditions: Readonly<Record<Condition, number>> & { readonly suppressed: number };
}

/** The flight recorder of a daemon, and what has its recordings written out. */
export class RecorderService {
  readonly recorder: FlightRecorder;
  readonly #lock: StateLock;
  readonly #log: Logger;
  readonly #conditions: Conditions;
  readonly #counters = new KernelCounters();
  #watched: { readonly exporter: Exporter; readonly source: Source } | undefined;
  #runs = false;
  #writing: Promise<WrittenRecording> | undefined;

  private constructor(
    { recordAtFill: fill, recordAtDrops: drops, recordPause: pause }: RunSettings,
    recorder: FlightRecorder,
    lock: StateLock,
    log: Logger,
  ) {
    this.recorder = recorder;
    this.#lock = lock;
    this.#log = log;
    const figures = (): ConditionFigures => this.#figures();
    this.#conditions = new Conditions({ fill, drops, pause, figures, write: why => this.write(why), log });
  }

  /**
   * @returns undefined where the settings want none
   * @throws CtflowError CTFLOW_RECORDING where the folder cannot be used, CTFLOW_STATE where another exporter uses it
   */
  static async open(settings: RunSettings, backend: Backend, log: Logger): Promise<RecorderService | undefined> {
    const { recordLast: last, recordSize: size, recordDirectory: directory } = settings;
    if (last === undefined) return undefined;
    let service: RecorderService | undefined;
    let lock: StateLock | undefined;
    try {
      const recorder = await FlightRecorder.open({
        directory,
        size,
        last,
        rate: settings.recordRate,
        cpu: settings.recordCpu,
        keep: settings.recordKeep,
        cpuClock: backend.threadCpu,
        entries: () => service?.entries,
        lock: () => (lock = new StateLock(join(directory, 'ring'), fd => backend.lockFile(fd))),
        log,
      });
      service = new RecorderService(settings, recorder, lock!, log);
      return service;
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  get pollHook(): PollHook {
    return this.recorder.pollHook;
  }

  /** Entries of the kernel's table, where that is known. */
  get entries(): number | undefined {
    const text = this.#watched?.source.sysctl('nf_conntrack_count');
    return text === undefined ? undefined : Number(text);
  }

  /** What it records. */
  watch(exporter: Exporter, source: Source): void {
    this.#watched = { exporter, source };
  }

  /** The exporter runs: a recording ends with a poll, and is written where a condition holds. */
  start(): void {
    this.#runs = true;
    this.#conditions.watch();
  }

  /** The exporter is about to close. */
  stopping(): void {
    this.#runs = false;
    this.#conditions.close();
  }

  /**
   * Writes out all that is held, with a dump as it is now at the end, where that fits. Who asks meanwhile gets the same file.
   * @throws CtflowError CTFLOW_RECORDING
   */
  write(why: Why): Promise<WrittenRecording> {
    return (this.#writing ??= this.#write(why).finally(() => (this.#writing = undefined)));
  }

  stats(): RecorderServiceStats {
    const { met, suppressed } = this.#conditions.counts;
    return { ...this.recorder.stats(), conditions: { ...met, suppressed } };
  }

  /** What is held stays, for the next run. */
  async close(): Promise<void> {
    this.stopping();
    await this.#writing?.catch(() => {});
    await this.recorder.close();
    this.#lock.release();
  }

  async #write(why: Why): Promise<WrittenRecording> {
    this.recorder.wantDump();
    const polled = this.#runs ? this.#watched?.exporter.poll() : undefined;
    await Promise.race([polled?.catch(() => {}), sleep(POLL_MS, undefined, { ref: false })]);
    try {
      const written = await this.recorder.write(why);
      const { path, octets, from = 0, to = 0 } = written;
      this.#log.info({ path, size: formatSize(octets), span: to - from, why }, 'a recording is written');
      return written;
    } catch (error) {
      const hint = error instanceof CtflowError ? error.hint : undefined;
      this.#log.warn({ why, hint }, `no recording is written: ${describeError(error)}`);
      throw error;
    }
  }

  #figures(): ConditionFigures {
    const { exporter, source } = this.#watched!;
    const table = source.statistics?.();
    const { events } = exporter.stats();
    if (!table) return { fill: undefined, drops: undefined };
    this.#counters.add(table);
    const { drop, earlyDrop, insertFailed } = this.#counters.sums;
    const lost = (events?.lost ?? 0) + (events?.changes?.overrun ?? 0);
    return {
      fill: table.limit ? Math.floor((table.entries / table.limit) * 100) : undefined,
      drops: drop + earlyDrop + insertFailed + lost,
    };
  }
}
