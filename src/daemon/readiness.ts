import type { ExporterStats } from '../exporter.js';

/** An attempt that takes longer counts as made: the kernel waits two minutes for a host that does not answer (tcp_syn_retries). */
const ATTEMPT_MS = 20_000;

/**
 * Whether an exporter has begun its work: the first poll is stored, and each destination was tried. One was tried when it has, or
 * had, a session, when an attempt has failed, or when one takes longer than 20 s. It stays ready, also when a collector is away
 * later.
 */
export class Readiness {
  readonly #stats: () => Pick<ExporterStats, 'poll' | 'destinations'>;
  readonly #now: () => number;
  readonly #since: number;
  #ready = false;

  /** @param stats of the exporter, which is about to open; @param now monotonic milliseconds */
  constructor(stats: () => Pick<ExporterStats, 'poll' | 'destinations'>, now = () => performance.now()) {
    this.#stats = stats;
    this.#now = now;
    this.#since = now();
  }

  get ready(): boolean {
    return this.#ready || this.waitsFor().length === 0;
  }

  /** What is missing, in words: `the first poll`, `a first attempt at tcp://192.0.2.10:4739`. */
  waitsFor(): readonly string[] {
    if (this.#ready) return [];
    const { poll, destinations } = this.#stats();
    const patient = this.#now() - this.#since < ATTEMPT_MS;
    const untried = destinations.filter(
      ({ transport }) => patient && transport.connects === 0 && Object.keys(transport.errors).length === 0,
    );
    const missing = [
      ...(poll.polls > 0 ? [] : ['the first poll']),
      ...untried.map(({ endpoint }) => `a first attempt at ${endpoint}`),
    ];
    this.#ready = missing.length === 0;
    return missing;
  }
}
