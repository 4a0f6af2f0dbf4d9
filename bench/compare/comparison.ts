import { isOurs, type Memory, type Result } from '../results/results.js';
import { median } from '../results/statistics.js';
import { leastP, rankTest } from './rank-test.js';
import { benchmarkOf, machineDifferences, type Side } from './side.js';

/** Two sets of samples differ where chance alone would set them so far apart less often than this. */
export const SIGNIFICANCE = 0.05;

/** A figure before and after. */
export interface Change {
  readonly base: number;
  readonly head: number;
  /** 0.5: half as much again. */
  readonly change: number;
  /** More than chance. Single figures that were counted exactly always are, estimates never. */
  readonly significant: boolean;
  /** Of the rank test, where there are samples. */
  readonly p?: number;
}

export interface Row {
  readonly base: Result;
  readonly head: Result;
  /** Seconds an operation, medians. */
  readonly time?: Change;
  readonly memory?: MemoryChange;
}

export interface MemoryChange {
  readonly bytes: Change;
  readonly allocations: Change;
  /** Something of either side is an estimate. */
  readonly estimated: boolean;
  /** The part that was counted exactly, where the rest is an estimate. */
  readonly rust?: { readonly bytes: Change; readonly allocations: Change };
}

export interface Comparison {
  readonly base: Side;
  readonly head: Side;
  readonly rows: readonly Row[];
  /** Why results have no partner on the other side, one sentence each. */
  readonly alone: readonly string[];
  /** Why results of ctflow cannot be judged, one sentence each. With any of them nothing has passed. */
  readonly undecided: readonly string[];
  /** `cpu: A, B`; empty where both sides were measured on one machine. */
  readonly machines: readonly string[];
}

export function compare(base: Side, head: Side): Comparison {
  const rows: Row[] = [];
  for (const [key, result] of base.results) {
    const partner = head.results.get(key);
    if (partner) rows.push(rowOf(result, partner));
  }
  const lonely = [...withoutPartner('BASE', base, head), ...withoutPartner('HEAD', head, base)];
  const alone = lonely.map(({ sentence }) => sentence);
  const undecided = [
    ...rows.filter(decides).flatMap(undecidedBy),
    ...lonely.filter(({ result }) => isOurs(result)).map(({ sentence }) => sentence),
  ];
  if (!rows.some(decides)) undecided.push('nothing of ctflow itself was measured on both sides');
  return { base, head, rows, alone, undecided, machines: machineDifferences(base.machine, head.machine) };
}

/** Floors and other programs are shown, and say nothing about ctflow. */
export function decides({ base }: Row): boolean {
  return isOurs(base);
}

/** Why a row cannot be judged. */
function undecidedBy(row: Row): string[] {
  const { base, head } = row;
  const few = (['BASE', 'HEAD'] as const).flatMap((name, i) => {
    const [side, other] = i === 0 ? [base, head] : [head, base];
    const isVoid = side.samples.length === 0 && (other.samples.length > 0 || !row.memory);
    const why = side.extra['void'];
    if (isVoid) return [`${name} has not one valid sample${why === undefined ? '' : ` (${String(why)})`}`];
    return other.memory && !side.memory ? [`${name} has no figures of memory`] : [];
  });
  if (few.length === 0 && base.samples.length > 0 && leastP(base.samples.length, head.samples.length) >= SIGNIFICANCE) {
    few.push(`${base.samples.length}+${head.samples.length} samples are too few: chance alone sets any so far apart`);
  }
  return few.map(why => `${rowTitle(row)}: ${why}`);
}

/** The rows of ctflow in which a figure is significantly worse by more than `threshold` (0.05: 5 %). */
export function worse(comparison: Comparison, threshold: number): Row[] {
  return comparison.rows
    .filter(decides)
    .filter(({ time, memory }) =>
      [time, memory?.bytes, memory?.allocations, memory?.rust?.bytes, memory?.rust?.allocations].some(
        change => change?.significant && change.change > threshold,
      ),
    );
}

function rowOf(base: Result, head: Result): Row {
  return {
    base,
    head,
    ...(base.samples.length > 0 && head.samples.length > 0 && { time: timeOf(base.samples, head.samples) }),
    ...(base.memory && head.memory && { memory: memoryOf(base.memory, head.memory) }),
  };
}

function timeOf(base: readonly number[], head: readonly number[]): Change {
  const { p } = rankTest(base, head);
  return { ...changeOf(median(base), median(head)), p, significant: p < SIGNIFICANCE };
}

function memoryOf(base: Memory, head: Memory): MemoryChange {
  const estimated = base.estimated || head.estimated;
  const { rust } = base;
  return {
    estimated,
    bytes: counted(base.bytes, head.bytes, !estimated),
    allocations: counted(base.allocations, head.allocations, !estimated),
    ...(estimated &&
      rust &&
      head.rust && {
        rust: {
          bytes: counted(rust.bytes, head.rust.bytes, true),
          allocations: counted(rust.allocations, head.rust.allocations, true),
        },
      }),
  };
}

function counted(base: number, head: number, exact: boolean): Change {
  return { ...changeOf(base, head), significant: exact && base !== head };
}

function changeOf(base: number, head: number): { base: number; head: number; change: number } {
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

export function rowTitle({ head }: Row): string {
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
