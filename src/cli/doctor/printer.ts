import { VERSION } from '../../common/version.js';
import type { Examined } from './examination.js';
import type { Status } from './finding.js';

const STATUSES = ['error', 'warning', 'ok'] as const;
const STATUS_WIDTH = 7;
const NAME_WIDTH = 14;

/** Lines for a person: status, check, what was found; below it what mends it. */
export function asLines(examined: readonly Examined[]): string {
  const indent = ' '.repeat(STATUS_WIDTH + NAME_WIDTH + 4);
  const lines = examined.map(({ check, status, found, command, fixed }) => {
    const head = `${status.padEnd(STATUS_WIDTH)}  ${check.padEnd(NAME_WIDTH)}  ${found}${fixed ? ' (mended by --fix)' : ''}`;
    return command === undefined || status === 'ok' ? head : `${head}\n${indent}mend: ${command}`;
  });
  const counts = STATUSES.map(status => plural(count(examined, status), status)).join(', ');
  return [...lines, counts, ''].join('\n');
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
