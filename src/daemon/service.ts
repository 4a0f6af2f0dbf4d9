import type { Logger } from '../common/logger.js';
import type { ExporterStats } from '../exporter.js';
import type { Readiness } from './readiness.js';
import type { ServiceManager } from './service-manager.js';

/** Milliseconds from one look at the exporter to the next, until it is ready, and then. */
const SOON_MS = 100;
const BEAT_MS = 10_000;
/** WATCHDOG=1 is said so often in its time. */
const BEATS = 4;

/** What {@link Service} looks at. */
export interface Served {
  readonly readiness: Pick<Readiness, 'ready' | 'waitsFor'>;
  stats(): Pick<ExporterStats, 'poll'>;
  /** How things stand, in a sentence. */
  status(): string;
}

/** Tells the service manager how the exporter does: that it is ready, how things stand, that polls go on, that it reloads or stops. */
export class Service {
  readonly #manager: ServiceManager | undefined;
  readonly #log: Logger;
  #served: Served | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ready = false;
  #stopping = false;
  #stuck = false;
  #status = '';

  /** @param manager undefined where there is none: nothing is done then */
  constructor(manager: ServiceManager | undefined, log: Logger) {
    this.#manager = manager;
    this.#log = log;
  }

  /** From now on until {@link stopping} it says when the exporter is ready, and that it polls. */
  follow(served: Served): void {
    this.#served = served;
    if (this.#manager) this.#look();
  }

  /** The configuration is being read again; before READY=1 and after STOPPING=1 nothing is sent. */
  reloading(): void {
    if (!this.#ready || this.#stopping) return;
    // systemd wants the time of CLOCK_MONOTONIC, which is that of hrtime on Linux
    this.#manager?.notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** It was read, whatever came of it. */
  reloaded(): void {
    if (this.#ready && !this.#stopping) this.#manager?.notify('READY=1', `STATUS=${this.#status}`);
  }

  /** It ends. WATCHDOG=1 goes on until {@link close}, as the last export takes its time. */
  stopping(status: string): void {
    this.#ready = this.#stopping = true;
    this.#manager?.notify('STOPPING=1', `STATUS=${status}`);
    if (this.#served) this.#served = { ...this.#served, status: () => status };
    this.#status = status;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#served = undefined;
  }

  #look(): void {
    const { readiness, status, stats } = this.#served!;
    const words: string[] = [];
    if (!this.#ready && readiness.ready) {
      this.#ready = true;
      words.push('READY=1');
    }
    if (this.#ready && this.#polls(stats().poll.behind)) words.push('WATCHDOG=1');
    const now = this.#ready ? status() : `waits for ${readiness.waitsFor().join(', ')}`;
    if (now !== this.#status) words.push(`STATUS=${now}`);
    this.#status = now;
    if (words.length > 0) this.#manager!.notify(...words);
    const { watchdog = Infinity } = this.#manager!;
    this.#timer = setTimeout(() => this.#look(), this.#ready ? Math.min(watchdog / BEATS, BEAT_MS) : SOON_MS).unref();
  }

  /** Whether WATCHDOG=1 is to be sent: polls go on. @param behind see PollStats */
  #polls(behind: number): boolean {
    const { watchdog } = this.#manager!;
    if (watchdog === undefined) return false;
    const stuck = behind > watchdog / 2;
    if (stuck && !this.#stuck)
      this.#log.error(
        { behind, watchdog },
        'polls do not go on: no WATCHDOG=1 is sent any more, and systemd will restart ctflow',
      );
    this.#stuck = stuck;
    return !stuck;
  }
}
