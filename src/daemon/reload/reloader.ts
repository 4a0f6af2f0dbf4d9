import type { CtflowError } from '../../common/errors.js';
import { describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import { inOrder } from '../../config/config-file.js';
import { Mistakes, throwMistakes } from '../../config/mistakes.js';
import type { DestinationConfig, RunConfig } from '../../config/run-config.js';
import type { RunSettings } from '../../config/run-settings.js';
import type { DestinationsChanged } from '../../destination/set/destination-changes.js';
import { changedKeys, IN_FLIGHT, needRestart } from './changed-settings.js';

/** What a reload did. */
export interface Reloaded {
  /** Settings that have another value now. */
  readonly changed: readonly string[];
  /** Names of destinations. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Settings that differ, and hold only after a restart. */
  readonly needRestart: readonly string[];
  /** Other files that could not be used, in sentences. */
  readonly kept: readonly string[];
}

export interface ReloaderOptions {
  /** That the run has begun with. */
  config: RunConfig;
  /** What is wrong with settings together. */
  check: (config: RunConfig) => CtflowError[];
  /** Is called before the settings are read, and when a reload is over, whatever came of it. */
  began: () => void;
  ended: () => void;
  /** Takes the destinations, and what the exporter has of IN_FLIGHT. @throws CtflowError where one cannot be made: they are as they were then */
  change: (config: RunConfig) => Promise<DestinationsChanged>;
  /** Takes the others of IN_FLIGHT. */
  apply: (settings: RunSettings) => void;
  /** Reads again what has a file of its own. @returns of what stays as it was, as it has a mistake, a sentence */
  readFiles: () => Promise<readonly string[]>;
  log: Logger;
}

/** Reads the settings again while ctflow runs: flags and variables are as they were, the file may be another. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #now: RunSettings;
  /** The destinations as they run, by name. */
  readonly #destinations: Map<string, DestinationConfig>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#now = options.config.settings;
    this.#destinations = byName(options.config);
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
    const { config, check, change, apply, readFiles, began, ended, log } = this.#options;
    began();
    try {
      const next = config.again();
      throwMistakes(inOrder([...next.mistakes, ...check(next)]));
      const keys = IN_FLIGHT.filter(key => next.settings[key] !== this.#now[key]).map(key => next.say([key]));
      const { added, removed, ...destinations } = await change(next);
      const changed = [...keys, ...this.#take(next, { added, removed, ...destinations })];
      const restart = [
        ...needRestart(config, next),
        ...destinations.needRestart.map(({ destination, why }) => `destinations.${destination} (${why})`),
      ];
      this.#now = next.settings;
      apply(next.settings);
      const kept = await readFiles();
      log.info(
        { changed, ...(added.length > 0 && { added }), ...(removed.length > 0 && { removed }) },
        'settings are read again',
      );
      if (restart.length > 0) log.warn({ needRestart: restart }, 'these settings need a restart of ctflow');
      return { changed, added, removed, needRestart: restart, kept };
    } catch (error) {
      for (const one of error instanceof Mistakes ? error.errors : [error])
        log.error(`${describeError(one)}; the settings stay as they were`);
      throw error;
    } finally {
      ended();
    }
  }

  /** @returns what is another at destinations that were there before */
  #take(config: RunConfig, { added, removed, changed }: DestinationsChanged): string[] {
    const running = this.#destinations;
    const after = byName(config);
    const keys = changed.flatMap(name => changedKeys(running.get(name)!, after.get(name)!));
    for (const name of [...added, ...changed]) running.set(name, after.get(name)!);
    for (const name of removed) running.delete(name);
    return keys;
  }
}

function byName({ destinations }: RunConfig): Map<string, DestinationConfig> {
  return new Map(destinations.map(one => [one.name, one]));
}
