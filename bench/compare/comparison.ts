import { isPrimary } from '../ab/primary.js';
import type { Verdict } from '../ab/result.js';
import { ALPHA, holm, MOST_PRIMARY } from '../ab/rule.js';
import { isOurs, type Memory, type Result } from '../results/results.js';
import { median } from '../results/statistics.js';
import { leastP, Shift } from './shift.js';
import { benchmarkOf, machineDifferences, type Side, type SideResult } from './side.js';
import { percent } from './units.js';

/** Of the rows that decide: what `npm run bench:ab` measures, whatever the size. */
const PRIMARY_FAMILY = 'ipv4';
const PRIMARY_MTU = 1400;
/** Of intervals that decide nothing: of 95 %. */
const SHOWN_LEVEL = 0.025;

/** Seconds an operation before and after. */
export interface Change {
  /** Medians over the runs. */
  readonly base: number;
  readonly head: number;
  /** 0.5: half as much again. Hodges-Lehmann over the log ratios of each run of one side and each of the other. */
  readonly change: number;
  /** Bounds of the change; undefined where there are too few runs for one. */
  readonly low: number | undefined;
  readonly high: number | undefined;
}

export interface Row {
  readonly base: SideResult;
  readonly head: SideResult;
  readonly time?: Change;
  readonly cpu?: Change;
  readonly memory?: MemoryChange;
  /** By its CPU time. Absent where the row decides nothing. */
  readonly verdict?: Verdict;
}

/** A figure that was counted. */
export interface Counted {
  readonly base: number;
  readonly head: number;
  readonly change: number;
}

export interface MemoryChange {
  readonly bytes: Counted;
  readonly allocations: Counted;
  /** Something of either side is an estimate. */
  readonly estimated: boolean;
  /** The part that was counted exactly, where the rest is an estimate. */
  readonly rust?: { readonly bytes: Counted; readonly allocations: Counted };
}

export interface Comparison {
  readonly base: Side;
  readonly head: Side;
  /** 0.05: 5 %. */
  readonly threshold: number;
  readonly rows: readonly Row[];
  /** Rows of ctflow that got worse by more than the threshold: CPU time of those that decide, memory that was counted exactly. */
  readonly worse: readonly Row[];
  /** Rows that decide. */
  readonly primary: number;
  /** Why results have no partner on the other side, one sentence each. */
  readonly alone: readonly string[];
  /** What cannot be judged and why, one sentence each. With any of them nothing has passed. */
  readonly undecided: readonly string[];
  /** `cpu: A, B`; empty where both sides were measured on one machine. */
  readonly machines: readonly string[];
  readonly verdict: Verdict;
}

export function compare(base: Side, head: Side, threshold: number): Comparison {
  const pairs = [...base.results].flatMap(([key, result]) => {
    const partner = head.results.get(key);
    return partner ? [{ base: result, head: partner }] : [];
  });
  const machines = machineDifferences(base.machine, head.machine);
  const lonely = [...withoutPartner('BASE', base, head), ...withoutPartner('HEAD', head, base)];
  const primary = primaryOf(pairs);
  const lacks = new Map(pairs.map(pair => [pair, lacksOf(pair, base, head, primary.includes(pair))]));
  const general = [
    ...(machines.length > 0 ? ['the two were measured on different machines'] : []),
    ...takenInTurn(base, head),
    ...fewRuns(base, head, primary.length),
    ...(primary.length === 0 ? [nothingDecides(pairs)] : []),
  ];
  const judged = judge(general.length > 0 ? [] : primary.filter(pair => lacks.get(pair)!.length === 0), {
    threshold: Math.log1p(threshold),
    primary: primary.length,
  });
  const rows = pairs.map((pair): Row => {
    const verdict = primary.includes(pair) && (judged.get(pair)?.verdict ?? 'undecided');
    return { ...rowOf(pair), ...judged.get(pair), ...(verdict && { verdict }) };
  });
  const worse = rows.filter(row => row.verdict === 'worse' || usesMore(row, threshold));
  const undecided = [
    ...general,
    ...pairs.filter(({ base }) => isOurs(base)).flatMap(pair => lacks.get(pair)!),
    ...lonely.filter(({ result }) => isOurs(result)).map(({ sentence }) => sentence),
    ...rows.filter((row, i) => row.verdict === 'undecided' && judged.has(pairs[i])).map(undecidedText),
  ];
  const verdict = worse.length > 0 ? 'worse' : undecided.length > 0 ? 'undecided' : 'fine';
  const alone = lonely.map(({ sentence }) => sentence);
  return { base, head, threshold, rows, worse, primary: primary.length, alone, undecided, machines, verdict };
}

