import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { HostIdentity } from '../common/host.js';
import type { FollowedSource } from '../sources/followed-source.js';
import type { EventsOptions } from './conntrack-events.js';
import type { NamespaceWatch } from '../sources/namespace-watch.js';

/** Milliseconds from one warning about a missing namespace to the next. */
const REPEAT_MS = 300_000;

export interface NamespaceOptions {
  watch: NamespaceWatch;
  /** The source, which is released and opened again. */
  source: FollowedSource;
  /** Another namespace has the name: opens the source in it. @throws CtflowError */
  enter(): { events?: EventsOptions | undefined; identity: HostIdentity; excludeSelf: boolean };
}

/** What is done when a namespace goes, and when another has its name. */
export interface NamespaceSteps {
  /** Exports what is open, and releases everything that keeps the namespace. */
  leave(): Promise<void>;
  /**
   * Opens what reads the namespace that has the name now.
   * @param since when it was left, where it has come back
   * @throws CtflowError
   */
  enter(since: number | undefined): Promise<void>;
}

/** Follows the name of a network namespace: it may be deleted, and made anew. */
export class NamespaceFollower {
  /** Times that a namespace had to be left. */
  left = 0;
  readonly #watch: NamespaceWatch;
  readonly #steps: NamespaceSteps;
  readonly #log: Logger;
  #outsideSince: number | undefined;
  #moving: Promise<boolean> | undefined;
  #warnAt = 0;

  constructor(watch: NamespaceWatch, steps: NamespaceSteps, log: Logger) {
    this.#watch = watch;
    this.#steps = steps;
    this.#log = log.child({ netns: watch.name });
  }

  /** Since when none is read, monotonic milliseconds. */
  get outsideSince(): number | undefined {
    return this.#outsideSince;
  }

  /** @returns whether there is a namespace to poll */
  async follow(): Promise<boolean> {
    if (this.#moving) return false;
    const inside = this.#outsideSince === undefined;
    if (inside && this.#watch.isSame) return true;
    this.#moving = this.#move(inside).finally(() => (this.#moving = undefined));
    return this.#moving;
  }

  /** Settles when none is being left or entered. */
  async settled(): Promise<void> {
    await this.#moving?.catch(() => {});
  }

  async #move(inside: boolean): Promise<boolean> {
    if (inside) await this.#leave();
    return this.#enter();
  }

  async #leave(): Promise<void> {
    this.#outsideSince = performance.now();
    this.left++;
    this.#log.warn(
      `the network namespace was ${this.#watch.isThere ? 'replaced' : 'deleted'}: its open connections are exported with end reason 4`,
    );
    this.#watch.leave();
    await this.#steps.leave();
    this.#warnAt = 0;
  }

  async #enter(): Promise<boolean> {
    const now = performance.now();
    try {
      if (this.#watch.isThere) {
        const since = this.#watch.accept();
        await this.#steps.enter(since);
        this.#outsideSince = undefined;
        this.#log.info('the network namespace is there again; it is read');
        return true;
      }
      if (now >= this.#warnAt) this.#log.warn('there is no network namespace of this name; ctflow waits for it');
    } catch (error) {
      if (now >= this.#warnAt) this.#log.warn(`${describeError(error)}; ctflow tries again`);
    }
    if (now >= this.#warnAt) this.#warnAt = now + REPEAT_MS;
    return false;
  }
}
