import type { PortRange } from '../../config/snat-ports.js';
import type { Pressure, PressureGroups, PressureLine, PressurePage } from '../../daemon/top/pressure-page.js';
import { forecastPorts, type PortsLine } from '../../daemon/top/snat-ports.js';

/** Who fills the table, by two looks. */
export interface PressureReport extends Omit<PressurePage, 'groups' | 'polledAt'> {
  /** Who has looked. */
  readonly origin: string;
  readonly groups: Readonly<Record<Exclude<Pressure, 'snat'>, PressureGroups>> & {
    readonly snat: Omit<PressureGroups, 'lines'> & { readonly lines: readonly PortsLine[] };
  };
}

/** @param rangeOf the ports between two ends, where they are known */
export function reportOf(
  origin: string,
  first: PressurePage,
  last: PressurePage,
  rangeOf: (line: PressureLine) => PortRange | undefined,
): PressureReport {
  const { groups, polledAt, ...rest } = last;
  const before = new Map(first.groups.snat.lines.map(({ name, entries }) => [name, entries]));
  const known = groups.snat.lines.map((line): PressureLine => {
    const range = rangeOf(line);
    return range ? { ...line, range } : line;
  });
  const lines = forecastPorts(known, before, (polledAt - first.polledAt) / 1_000);
  return { origin, ...rest, groups: { ...groups, snat: { ...groups.snat, lines } } };
}