type Pair = Pick<Row, 'base' | 'head'>;

/** The rows that decide: of bench:ab's those that are there. Without any of them all of ctflow, where they are few enough. */
function primaryOf(pairs: readonly Pair[]): readonly Pair[] {
  const ours = pairs.filter(({ base, head }) => isOurs(base) && (base.samples.length > 0 || head.samples.length > 0));
  const declared = ours.filter(
    ({ base }) =>
      isPrimary(base) && base.family === PRIMARY_FAMILY && (base.parameters['mtu'] ?? PRIMARY_MTU) === PRIMARY_MTU,
  );
  const rows = declared.length > 0 ? declared : ours;
  return rows.length <= MOST_PRIMARY ? rows : [];
}

function nothingDecides(pairs: readonly Pair[]): string {
  return pairs.some(({ base, head }) => isOurs(base) && base.samples.length + head.samples.length > 0)
    ? `more than ${MOST_PRIMARY} rows would decide together, and that takes too many runs: measure fewer sizes or subjects`
    : 'no time of ctflow itself was measured on both sides';
}

/** What the machine did between the first run of one side and the last of the other is in the change, where all of one side came first. */
function takenInTurn(base: Side, head: Side): string[] {
  const [one, other] = [base, head].map(({ dates }) => dates.map(date => Date.parse(date)));
  if (Math.max(...one) >= Math.min(...other) && Math.max(...other) >= Math.min(...one)) return [];
  if (one.length + other.length === 2) return [];
  const [first, second] = Math.max(...one) < Math.min(...other) ? ['BASE', 'HEAD'] : ['HEAD', 'BASE'];
  return [
    `all runs of ${first} came before those of ${second}, so that what the machine did meanwhile looks like a change: measure them in turn`,
  ];
}

function fewRuns(base: Side, head: Side, primary: number): string[] {
  const [ofBase, ofHead] = [base.dates.length, head.dates.length];
  const level = ALPHA / Math.max(1, primary);
  if (leastP(ofBase, ofHead) <= level) return [];
  let least = 1;
  while (leastP(least, least) > level) least++;
  const lacking = (['BASE', 'HEAD'] as const)
    .map((name, i) => [name, least - [ofBase, ofHead][i]] as const)
    .filter(([, runs]) => runs > 0)
    .map(([name, runs]) => `${runs} of ${name}`)
    .join(' and ');
  const rows = primary > 1 ? ` for ${primary} rows held together` : '';
  return [
    `${ofBase}+${ofHead} runs are too few${rows}: chance alone sets them as far apart. ${least}+${least} can decide; ${lacking} are lacking`,
  ];
}

/** Why a row cannot be judged. */
function lacksOf(pair: Pair, base: Side, head: Side, primary: boolean): string[] {
  const lacks = (['base', 'head'] as const).flatMap(side => {
    const [one, other] = side === 'base' ? [pair.base, pair.head] : [pair.head, pair.base];
    const name = side.toUpperCase();
    const all = (side === 'base' ? base : head).dates.length;
    const timed = one.samples.length + other.samples.length > 0;
    const why = one.extra['void'] === undefined ? '' : ` (${String(one.extra['why'] ?? one.extra['void'])})`;
    if (timed && one.samples.length === 0) return [`${name} has not one valid sample${why}`];
    if (timed && one.samples.length < all)
      return [`${name} has valid samples in ${one.samples.length} of ${all} runs${why}`];
    if (primary && !one.cpu) return other.cpu ? [`${name} has no CPU time`] : ['no CPU time was taken'];
    return other.memory && !one.memory ? [`${name} has no figures of memory`] : [];
  });
  return [...new Set(lacks)].map(lack => `${rowTitle(pair)}: ${lack}`);
}

interface Judged {
  readonly verdict: Verdict;
  readonly cpu: Change;
}

/** Holm's test over all that decide says what is worse; what is fine has its upper bound below the threshold. */
function judge(
  pairs: readonly Pair[],
  { threshold, primary }: { threshold: number; primary: number },
): Map<Pair, Judged> {
  const shifts = pairs.map(({ base, head }) => shiftOf(base.cpu!, head.cpu!));
  // a row that cannot be judged counts as one that is not worse
  const p = Array.from({ length: primary }, (_, i) => shifts[i]?.pAbove(threshold) ?? 1);
  const levels = holm(p, ALPHA);
  return new Map(
    pairs.map((pair, i) => {
      const fine = shifts[i].pBelow(threshold) <= ALPHA;
      const verdict = p[i] <= levels[i] ? 'worse' : fine ? 'fine' : 'undecided';
      return [pair, { verdict, cpu: changeOf(pair.base.cpu!, pair.head.cpu!, levels[i], ALPHA) }];
    }),
  );
}

