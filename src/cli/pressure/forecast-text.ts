import { describeDuration } from '../../common/duration.js';
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

/** `+410`, `-0.3` */
export function signed(rate: number): string {
  const text = Math.abs(rate) < 10 ? String(Number(rate.toFixed(1))) : Math.round(rate).toLocaleString('en-US');
  return rate > 0 ? `+${text}` : text;
}
