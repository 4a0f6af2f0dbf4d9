import type { CtflowError } from '../../common/errors.js';
import { describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import { inOrder } from '../../config/config-file.js';
import { Mistakes, throwMistakes } from '../../config/mistakes.js';
import type { RunConfig } from '../../config/run-config.js';
import type { RunSettings } from '../../config/run-settings.js';
import { IN_FLIGHT, needRestart } from './changed-settings.js';

/** What a reload did. */
export interface Reloaded {
  /** Settings that have another value now. */
  readonly changed: readonly string[];
  /** Settings that differ, and hold only after a restart. */
  readonly needRestart: readonly string[];
}

export interface ReloaderOptions {
  /** That the run has begun with. */
  config: RunConfig;
  /** What is wrong with settings together. */
  check: (config: RunConfig) => CtflowError[];
  /** Takes the settings of IN_FLIGHT. */
  apply: (settings: RunSettings) => void;
  /** Reads again what has a file of its own. */
  readFiles: () => Promise<void>;
  log: Logger;
}

/** Reads the settings again while ctflow runs: flags and variables are as they were, the file may be another. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #now: RunSettings;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#now = options.config.settings;
  }

  /**
   * One reload waits for the other.
   * @throws Mistakes, or CtflowError where there is one: nothing has changed then
   */
  reload(): Promise<Reloaded> {
    const reloaded = this.#last.then(() => this.#reload());
    this.#last = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload(): Promise<Reloaded> {
    const { config, check, apply, readFiles, log } = this.#options;
    try {
      const next = config.again();
      throwMistakes(inOrder([...next.mistakes, ...check(next)]));
      const changed = IN_FLIGHT.filter(key => next.settings[key] !== this.#now[key]);
      const restart = needRestart(config, next);
      this.#now = next.settings;
      apply(next.settings);
      await readFiles();
      log.info({ changed }, 'settings are read again');
      if (restart.length > 0) log.warn({ needRestart: restart }, 'these settings need a restart of ctflow');
      return { changed: changed.map(key => next.say([key])), needRestart: restart };
    } catch (error) {
      for (const one of error instanceof Mistakes ? error.errors : [error])
        log.error(`${describeError(one)}; the settings stay as they were`);
      throw error;
    }
  }
}