function undecidedText(row: Row): string {
  const { low, high } = row.cpu!;
  const bound = (value: number | undefined): string => (value === undefined ? 'somewhere' : percent(value));
  return `${rowTitle(row)}: the change of CPU time lies between ${bound(low)} and ${bound(high)}; more runs make that narrower`;
}

/** Memory that was counted exactly. */
function usesMore({ base, memory }: Row, threshold: number): boolean {
  if (!memory || !isOurs(base)) return false;
  const exact = memory.estimated ? memory.rust : memory;
  return [exact?.bytes, exact?.allocations].some(counted => counted !== undefined && counted.change > threshold);
}

function rowOf({ base, head }: Pair): Row {
  const timed = base.samples.length > 0 && head.samples.length > 0;
  return {
    base,
    head,
    ...(timed && { time: changeOf(base.samples, head.samples, SHOWN_LEVEL, SHOWN_LEVEL) }),
    ...(timed && base.cpu && head.cpu && { cpu: changeOf(base.cpu, head.cpu, SHOWN_LEVEL, SHOWN_LEVEL) }),
    ...(base.memory && head.memory && { memory: memoryOf(base.memory, head.memory) }),
  };
}

function shiftOf(base: readonly number[], head: readonly number[]): Shift {
  return new Shift(base.map(Math.log), head.map(Math.log));
}

/** @param below level of the lower bound @param above of the upper one */
function changeOf(base: readonly number[], head: readonly number[], below: number, above: number): Change {
  const shift = shiftOf(base, head);
  const ratio = (value: number | undefined): number | undefined => (value === undefined ? value : Math.expm1(value));
  return {
    base: median(base),
    head: median(head),
    change: Math.expm1(shift.estimate),
    low: ratio(shift.lower(below)),
    high: ratio(shift.upper(above)),
  };
}

function memoryOf(base: Memory, head: Memory): MemoryChange {
  const estimated = base.estimated || head.estimated;
  const { rust } = base;
  return {
    estimated,
    bytes: counted(base.bytes, head.bytes),
    allocations: counted(base.allocations, head.allocations),
    ...(estimated &&
      rust &&
      head.rust && {
        rust: {
          bytes: counted(rust.bytes, head.rust.bytes),
          allocations: counted(rust.allocations, head.rust.allocations),
        },
      }),
  };
}

function counted(base: number, head: number): Counted {
  return { base, head, change: base === head ? 0 : head / base - 1 };
}

function withoutPartner(name: string, side: Side, other: Side): { result: Result; sentence: string }[] {
  const lonely: { result: Result; sentence: string }[] = [];
  for (const [key, result] of side.results) {
    if (other.results.has(key)) continue;
    const relatives = [...other.results.values()].filter(relative => benchmarkOf(relative) === benchmarkOf(result));
    const why =
      relatives.length === 0
        ? 'the other side did not measure it'
        : `the other side has it with other parameters (${relatives.map(parametersOf).join(' | ')})`;
    lonely.push({ result, sentence: `${name} alone: ${titleOf(result)} (${parametersOf(result)}): ${why}` });
  }
  return lonely;
}

/** `decode native ipv4` */
export function titleOf({ subject, case: name, backend, family }: Result): string {
  return [...new Set([subject, name]), ...(backend === 'both' ? [] : [backend]), family].join(' ');
}

export function rowTitle({ head }: Pick<Row, 'head'>): string {
  return `${titleOf(head)} (${parametersOf(head)})`;
}

/** `connections 10,000, mtu 512` */
export function parametersOf({ parameters, items }: { parameters: Result['parameters']; items?: number }): string {
  const said = Object.entries(parameters).map(([key, value]) => `${key} ${valueText(value)}`);
  if (items !== undefined && !Object.values(parameters).includes(items)) said.unshift(`items ${valueText(items)}`);
  return said.join(', ');
}

function valueText(value: Result['parameters'][string]): string {
  if (Array.isArray(value)) return value.map(valueText).join('/');
  return typeof value === 'number' ? value.toLocaleString('en') : String(value);
}
