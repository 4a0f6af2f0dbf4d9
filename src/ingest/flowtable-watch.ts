import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { Source } from '../sources/source.js';
import type { PollHook } from './poll-hook.js';

const HINT = 'Add counter to the flowtable: ctflow doctor names the command';

/**
 * Whether packets of offloaded connections may pass uncounted. An entry does not say which flowtable it is in, so one without
 * `counter` is enough. Asked at most once a poll, and only while there are offloaded connections.
 */
export class FlowtableWatch implements PollHook {
  readonly #source: Pick<Source, 'flowtables'>;
  readonly #log: Logger;
  #uncounted: boolean | undefined;
  /** What the log has said last. */
  #said = '';

  constructor(source: Pick<Source, 'flowtables'>, log: Logger) {
    this.#source = source;
    this.#log = log;
  }

  beforeDump(): void {
    this.#uncounted = undefined;
  }

  get uncounted(): boolean {
    return (this.#uncounted ??= this.#look());
  }

  #look(): boolean {
    const why = suspicion(this.#source);
    if (why !== undefined && why !== this.#said)
      this.#log.warn({ hint: HINT }, `counters of offloaded connections are suspect: ${why}`);
    this.#said = why ?? '';
    return why !== undefined;
  }
}

/** Why counters of offloaded connections may be less than what has passed; undefined where each flowtable counts. */
export function suspicion(source: Pick<Source, 'flowtables'>): string | undefined {
  try {
    const flowtables = source.flowtables?.();
    if (!flowtables) return 'the flowtables cannot be seen from here';
    const silent = flowtables.find(({ counts }) => !counts);
    return silent && `flowtable ${silent.name} has no counter`;
  } catch (error) {
    return `the flowtables cannot be read: ${describeError(error)}`;
  }
}
