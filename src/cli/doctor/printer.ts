import { VERSION } from '../../common/version.js';
import type { Examined } from './examination.js';
import type { Status } from './finding.js';

const STATUSES = ['error', 'warning', 'ok'] as const;
const STATUS_WIDTH = 7;
const NAME_WIDTH = 14;
/** Characters of a line of text at least, however narrow the terminal is. */
const LEAST_ROOM = 30;

/**
 * Lines for a person: status, check, what was found; below it what mends it.
 * @param width of the terminal: what was found goes on below itself; a command stays a line, to be copied
 */
export function asLines(examined: readonly Examined[], width = Infinity): string {
  const indent = ' '.repeat(STATUS_WIDTH + NAME_WIDTH + 4);
  const room = Math.max(width - indent.length, LEAST_ROOM);
  const lines = examined.map(({ check, status, found, command, fixed }) => {
    const text = wrap(`${found}${fixed ? ' (mended by --fix)' : ''}`, room).join(`\n${indent}`);
    const head = `${status.padEnd(STATUS_WIDTH)}  ${check.padEnd(NAME_WIDTH)}  ${text}`;
    return command === undefined || status === 'ok' ? head : `${head}\n${indent}mend: ${command}`;
  });
  const counts = STATUSES.map(status => plural(count(examined, status), status)).join(', ');
  return [...lines, counts, ''].join('\n');
}

function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** The shape in docs/doctor.md. */
export function asJson(examined: readonly Examined[]): string {
  const checks = examined.map(({ check, subject, status, found, command, fixed }) => ({
    check,
    ...(subject !== undefined && { subject }),
    status,
    found,
    ...(command !== undefined && { command }),
    ...(fixed && { fixed }),
  }));
  const counts = Object.fromEntries(STATUSES.map(status => [status, count(examined, status)]));
  return `${JSON.stringify({ version: VERSION, counts, checks }, undefined, 2)}\n`;
}

function plural(many: number, status: Status): string {
  return `${many} ${status}${many === 1 || status === 'ok' ? '' : 's'}`;
}

export function count(examined: readonly Examined[], status: Status): number {
  return examined.filter(one => one.status === status).length;
}
