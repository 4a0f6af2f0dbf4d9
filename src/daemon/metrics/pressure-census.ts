import type { SnatPorts } from '../../config/snat-ports.js';
import type { Exporter } from '../../exporter.js';
import type { TableGrowth } from '../table-growth.js';
import { MOST_GROUPS } from '../top/group-sums.js';
import { type Counted, PressureCounts } from '../top/pressure-counts.js';
import { forecastPorts, type PortsLine, sizeOf, usablePorts, withPorts } from '../top/snat-ports.js';
import { MEASURED, MOST_RANKS, type PortsFigures, type PressureFigures } from './pressure-metrics.js';

/** Milliseconds for which the same counts are given again: a million entries take some tenths of a second. */
const LASTS_MS = 60_000;
/** After so many milliseconds an earlier count says nothing of a rate. */
const OLD_MS = 600_000;
/** Translated ends that are held against their ports, those with the most of them. */
const MOST_ENDS = 1_000;

type Measured = (typeof MEASURED)[number];

/** What was counted, and when the poll began that saw it. */
type Counts = Omit<PressureFigures, 'forecast'> & { readonly at: number };

/** By name, and when the poll began. */
interface PortsInUse {
  readonly at: number;
  readonly entries: ReadonlyMap<string, number>;
}

/** What a census is made of. */
export interface PressureSubject {
  /** Its connections are counted. */
  readonly stored: Exporter['stored'];
  /** Of the kernel's table. */
  readonly growth: TableGrowth;
  /** What the settings say of the ports of translated sources. */
  readonly snatPorts?: readonly SnatPorts[] | undefined;
}

/** Counts who fills the table, for metrics and for a status. */
export class PressureCensus {
  readonly #subject: PressureSubject;
  readonly #lasts: number;
  readonly #monotonic: () => number;
  /** Memory is taken when somebody asks. */
  #counts: PressureCounts<Measured> | undefined;
  #figures: Promise<Counts> | undefined;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Ports in use by the last poll that was counted, and by the one before: a poll may be counted again. */
  #last: PortsInUse | undefined;
  #before: PortsInUse | undefined;

  /** @param lasts milliseconds for which the same counts are given again */
  constructor(subject: PressureSubject, lasts = LASTS_MS, monotonic = () => performance.now()) {
    this.#subject = subject;
    this.#lasts = lasts;
    this.#monotonic = monotonic;
  }

  /** The counts of not long ago, and how the table fills now. */
  async figures(): Promise<PressureFigures> {
    const now = this.#monotonic();
    if (!this.#figures || now - this.#countedAt >= this.#lasts) {
      this.#countedAt = now;
      this.#figures = this.#count();
    }
    const { groups, ports, at } = await this.#figures;
    return {
      forecast: this.#subject.growth.forecast(),
      groups,
      ...(ports && { ports: fromNow(ports, this.#monotonic() - at) }),
    };
  }

  /** What is left of the ports that the settings give; undefined where they give none. */
  async ports(): Promise<PortsFigures | undefined> {
    return this.#subject.snatPorts && (await this.figures()).ports;
  }

  async #count(): Promise<Counts> {
    const { stored, snatPorts = [] } = this.#subject;
    this.#counts ??= new PressureCounts(stored.flows[0], stored.names, MOST_GROUPS, MEASURED);
    const at = stored.polledAt().monotonic;
    const { found } = await this.#counts.count(kind =>
      kind === 'snat' && snatPorts.length > 0 ? MOST_ENDS : MOST_RANKS,
    );
    if (snatPorts.length === 0) return { groups: found.groups, at };
    const lines = this.#forecast(found, at, snatPorts);
    const snat = { ...found.groups.snat, lines: lines.slice(0, MOST_RANKS) };
    return { groups: { ...found.groups, snat }, ports: figuresOf(lines), at };
  }

  /** @param at when the poll began that was counted */
  #forecast({ groups: { snat } }: Counted<Measured>, at: number, snatPorts: readonly SnatPorts[]): PortsLine[] {
    const isAnother = this.#last?.at !== at;
    if (isAnother) this.#before = this.#last;
    const before = this.#before && at - this.#before.at <= OLD_MS ? this.#before : undefined;
    if (isAnother) this.#last = { at, entries: new Map(snat.lines.map(({ name, entries }) => [name, entries])) };
    const seconds = before ? (at - before.at) / 1_000 : 0;
    return forecastPorts(withPorts(snat.lines, snatPorts), before?.entries ?? new Map(), seconds);
  }
}

function figuresOf(lines: readonly PortsLine[]): PortsFigures {
  const shares = lines.flatMap(line =>
    line.range ? [{ line, share: line.entries / usablePorts(sizeOf(line.range)) }] : [],
  );
  const ending = lines.filter(({ exhaustedIn }) => exhaustedIn !== undefined);
  const fullest = shares.reduce<(typeof shares)[number] | undefined>(
    (most, one) => (most && most.share >= one.share ? most : one),
    undefined,
  );
  const soonest = ending.reduce<PortsLine | undefined>(
    (least, one) => (least && least.exhaustedIn! <= one.exhaustedIn! ? least : one),
    undefined,
  );
  return { ...(fullest && { fullest }), ...(soonest && { soonest }) };
}

/** The count may be a minute old. */
function fromNow({ soonest, ...rest }: PortsFigures, age: number): PortsFigures {
  return soonest ? { ...rest, soonest: { ...soonest, exhaustedIn: Math.max(soonest.exhaustedIn! - age, 0) } } : rest;
}
