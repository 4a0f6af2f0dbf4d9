import { pino } from 'pino';
import type { Logger } from '../../../src/common/logger.js';

/** A logger whose lines a test can look at. */
export function listeningLogger(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: line => lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { log, lines };
}
