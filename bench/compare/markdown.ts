import {
  type Change,
  type Comparison,
  decides,
  type MemoryChange,
  parametersOf,
  type Row,
  rowTitle,
  SIGNIFICANCE,
  titleOf,
} from './comparison.js';
import type { Side } from './side.js';
import { bytes, count, percent, seconds } from './units.js';

export const HEADS = ['benchmark', 'parameters', 'time', 'change', 'bytes', 'change', 'allocations', 'change'];
export const NOTE = `Medians of one operation. Floors and other programs decide nothing. ~: no more than chance (Mann-Whitney U, p ≥ ${SIGNIFICANCE}). ≈: an estimate, which decides nothing.`;
const NOTHING = '';

/** The comparison as it is printed and posted. `worse` are the rows that make it fail. */
export function markdown(comparison: Comparison, worse: readonly Row[], threshold: number): string {
  const { base, head, rows, alone, undecided, machines } = comparison;
  const lines = [
    `BASE ${sideText(base)}, HEAD ${sideText(head)}`,
    machineText(head.machine),
    '',
    ...machines.map(difference => `**Different machines**, ${difference}. The changes may be theirs.`),
    ...(machines.length > 0 ? [''] : []),
    line(HEADS),
    `|---|---|${'---:|'.repeat(HEADS.length - 2)}`,
    ...rows.map(row => line(cells(row))),
    '',
    NOTE,
    ...(alone.length > 0 ? ['', ...alone.map(sentence => `- ${sentence}`)] : []),
    '',
    verdict(comparison, worse, threshold),
    ...worse.map(row => `- **${rowTitle(row)}**`),
    ...(undecided.length > 0 ? ['', 'What could not be judged:', ...undecided.map(sentence => `- ${sentence}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** One sentence; what cannot be judged has not passed. */
export function verdict({ rows, undecided }: Comparison, worse: readonly Row[], threshold: number): string {
  const limit = `${Number((threshold * 100).toPrecision(3))} %`;
  if (worse.length > 0) {
    return `${worse.length} of ${rows.filter(decides).length} got significantly worse by more than ${limit}:`;
  }
  if (undecided.length > 0) return `Not decided: ${undecided.length} could not be judged.`;
  return `Nothing got significantly worse by more than ${limit}.`;
}

/** `1a2b3c4 of 2026-11-24`, and whether there was more than the commit has */
export function sideText({ commit, dirty, date }: Side): string {
  return `${commit.slice(0, 7)}${dirty ? ' with changes' : ''} of ${date.slice(0, 10)}`;
}

export function machineText({ cpu, cores, memory, kernel, node, rust }: Side['machine']): string {
  return `${cpu}, ${cores} cores, ${bytes(memory)}, kernel ${kernel}, Node ${node}, Rust ${rust || 'none'}`;
}

/** The cells of a row, in the order of HEADS. */
export function cells(row: Row): string[] {
  const { time, memory, head } = row;
  return [
    titleOf(head),
    parametersOf(head),
    time ? `${seconds(time.base)} → ${seconds(time.head)}` : NOTHING,
    time ? timeChange(time, row) : NOTHING,
    ...(memory
      ? [...figure(memory, 'bytes', bytes), ...figure(memory, 'allocations', count)]
      : [NOTHING, NOTHING, NOTHING, NOTHING]),
  ];
}

function timeChange(time: Change, { base, head }: Row): string {
  const evidence = `${time.p! < 0.001 ? 'p<0.001' : `p=${time.p!.toFixed(3)}`}, n=${base.samples.length}+${head.samples.length}`;
  return `${time.significant ? percent(time.change) : '~'} (${evidence})`;
}

function figure(memory: MemoryChange, what: 'bytes' | 'allocations', unit: (value: number) => string): string[] {
  const { base, head, significant, change } = memory[what];
  const text = `${memory.estimated ? '≈ ' : ''}${unit(base)} → ${unit(head)}`;
  if (!memory.estimated) return [text, significant ? percent(change) : '0 %'];
  const rust = memory.rust?.[what];
  const exact = rust?.significant ? `; Rust's ${unit(rust.base)} → ${unit(rust.head)}, ${percent(rust.change)}` : '';
  return [text, `≈ ${percent(change)}${exact}`];
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}
