import { machineText } from '../compare/markdown.js';
import { bytes, count, seconds } from '../compare/units.js';
import type { BenchmarkRun } from '../results/results.js';
import { COSTS, type Cost } from './costs.js';
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

/** The targets with what was measured, in Markdown. Of several runs that have a figure the latest counts. */
export function targetTable(sources: readonly Source[], targets: readonly Target[] = TARGETS): string {
  const latest = [...sources].sort((a, b) => (a.run.date < b.run.date ? 1 : -1));
  const used: Source[] = [];
  const rows = targets.map(target => {
    const source = latest.find(({ run }) => target.figure(run) !== undefined);
    if (!source) return `| ${target.what} | ${limitText(target)} | not measured | | |`;
    if (!used.includes(source)) used.push(source);
    const value = target.figure(source.run)!;
    const text = TEXT[target.unit];
    const held = verdict(target, value, source.run);
    return `| ${target.what} | ${limitText(target, source.run)} | ${text(value)} | ${held} | ${used.indexOf(source) + 1} |`;
  });
  return [
    '| what | target | measured | met | from |',
    '|---|---:|---:|---|---:|',
    ...rows,
    '',
    ...used.map(({ file, run }, i) => `${i + 1}. ${sourceText(file, run)}`),
    '',
  ].join('\n');
}

/** What each part of the way costs, in Markdown; of several runs that have a figure the latest counts. */
export function costTable(sources: readonly Source[], costs: readonly Cost[] = COSTS): string {
  const latest = [...sources].sort((a, b) => (a.run.date < b.run.date ? 1 : -1));
  const rows = costs.map(({ what, figure }) => {
    const value = latest.map(({ run }) => figure(run)).find(one => one !== undefined);
    return `| ${what} | ${value === undefined ? 'not measured' : seconds(value)} |`;
  });
  return ['| for each | time |', '|---|---:|', ...rows, ''].join('\n');
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

function valueOf(limit: number | Figure | undefined, run: BenchmarkRun | undefined): number | undefined {
  return typeof limit === 'function' ? run && limit(run) : limit;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

function sourceText(file: string, { commit, dirty, date, machine }: BenchmarkRun): string {
  return `${file}: ${commit.slice(0, 10)}${dirty ? ' with changes' : ''}, ${date.slice(0, 10)}, ${machineText(machine)}`;
}
