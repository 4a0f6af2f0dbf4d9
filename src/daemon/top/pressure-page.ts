import type { PortRange } from '../../config/snat-ports.js';
import type { KernelTable } from '../kernel-table.js';
import type { TableForecast } from '../table-growth.js';
import type { SnatEnds, TimeoutSpan } from './page.js';

/** What entries are counted by. */
export const PRESSURES = ['source', 'destination', 'zone', 'state', 'timeout', 'snat'] as const;
export type Pressure = (typeof PRESSURES)[number];

/** Entries of one source, one state and so on. */
export interface PressureLine {
  readonly name: string;
  readonly entries: number;
  /** Of remaining timeouts; absent where they are not known. */
  readonly timeout?: TimeoutSpan;
  /** Of translated sources: each entry holds a port. */
  readonly snat?: SnatEnds;
  /** The ports that these may have, where it is known. */
  readonly range?: PortRange;
}

/** The largest groups of one kind; remaining timeouts by their length. */
export interface PressureGroups {
  /** How many groups there are. */
  readonly count: number;
  /** Entries in all of them. */
  readonly entries: number;
  /** Entries that found no room in any. */
  readonly leftOut: number;
  readonly lines: readonly PressureLine[];
}

/** Who fills the kernel's table. */
export interface PressurePage {
  /** Entries that were looked at: those of the last poll. */
  readonly counted: number;
  /** That poll saw the whole table. */
  readonly complete: boolean;
  /** When it began, milliseconds of a monotonic clock. */
  readonly polledAt: number;
  /** What the kernel says of its table. */
  readonly table?: KernelTable;
  /** Absent until there were two looks. */
  readonly forecast?: TableForecast;
  readonly groups: Readonly<Record<Pressure, PressureGroups>>;
}
