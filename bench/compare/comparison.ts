import type { Memory, Result } from '../results/results.js';
import { median } from '../results/statistics.js';
import { rankTest } from './rank-test.js';
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
  /** `cpu: A, B`; empty where both sides were measured on one machine. */
  readonly machines: readonly string[];
}

export function compare(base: Side, head: Side): Comparison {
  const rows: Row[] = [];
  for (const [key, result] of base.results) {
    const partner = head.results.get(key);
    if (partner) rows.push(rowOf(result, partner));
  }
  const alone = [...withoutPartner('BASE', base, head), ...withoutPartner('HEAD', head, base)];
  return { base, head, rows, alone, machines: machineDifferences(base.machine, head.machine) };
}

/** The rows in which a figure is significantly worse by more than `threshold` (0.05: 5 %). */
export function worse(comparison: Comparison, threshold: number): Row[] {
  return comparison.rows.filter(({ time, memory }) =>
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

function withoutPartner(name: string, side: Side, other: Side): string[] {
  const sentences: string[] = [];
  for (const [key, result] of side.results) {
    if (other.results.has(key)) continue;
    const relatives = [...other.results.values()].filter(relative => benchmarkOf(relative) === benchmarkOf(result));
    const why =
      relatives.length === 0
        ? 'the other side did not measure it'
        : `the other side has it with other parameters (${relatives.map(parametersOf).join(' | ')})`;
    sentences.push(`${name} alone: ${titleOf(result)} (${parametersOf(result)}): ${why}`);
  }
  return sentences;
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
