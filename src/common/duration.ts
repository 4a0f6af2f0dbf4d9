import { CtflowError } from './errors.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/;

/**
 * Reads `5s`, `1m30s`, `250ms` (units ms, s, m, h, d) as milliseconds.
 * @throws CtflowError CTFLOW_USAGE
 */
export function parseDuration(text: string): number {
  if (!WHOLE.test(text)) {
    throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a duration`, 'Write 5s, 1m30s or 250ms');
  }
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) total += Number(number) * UNITS[unit];
  return Math.round(total);
}

/** For people, the two largest units: `2 d 3 h`, `4 min 5 s`. What is less than a second is none. */
export function describeDuration(milliseconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  let left = Math.round(milliseconds / 1_000);
  const words = units.flatMap(([length, unit]) => {
    const whole = Math.floor(left / length);
    left -= whole * length;
    return whole > 0 ? [`${whole} ${unit}`] : [];
  });
  return words.slice(0, 2).join(' ') || '0 s';
}

/** A duration of whole milliseconds as {@link parseDuration} reads it, in the largest unit that leaves no rest: `5s`, `90s`, `10m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  const [unit, factor] = Object.entries(UNITS).findLast(([, factor]) => milliseconds % factor === 0)!;
  return `${milliseconds / factor}${unit}`;
}
