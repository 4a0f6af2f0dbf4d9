/** 0.0123 s as `12.3 ms`: three digits. */
export function seconds(value: number): string {
  return scaled(value * 1e9, ['ns', 'µs', 'ms', 's']);
}

/** 1234567 as `1.23 MB`. */
export function bytes(value: number): string {
  return scaled(value, ['B', 'kB', 'MB', 'GB']);
}

/** 12345 as `12.3 k`. */
export function count(value: number): string {
  return scaled(value, ['', 'k', 'M', 'G']).trimEnd();
}

/** 0.0712 as `+7.1 %`; a figure that was nothing before has no percentage. */
export function percent(change: number): string {
  if (!Number.isFinite(change)) return 'new';
  const text = Math.abs(change) >= 10 ? `${Math.round(change * 100)}` : (change * 100).toFixed(1);
  return `${change > 0 ? '+' : ''}${text.replace(/^-/, '−')} %`;
}

/** A threshold of 0.05 as `5 %`. */
export function limit(threshold: number): string {
  return `${Number((threshold * 100).toPrecision(3))} %`;
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}
