import { type PortRange, portsOf, type SnatPorts } from '../../config/snat-ports.js';
import type { SnatEnds, TopPage } from './page.js';
import type { PressureLine } from './pressure-page.js';
import type { TopQuery } from './query.js';

/** Entries of one translated address to one remote port, and the ports that are left for more. */
export interface PortsLine extends PressureLine {
  /** Entries a second by which they grow between two looks; absent where they were not seen in the first. */
  readonly rate?: number;
  /** Ports of the range that are free. */
  readonly free?: number;
  /** Milliseconds until the kernel finds none, which is before all are in use; absent where this does not come at this rate. */
  readonly exhaustedIn?: number;
}

/**
 * The share of a range of so many ports that is in use when the first connection finds none. The kernel tries 128 in a row from a
 * random one, then 64, 32, 16 and 8 from others (nf_nat_l4proto_unique_tuple in nf_nat_core.c), and those in use stand close together:
 * medians of trials, the last one with source ports from 32768 to 60999, which are kept while they are free.
 */
const USABLE: readonly (readonly [size: number, share: number])[] = [
  [128, 1],
  [500, 0.97],
  [1_000, 0.94],
  [3_000, 0.92],
  [10_000, 0.88],
  [30_000, 0.76],
  [64_512, 0.62],
];

/** Of a range of so many ports, those that are in use when the first connection finds none. */
export function usablePorts(size: number): number {
  const next = USABLE.findIndex(([known]) => known >= size);
  if (next === 0) return size;
  const [larger, there] = USABLE.at(next)!;
  const [smaller, here] = USABLE[(next < 0 ? USABLE.length : next) - 1];
  const share =
    larger === smaller ? there : here + ((there - here) * Math.log(size / smaller)) / Math.log(larger / smaller);
  return Math.round(size * share);
}

export function sizeOf({ from, to }: PortRange): number {
  return to - from + 1;
}

/** What is left between two ends of which so many ports are in use. @param rate by which they grow a second */
export function portsLeft(
  entries: number,
  rate: number | undefined,
  range: PortRange | undefined,
): Pick<PortsLine, 'range' | 'free' | 'exhaustedIn'> {
  if (!range) return {};
  const size = sizeOf(range);
  const known = { range, free: Math.max(size - entries, 0) };
  const usable = usablePorts(size) - entries;
  if (usable <= 0) return { ...known, exhaustedIn: 0 };
  return rate !== undefined && rate > 0 ? { ...known, exhaustedIn: (usable * 1_000) / rate } : known;
}

/** Groups with the ports that the settings give them; those of them that they say nothing of stay as they are. */
export function withPorts<Line extends { readonly snat?: SnatEnds; readonly range?: PortRange }>(
  lines: readonly Line[],
  settings: readonly SnatPorts[],
): readonly Line[] {
  if (settings.length === 0) return lines;
  return lines.map(line => {
    const range = line.snat && portsOf(settings, line.snat.external);
    return range ? { ...line, range } : line;
  });
}

/** Lines with the rate at which they grow, and what is left where their ports are known. @param before entries by name; @param seconds since then */
export function forecastPorts(
  lines: readonly PressureLine[],
  before: ReadonlyMap<string, number>,
  seconds: number,
): PortsLine[] {
  return lines.map(line => {
    const entries = before.get(line.name);
    const rate = entries === undefined || seconds <= 0 ? undefined : (line.entries - entries) / seconds;
    return { ...line, ...(rate !== undefined && { rate }), ...portsLeft(line.entries, rate, line.range) };
  });
}

/** A page whose groups have them, unless a filter leaves some connections out: these have ports, too, and how many are free is not known. */
export function pageWithPorts(page: TopPage, { filter }: TopQuery, settings: readonly SnatPorts[]): TopPage {
  const { groups } = page;
  return groups && filter === '' ? { ...page, groups: { ...groups, lines: withPorts(groups.lines, settings) } } : page;
}
