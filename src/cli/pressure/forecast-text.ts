import { describeDuration } from '../../common/duration.js';
import type { PortsLine } from '../../daemon/top/snat-ports.js';
import type { TableForecast } from '../../daemon/table-growth.js';

/** How the table fills: `+410 a second: early removal in 2 min 5 s, full in 2 min 40 s`. */
export function forecastText({ rate, removesIn, fullIn }: TableForecast): string {
  const growth = `${signed(rate)} a second`;
  if (fullIn === 0) return `${growth}: full`;
  const parts: string[] = [];
  if (removesIn === 0) parts.push('early removal now');
  else if (removesIn !== undefined) parts.push(`early removal in ${describeDuration(removesIn)}`);
  if (fullIn !== undefined) parts.push(`full in ${describeDuration(fullIn)}`);
  return parts.length === 0 ? growth : `${growth}: ${parts.join(', ')}`;
}

/** What is left between two ends: `udp 203.0.113.1 > 198.51.100.53:53: 30,200 in use, 34,312 free, exhausted in 1 min 43 s`. */
export function portsText({ name, entries, free, exhaustedIn }: PortsLine): string {
  const parts = [`${entries.toLocaleString('en-US')} in use`];
  if (free !== undefined) parts.push(`${free.toLocaleString('en-US')} free`);
  if (exhaustedIn !== undefined)
    parts.push(exhaustedIn === 0 ? 'exhausted' : `exhausted in ${describeDuration(exhaustedIn)}`);
  return `${name}: ${parts.join(', ')}`;
}

/** `+410`, `-0.3` */
export function signed(rate: number): string {
  const text = Math.abs(rate) < 10 ? String(Number(rate.toFixed(1))) : Math.round(rate).toLocaleString('en-US');
  return rate > 0 ? `+${text}` : text;
}
