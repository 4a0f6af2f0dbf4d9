import type { Logger } from '../common/logger.js';
import { setupHint, settingsOff } from '../sources/kernel-settings.js';
import type { Source } from '../sources/source.js';
import type { ConnectionStore } from '../store/connection-store.js';
import type { PollHook } from './poll-hook.js';

/** Milliseconds between two warnings about counters that were set to zero. */
const WARN_INTERVAL_MS = 60_000;

/** What {@link KernelWatch} needs of the store. */
type ZeroedStore = Pick<ConnectionStore, 'takeZeroed'> & { readonly counts: { readonly counterResets: number } };

/**
 * Says after a poll what somebody else did to the kernel meanwhile: settings that were switched off or on again, and counters
 * that were set to zero.
 */
export class KernelWatch implements PollHook {
  readonly #source: Pick<Source, 'sysctl'>;
  readonly #events: boolean;
  readonly #store: ZeroedStore;
  readonly #log: Logger;
  readonly #monotonic: () => number;
  /** By name: what they take away. */
  #off: Map<string, string>;
  #resetsLogged = 0;
  #nextWarning = Number.NEGATIVE_INFINITY;

  /** @param events DESTROY events are wanted */
  constructor(
    source: Pick<Source, 'sysctl'>,
    events: boolean,
    store: ZeroedStore,
    log: Logger,
    monotonic: () => number = () => performance.now(),
  ) {
    this.#source = source;
    this.#events = events;
    this.#store = store;
    this.#log = log;
    this.#monotonic = monotonic;
    this.#off = settingsOff(source, events);
  }

  afterPoll(): void {
    this.#lookAtSettings();
    this.#lookAtCounters();
  }

  #lookAtSettings(): void {
    const off = settingsOff(this.#source, this.#events);
    for (const [name, message] of off) {
      if (this.#off.get(name) !== message) this.#log.warn({ hint: setupHint(name) }, message);
    }
    for (const name of this.#off.keys()) {
      if (!off.has(name)) this.#log.info(`net.netfilter.${name} is on again; it applies to new connections only`);
    }
    this.#off = off;
  }

  #lookAtCounters(): void {
    const { counterResets } = this.#store.counts;
    const now = this.#monotonic();
    if (counterResets === this.#resetsLogged || now < this.#nextWarning) return;
    const first = this.#store.takeZeroed();
    this.#log.warn(
      {
        connections: counterResets - this.#resetsLogged,
        counterResets,
        ...(first && { first: { was: first.was, is: first.is } }),
      },
      'another program has set the counters of connections to zero (conntrack -z): what they counted between the last poll and then is lost',
    );
    this.#resetsLogged = counterResets;
    this.#nextWarning = now + WARN_INTERVAL_MS;
  }
}
