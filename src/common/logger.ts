import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { pino, type Level } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { standardError } from './terminal/standard-streams.js';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Log = { (message: string): void; (fields: object, message: string): void };

/** What ctflow asks of a logger; pino's fits. */
export interface Logger extends Readonly<Record<Exclude<LogLevel, 'silent'>, Log>> {
  /** A logger whose every line has these fields, too. */
  child(fields: Readonly<Record<string, string>>): Logger;
}

/**
 * A log on standard error; standard output belongs to what was asked for. For people on a terminal, JSON lines elsewhere.
 * It never waits for its reader: lines without room are dropped, and a warning says how many.
 */
export function createLogger(level: LogLevel): Logger {
  return loggerTo(standardError(), level, isatty(2));
}

/** Where a log goes: a LineSink fits. */
export interface LogSink {
  write(line: string): void;
  onRoom: (dropped: number) => void;
}

/** @param people whether its reader is a person */
export function loggerTo(sink: LogSink, level: LogLevel, people: boolean): Logger {
  const format = people ? forPeople() : String;
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label as Level }) },
    },
    { write: line => sink.write(format(line)) },
  );
  sink.onRoom = dropped => log.warn({ dropped }, 'log lines dropped: nobody read the log, or it could not be written');
  return log;
}

function forPeople(): (line: string) => string {
  // loaded where it is used: most logs are read by programs
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as {
    prettyFactory(options: PrettyOptions): (line: string) => string;
  };
  return prettyFactory({
    colorize: !process.env['NO_COLOR'],
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
  });
}
