import type { Log, Logger } from '../logger.js';

/** Milliseconds from the first line of a kind to the one that says how many were held back. */
const WINDOW_MS = 60_000;
/** Lines of one kind in that time. */
const MOST = 10;
/** Kinds that are known at once. */
const MOST_KINDS = 1_000;
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

interface Kind {
  said: number;
  repeated: number;
  /** Says the line that was held back last. */
  last: (repeated: number) => void;
  readonly timer: NodeJS.Timeout;
}

export interface LimitedLogger extends Logger {
  /** Says at once what is held back. */
  flush(): void;
}

/**
 * A log in which the same line, whatever its numbers, comes ten times a minute at most. The last one that was held back follows
 * when the minute is over, and says in `repeated` for how many it stands.
 */
export function limitRepeats(log: Logger, window = WINDOW_MS): LimitedLogger {
  const kinds = new Map<string, Kind>();
  const end = (key: string): void => {
    const { timer, repeated, last } = kinds.get(key)!;
    clearTimeout(timer);
    kinds.delete(key);
    if (repeated > 0) last(repeated);
  };
  const say = (key: string, write: (repeated?: number) => void): void => {
    let kind = kinds.get(key);
    if (!kind) {
      if (kinds.size >= MOST_KINDS) end(kinds.keys().next().value!);
      const timer = setTimeout(() => end(key), window).unref();
      kinds.set(key, (kind = { said: 0, repeated: 0, last: write, timer }));
    }
    if (kind.said < MOST) {
      kind.said++;
      write();
    } else {
      kind.repeated++;
      kind.last = write;
    }
  };
  const within = (bindings: Readonly<Record<string, string>>): Logger => {
    const source = JSON.stringify(bindings);
    const at = (level: (typeof LEVELS)[number]): Log => {
      return (first: string | object, second?: string) => {
        const [fields, message] = typeof first === 'string' ? [{}, first] : [first, second!];
        const key = `${level} ${source} ${message.replaceAll(/\d+/g, '0')}`;
        say(key, repeated => log[level]({ ...bindings, ...fields, ...(repeated && { repeated }) }, message));
      };
    };
    const [error, warn, info, debug] = LEVELS.map(at);
    return { error, warn, info, debug, child: fields => within({ ...bindings, ...fields }) };
  };
  const flush = (): void => [...kinds.keys()].forEach(end);
  return { ...within({}), flush };
}
