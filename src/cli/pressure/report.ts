import type { SnatEnds } from '../../daemon/top/page.js';
import type { Pressure, PressureGroups, PressureLine, PressurePage } from '../../daemon/top/pressure-page.js';
import type { PortRange } from './port-ranges.js';

/** Entries of one translated address to one remote port, and the ports that are left for more. */
export interface PortsLine extends PressureLine {
  /** Entries a second by which they grow between the two looks; absent where they were not seen in the first. */
  readonly rate?: number;
  /** Ports that entries may have, where it is known. */
  readonly range?: PortRange;
  /** Those of them that are free. */
  readonly free?: number;
  /** Milliseconds until the kernel finds none, which is before all are in use; absent where this does not come at this rate. */
  readonly exhaustedIn?: number;
}

/** Who fills the table, by two looks. */
export interface PressureReport extends Omit<PressurePage, 'groups' | 'polledAt'> {
  /** Who has looked. */
  readonly origin: string;
  readonly groups: Readonly<Record<Exclude<Pressure, 'snat'>, PressureGroups>> & {
    readonly snat: Omit<PressureGroups, 'lines'> & { readonly lines: readonly PortsLine[] };
  };
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

/** @param rangeOf the ports between two ends, where they are known */
export function reportOf(
  origin: string,
  first: PressurePage,
  last: PressurePage,
  rangeOf: (ends: SnatEnds) => PortRange | undefined,
): PressureReport {
  const { groups, polledAt, ...rest } = last;
  const before = new Map(first.groups.snat.lines.map(({ name, entries }) => [name, entries]));
  const seconds = (polledAt - first.polledAt) / 1_000;
  const lines = groups.snat.lines.map((line): PortsLine => {
    const entries = before.get(line.name);
    const rate = entries === undefined || seconds <= 0 ? undefined : (line.entries - entries) / seconds;
    return { ...line, ...(rate !== undefined && { rate }), ...leftOf(line, rate, rangeOf) };
  });
  return { origin, ...rest, groups: { ...groups, snat: { ...groups.snat, lines } } };
}

function leftOf(
  { snat, entries }: PressureLine,
  rate: number | undefined,
  rangeOf: (ends: SnatEnds) => PortRange | undefined,
): Pick<PortsLine, 'range' | 'free' | 'exhaustedIn'> {
  const range = snat && rangeOf(snat);
  if (!range) return {};
  const size = range.to - range.from + 1;
  const known = { range, free: Math.max(size - entries, 0) };
  const usable = usablePorts(size) - entries;
  if (usable <= 0) return { ...known, exhaustedIn: 0 };
  return rate !== undefined && rate > 0 ? { ...known, exhaustedIn: (usable * 1_000) / rate } : known;
}
