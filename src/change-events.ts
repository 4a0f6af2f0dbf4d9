import type { Backend, EventOptions } from './backend.js';
import type { ConnectionStore } from './store/connection-store.js';
import { describeError } from './errors.js';
import type { Logger } from './logger.js';
import type { EventCounts, EventSource } from './sources/events.js';

/**
 * NEW and UPDATE events on their way into the store, from a socket of their own: the kernel delivers none of them again, so
 * that a receive buffer that overflows is a loss.
 */
export class ChangeEvents {
  readonly #source: EventSource;

  /**
   * @param onLoss called when events were lost
   * @throws CtflowError as Backend.openEvents
   */
  constructor(
    backend: Backend,
    options: Pick<EventOptions, 'filter' | 'netns' | 'receiveBuffer'>,
    store: ConnectionStore,
    log: Logger,
    onLoss: () => void,
  ) {
    this.#source = backend.openEvents(
      { ...options, kinds: ['new', 'update'], broadcastError: false },
      {
        onBatch: batch => store.noticed(batch, { wall: Date.now(), monotonic: performance.now() }),
        onOverrun: onLoss,
        onError: error => log.error(`${describeError(error)}; it goes on without NEW and UPDATE events`),
      },
    );
    log.info({ receiveBuffer: this.#source.receiveBuffer }, 'NEW and UPDATE events are listened to');
  }

  /** Settles when the store has been told whatever the kernel has told up to now. */
  drain(): Promise<void> {
    return this.#source.drain();
  }

  counts(): EventCounts {
    return this.#source.counts();
  }

  finish(): Promise<void> {
    return this.#source.finish();
  }

  close(): void {
    this.#source.close();
  }
}
