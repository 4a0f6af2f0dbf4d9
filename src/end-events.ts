import type { Backend, EventOptions } from './backend.js';
import type { ConnectionStore } from './connection-store.js';
import { describeError } from './errors.js';
import type { Logger } from './logger.js';
import type { EventCounts, EventSource } from './sources/events.js';

/** How conntrack events are listened to. */
export interface EventsOptions extends Pick<EventOptions, 'filter' | 'netns' | 'receiveBuffer'> {
  /** Connections on the kernel's dying list above which they are no longer kept for us, and their events may be lost. */
  dyingLimit: number;
}

/** DESTROY events on their way into the store. */
export class EndEvents {
  readonly #source: EventSource;
  readonly #dyingLimit: number;
  readonly #log: Logger;
  /** The kernel keeps dying connections until their event has been read. */
  #kept = true;

  /**
   * @param onEnds called when the store has learned of ends
   * @throws CtflowError as Backend.openEvents
   */
  constructor(backend: Backend, options: EventsOptions, store: ConnectionStore, log: Logger, onEnds: () => void) {
    this.#dyingLimit = options.dyingLimit;
    this.#log = log;
    this.#source = backend.openEvents(
      { ...options, kinds: ['destroy'], broadcastError: true },
      {
        onBatch: batch => {
          store.destroyed(batch, { wall: Date.now(), monotonic: performance.now() });
          onEnds();
        },
        onError: error => {
          this.#kept = false;
          store.expectEvents(false);
          log.error(`${describeError(error)}; polling goes on without events`);
        },
      },
    );
    store.expectEvents(true);
    log.info({ receiveBuffer: this.#source.receiveBuffer }, 'DESTROY events are listened to');
  }

  /**
   * After a dump. The event of an end is sent before the table loses the connection: when this settles, whatever the dump did
   * not show has had its event, unless it is on the dying list.
   */
  async settle(): Promise<void> {
    await this.#source.drain();
    try {
      await this.#watchDying();
    } catch (error) {
      this.#log.warn(`the dying list cannot be read: ${describeError(error)}`);
    }
  }

  counts(): EventCounts {
    return this.#source.counts();
  }

  close(): void {
    this.#kept = false;
    this.#source.close();
  }

  /** A stuck exporter must not fill the kernel's table with what it has not read. */
  async #watchDying(): Promise<void> {
    if (!this.#kept) return;
    const dying = await this.#source.dyingCount(this.#dyingLimit + 1);
    if (dying <= this.#dyingLimit || !this.#kept) return;
    this.#kept = false;
    this.#source.setBroadcastError(false);
    this.#log.warn({ dying }, 'too many connections wait for their event to be read: from now on it may be lost');
  }
}
