import type { Logger } from '../common/logger.js';
import type { SessionCounts } from './session.js';

/** Logs records that no message can hold, once for each template. */
export class OversizeLog {
  readonly #log: Logger;
  /** As of the last look. */
  #count = 0;
  /** Names of the templates of which this was logged. */
  readonly #logged = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param limit bytes of a message at most */
  look({ oversize, oversizeTemplates }: SessionCounts, limit: number): void {
    if (oversize === this.#count) return;
    this.#count = oversize;
    for (const template of Object.keys(oversizeTemplates)) {
      if (this.#logged.has(template)) continue;
      this.#logged.add(template);
      this.#log.error(
        { template, limit },
        'flow records are larger than a message may be; they are dropped and counted. Give a larger --mtu, or fewer --fields',
      );
    }
  }
}
