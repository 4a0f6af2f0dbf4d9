import { machineText } from '../compare/markdown.js';
import { machineDifferences } from '../compare/side.js';
import { bytes, count, seconds } from '../compare/units.js';
import type { BenchmarkRun } from '../results/results.js';
import type { Figure } from './figures.js';
import { type Target, TARGETS, type Unit } from './rows.js';

/** A run, and where it is from. */
export interface Source {
  /** The name of its file. */
  readonly file: string;
  readonly run: BenchmarkRun;
}

const TEXT: Readonly<Record<Unit, (value: number) => string>> = {
  times: value => `${value.toPrecision(3)} x`,
  seconds,
  bytes,
  count,
};

/**
 * The targets with what was measured, in Markdown. Of several runs that have a figure the latest counts.
 * @throws where the runs are of different machines
 */
export function targetTable(sources: readonly Source[], targets: readonly Target[] = TARGETS): string {
  const [{ file, run }] = sources;
  for (const other of sources) {
    const differences = machineDifferences(run.machine, other.run.machine);
    if (differences.length > 0) {
      throw new Error(`${file} and ${other.file} are of different machines: ${differences.join('; ')}`);
    }
  }
  const latest = [...sources].sort((a, b) => (a.run.date < b.run.date ? 1 : -1));
  const used: Source[] = [];
  const rows = targets.map(target => {
    const source = latest.find(({ run }) => target.figure(run) !== undefined);
    if (!source) return `| ${target.what} | ${limitText(target)} | not measured | | | | |`;
    if (!used.includes(source)) used.push(source);
    const value = target.figure(source.run)!;
    const text = TEXT[target.unit];
    const held = verdict(target, value, source.run);
    const [ours, beside] = [target.absolute?.ours, target.absolute?.beside].map(figure =>
      absoluteText(figure, source.run),
    );
    const cells = [
      target.what,
      limitText(target, source.run),
      text(value),
      held,
      ours,
      beside,
      used.indexOf(source) + 1,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| what | target | measured | met | ctflow, each | beside, each | from |',
    '|---|---:|---:|---|---:|---:|---:|',
    ...rows,
    '',
    ...used.map(({ file, run }, i) => `${i + 1}. ${sourceText(file, run)}`),
    '',
  ].join('\n');
}

/** Whether the value keeps to the limits, or by how much it does not. */
export function verdict({ most, least }: Target, value: number, run: BenchmarkRun): string {
  const above = valueOf(most, run);
  const below = valueOf(least, run);
  if (above === undefined && below === undefined) return 'beside it';
  if (above !== undefined && value > above) return above === 0 ? 'no' : `no, ${percent(value / above - 1)} above`;
  if (below !== undefined && value < below) return `no, ${percent(1 - value / below)} below`;
  return 'yes';
}

function limitText({ most, least, unit }: Target, run?: BenchmarkRun): string {
  const [word, limit] = most === undefined ? ['at least', least] : ['at most', most];
  if (limit === undefined) return '';
  const value = valueOf(limit, run);
  return value === undefined ? 'by the run' : `${word} ${TEXT[unit](value)}`;
}

function absoluteText(figure: Figure | undefined, run: BenchmarkRun): string {
  const value = figure?.(run);
  return value === undefined ? '' : seconds(value);
}

function valueOf(limit: number | Figure | undefined, run: BenchmarkRun | undefined): number | undefined {
  return typeof limit === 'function' ? run && limit(run) : limit;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

function sourceText(file: string, { commit, dirty, date, machine }: BenchmarkRun): string {
  return `${file}: ${commit.slice(0, 10)}${dirty ? ' with changes' : ''}, ${date.slice(0, 10)}, ${machineText(machine)}`;
}
