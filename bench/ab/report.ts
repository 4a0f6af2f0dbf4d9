import { median } from '../results/statistics.js';
import { limit, percent, seconds } from '../compare/units.js';
import { SIDES, type AbRow, type AbRun, type Change, type Checkout, type SideName } from './result.js';
import { titleOf } from './session.js';

export const HEADS = ['row', 'verdict', 'BASE', 'HEAD', 'CPU', 'wall', 'GC', 'pairs'];

/** A comparison as it is printed and posted, in Markdown. */
export function report(run: AbRun): string {
  const { base, head, rows, problems } = run;
  const primary = rows.filter(row => row.primary);
  const others = rows.filter(row => !row.primary);
  const lines = [
    `BASE ${nameOf(base)}, HEAD ${nameOf(head)}`,
    machineLine(run),
    '',
    `**${sentence(run)}**`,
    '',
    ...problems.map(problem => `- ${problem}`),
    ...(problems.length > 0 ? [''] : []),
    line(HEADS),
    `|---|---|${'---:|'.repeat(HEADS.length - 2)}`,
    ...[...primary, ...others].map(row => line(cells(row))),
    '',
    legend(run),
  ];
  return `${lines.join('\n')}\n`;
}

/** What it ran on, and how fast that was. */
export function machineLine({ machine, drift }: AbRun): string {
  const speeds = drift.map(({ wall }) => wall);
  const range = `${seconds(Math.min(...speeds))} to ${seconds(Math.max(...speeds))}`;
  return `${machine.cpu}, ${machine.cores} cores, kernel ${machine.kernel}, Node ${machine.node}; the same work took it ${range}`;
}

/** How it was judged. */
export function legend({ rule }: AbRun): string {
  return (
    `BASE and HEAD: CPU time a row or record, medians over pairs. CPU, wall: change and its interval. GC: share of the wall time on either side. ` +
    `A row is fine when the upper bound of its CPU time lies below +${limit(rule.threshold)}, and worse when the lower bound lies above; ` +
    `${rule.primary} rows are held together with Holm, which needs ${rule.leastPairs} pairs at least. Rows without a verdict decide nothing.`
  );
}

/** The verdict in one sentence. */
export function sentence({ rows, rule, end, verdict }: AbRun): string {
  const primary = rows.filter(row => row.primary);
  const of = (wanted: string): string =>
    primary
      .filter(row => row.verdict === wanted)
      .map(titleOf)
      .join(', ');
  const than = `by more than ${limit(rule.threshold)}`;
  const open = of('undecided');
  if (verdict === 'fine') return `Nothing got worse ${than}.`;
  if (verdict === 'worse') return `Worse ${than}: ${of('worse')}.${open === '' ? '' : ` Undecided: ${open}.`}`;
  const over = { decided: '', time: ' when the time was over', pairs: ' after the most pairs' }[end];
  return `Undecided${over}: ${open === '' ? 'not everything was measured on both sides' : open}. This is no pass.`;
}

/** In the order of HEADS. */
export function cells(row: AbRow): string[] {
  return [
    titleOf(row),
    row.verdict ?? '',
    ...SIDES.map(side => eachOf(row, side)),
    changeText(row.cpu),
    changeText(row.wall),
    SIDES.map(side => collected(row, side)).join(' → '),
    String((row.cpu ?? row.wall)?.pairs ?? 0),
  ];
}

function eachOf({ pairs, items }: AbRow, side: SideName): string {
  const costs = pairs.flatMap(pair => pair[side].cpu ?? []);
  return costs.length === 0 ? 'none' : seconds(median(costs) / items);
}

/** `+1.2 % (−0.3 % to +2.7 %)` */
function changeText(change: Change | undefined): string {
  if (!change) return '';
  const { estimate, low, high } = change;
  const bound = (value: number | null): string => (value === null ? '?' : percent(value));
  return `${percent(estimate)} (${bound(low)} to ${bound(high)})`;
}

/** Share of the wall time, over all pairs. */
function collected({ pairs }: AbRow, side: SideName): string {
  const costs = pairs.map(pair => pair[side]).filter(({ wall, gc }) => wall !== undefined && gc !== undefined);
  if (costs.length === 0) return '?';
  const sum = (what: 'wall' | 'gc'): number => costs.reduce((total, cost) => total + cost[what]!, 0);
  return percent(sum('gc') / sum('wall')).replace('+', '');
}

export function nameOf({ name, commit }: Checkout): string {
  return commit.startsWith(name) ? commit.slice(0, 10) : `${name} (${commit.slice(0, 10)})`;
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}
