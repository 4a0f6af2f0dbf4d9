import {
  type Change,
  type Comparison,
  type Counted,
  type MemoryChange,
  parametersOf,
  type Row,
  rowTitle,
  titleOf,
} from './comparison.js';
import type { Side } from './side.js';
import { bytes, count, limit, percent, seconds } from './units.js';

export const HEADS = [
  'benchmark',
  'parameters',
  'verdict',
  'CPU',
  'change',
  'wall',
  'change',
  'bytes',
  'change',
  'allocations',
  'change',
];
const NOTHING = '';

/** The comparison as it is printed and posted. */
export function markdown(comparison: Comparison): string {
  const { base, head, rows, worse, alone, undecided, machines } = comparison;
  const lines = [
    `BASE ${sideText(base)}, HEAD ${sideText(head)}`,
    machineText(head.machine),
    '',
    ...machines.map(difference => `**Different machines**, ${difference}. The changes may be theirs.`),
    ...(machines.length > 0 ? [''] : []),
    line(HEADS),
    `|---|---|---|${'---:|'.repeat(HEADS.length - 3)}`,
    ...rows.map(row => line(cells(row))),
    '',
    note(comparison),
    ...(alone.length > 0 ? ['', ...alone.map(sentence => `- ${sentence}`)] : []),
    '',
    sentence(comparison),
    ...worse.map(row => `- **${rowTitle(row)}**`),
    ...(undecided.length > 0 ? ['', 'Not decided:', ...undecided.map(text => `- ${text}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** How it was judged. */
export function note({ threshold, primary }: Comparison): string {
  return (
    `Medians over runs, of one operation; changes with their intervals. A run is one figure, however many samples it took. ` +
    `A row with a verdict is fine when the upper bound of its CPU time lies below +${limit(threshold)}, and worse when the lower bound lies above` +
    `${primary > 1 ? ` (Mann-Whitney and Hodges-Lehmann; ${primary} rows are held together with Holm)` : ''}. ` +
    `Rows without a verdict, floors and other programs decide nothing. ≈: an estimate, which decides nothing.`
  );
}

/** One sentence; what cannot be judged has not passed. */
export function sentence({ primary, worse, undecided, threshold, verdict }: Comparison): string {
  const than = `by more than ${limit(threshold)}`;
  if (verdict === 'worse') {
    const rest = undecided.length > 0 ? ' Not everything could be judged.' : '';
    return `Worse ${than}: ${worse.length} ${worse.length === 1 ? 'row' : 'rows'}.${rest}`;
  }
  if (verdict === 'undecided') return 'Undecided. This is no pass.';
  return `Nothing got worse ${than} (${primary} ${primary === 1 ? 'row' : 'rows'}).`;
}

/** `1a2b3c4 of 2026-11-24, 5 runs`, and whether there was more than the commit has */
export function sideText({ commit, dirty, dates }: Side): string {
  const runs = `${dates.length} ${dates.length === 1 ? 'run' : 'runs'}`;
  return `${commit.slice(0, 7)}${dirty ? ' with changes' : ''} of ${dates[0].slice(0, 10)}, ${runs}`;
}

export function machineText({ cpu, cores, memory, kernel, node, rust }: Side['machine']): string {
  return `${cpu}, ${cores} cores, ${bytes(memory)}, kernel ${kernel}, Node ${node}, Rust ${rust || 'none'}`;
}

/** The cells of a row, in the order of HEADS. */
export function cells(row: Row): string[] {
  const { verdict, cpu, time, memory, head } = row;
  return [
    titleOf(head),
    parametersOf(head),
    verdict ?? NOTHING,
    ...timeCells(cpu),
    ...timeCells(time),
    ...(memory
      ? [...figure(memory, 'bytes', bytes), ...figure(memory, 'allocations', count)]
      : [NOTHING, NOTHING, NOTHING, NOTHING]),
  ];
}

function timeCells(change: Change | undefined): [string, string] {
  return change ? [`${seconds(change.base)} → ${seconds(change.head)}`, intervalText(change)] : [NOTHING, NOTHING];
}

/** `+1.2 % (−0.3 to +2.7 %)`; a bound for which there are too few runs is `?`. */
export function intervalText({ change, low, high }: Pick<Change, 'change' | 'low' | 'high'>): string {
  const bound = (value: number | undefined): string => (value === undefined ? '?' : percent(value));
  return `${percent(change)} (${bound(low)} to ${bound(high)})`;
}

function figure(memory: MemoryChange, what: 'bytes' | 'allocations', unit: (value: number) => string): string[] {
  const { base, head, change } = memory[what];
  const text = `${memory.estimated ? '≈ ' : ''}${unit(base)} → ${unit(head)}`;
  if (!memory.estimated) return [text, exactChange(memory[what])];
  const rust = memory.rust?.[what];
  const exact =
    rust && rust.change !== 0 ? `; Rust's ${unit(rust.base)} → ${unit(rust.head)}, ${percent(rust.change)}` : '';
  return [text, `≈ ${percent(change)}${exact}`];
}

function exactChange({ change }: Counted): string {
  return change === 0 ? '0 %' : percent(change);
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}
