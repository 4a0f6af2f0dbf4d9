import { createRequire } from 'node:module';
import { pino, type Level } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import type { LogSink } from './log/entry.js';
import { JournaldSink, type SendUnixDatagram } from './log/journald.js';
import { readerOf } from './log/reader.js';
import { standardError } from './terminal/standard-streams.js';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Log = { (message: string): void; (fields: object, message: string): void };

/** What ctflow asks of a logger; pino's fits. */
export interface Logger extends Readonly<Record<Exclude<LogLevel, 'silent'>, Log>> {
  /** A logger whose every line has these fields, too. */
  child(fields: Readonly<Record<string, string>>): Logger;
}

/** A log whose level can change. */
export interface RootLogger extends Logger {
  level: string;
}

/**
 * A log on standard error; standard output belongs to what was asked for. For people on a terminal, to journald in its own protocol
 * where standard error leads there, JSON lines elsewhere. It never waits for its reader: lines without room are dropped, and a
 * warning says how many.
 * @param send what it returns when a line is written; where that is absent, journald reads lines with their level in front
 */
export function createLogger(level: LogLevel, send?: () => SendUnixDatagram | undefined): RootLogger {
  const sink = standardError();
  switch (readerOf(2)) {
    case 'terminal':
      return loggerTo(sink, level, forPeople());
    case 'journald':
      return loggerTo(new JournaldSink(send, sink), level);
    case 'program':
      return loggerTo(sink, level);
  }
}

/** @param format of a line of JSON with its line break */
export function loggerTo(sink: LogSink, level: LogLevel, format: (line: string) => string = String): RootLogger {
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

/** Lines for a person: time, level, message and fields. */
export function forPeople(): (line: string) => string {
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
