const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A count or an amount in five characters at most: `999`, `1.2k`, `34.5M`, `678G`; powers of 1000. `-` where it is not known. */
export function short(value: number | undefined): string {
  if (value === undefined) return '-';
  let rest = Math.round(value);
  if (rest < 1_000) return String(rest);
  rest = value;
  let prefix = 0;
  // what would be rounded to 1000 has the next prefix
  while (rest >= 999.5 && prefix < PREFIXES.length - 1) {
    rest /= 1_000;
    prefix++;
  }
  return `${rest >= 99.95 ? Math.round(rest) : rest.toFixed(1)}${PREFIXES[prefix]}`;
}

/** A time in six characters at most: `0s`, `59s`, `1m05s`, `23h59m`, `365d`. */
export function shortTime(milliseconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  if (milliseconds < MINUTE) return `${Math.floor(milliseconds / SECOND)}s`;
  if (milliseconds < HOUR) return `${Math.floor(milliseconds / MINUTE)}m${two((milliseconds % MINUTE) / SECOND)}s`;
  if (milliseconds < DAY) return `${Math.floor(milliseconds / HOUR)}h${two((milliseconds % HOUR) / MINUTE)}m`;
  return `${Math.floor(milliseconds / DAY)}d`;
}

/** A text in a column: padded, or with `…` in its middle where it is too long, so that a port at its end is seen. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  if (text.length <= width) return align === 'left' ? text.padEnd(width) : text.padStart(width);
  if (width <= 1) return '…'.slice(0, width);
  const end = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - end)}…${text.slice(text.length - end)}`;
}

/** 12,345 */
export function whole(value: number): string {
  return value.toLocaleString('en-US');
}

/** What a terminal shows as a character, and obeys as no command; as many as before. */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
