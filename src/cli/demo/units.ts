/** 1234567 as `1.23 MB`: three digits, powers of a thousand. */
export function humanOctets(octets: number): string {
  return scaled(octets, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** 12345 as `12.3 k`; whole below a thousand. */
export function humanCount(count: number): string {
  return scaled(count, ['', 'k', 'M', 'G', 'T']).trimEnd();
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  // 999.5 would be shown as 1000
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
