import { pino } from 'pino';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

type Log = { (message: string): void; (fields: object, message: string): void };

/** What ctflow asks of a logger; pino's fits. */
export interface Logger extends Readonly<Record<Exclude<LogLevel, 'silent'>, Log>> {
  /** A logger whose every line has these fields, too. */
  child(fields: Readonly<Record<string, string>>): Logger;
}

/** JSON lines on standard error; standard output belongs to what was asked for. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
