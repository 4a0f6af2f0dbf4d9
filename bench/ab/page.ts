import * as Plot from '@observablehq/plot';
import { htmlPage, keyLine, list, paragraph, section, SIDE_KEYS, table, VERDICT_KEYS, type Key } from '../page/html.js';
import { againstMedian, driftChart } from '../page/drift.js';
import { intervalChart } from '../page/intervals.js';
import { plot, type Chart } from '../page/plot.js';
import { limit, percent } from '../compare/units.js';
import { cells, HEADS, legend, machineLine, nameOf, sentence } from './report.js';
import { SIDES, type AbRow, type AbRun } from './result.js';
import { titleOf } from './session.js';

/** Farther pairs stand at the edge of their chart, in percent. */
const FARTHEST = 100;
const SPEED: readonly Key[] = [
  ['head', 'wall time'],
  ['base', 'CPU time'],
];
const ORDER: readonly Key[] = [
  ['base', 'BASE ran first'],
  ['head', 'HEAD ran first'],
];

/** A comparison by pairs as one HTML file with its charts. */
export function page(run: AbRun): string {
  const { base, head, rows, problems, rule, verdict } = run;
  const primary = rows.filter(row => row.primary);
  const others = rows.filter(row => !row.primary);
  return htmlPage(`Benchmarks: ${base.commit.slice(0, 7)} and ${head.commit.slice(0, 7)}`, [
    keyLine([
      ['base', `BASE ${nameOf(base)}`],
      ['head', `HEAD ${nameOf(head)}`],
    ]),
    paragraph(machineLine(run), 'faint'),
    paragraph(sentence(run), `verdict ${verdict}`),
    list(problems, 'undecided'),
    section('Change of CPU time', intervals(primary, rule.threshold, 'Rows that decide'), VERDICT_KEYS),
    section(
      'Pairs',
      primary.flatMap(row => pairs(row, rule.threshold)),
      ORDER,
    ),
    section('The machine meanwhile', speed(run), SPEED),
    section('Both sides meanwhile', primary.flatMap(costs), SIDE_KEYS),
    table(HEADS, [...primary, ...others].map(cells)),
    paragraph(legend(run), 'faint'),
    section(
      'Rows that decide nothing',
      intervals(others, rule.threshold, 'Floors, peers and other rows'),
      VERDICT_KEYS,
    ),
  ]);
}

function intervals(rows: readonly AbRow[], threshold: number, title: string): Chart[] {
  const shown = rows.flatMap(row => {
    const change = row.cpu ?? row.wall;
    if (!change) return [];
    const { estimate, low, high } = change;
    return [
      {
        label: `${titleOf(row)}${row.cpu ? '' : ' (wall)'}`,
        change: estimate,
        low: low ?? undefined,
        high: high ?? undefined,
        ...(row.verdict && { verdict: row.verdict }),
      },
    ];
  });
  if (shown.length === 0) return [];
  return [{ title, note: 'Estimate and bounds. Dashed: the threshold.', svg: intervalChart(shown, threshold) }];
}

/** The change of each pair, one after the other. */
function pairs(row: AbRow, threshold: number): Chart[] {
  const points = row.pairs.flatMap((pair, i) => {
    const change = pair.head.cpu! / pair.base.cpu! - 1;
    if (!Number.isFinite(change)) return [];
    return [{ pair: i + 1, change: Math.min(FARTHEST, change * 100), colour: `var(--${pair.first})` }];
  });
  if (points.length === 0) return [];
  const { cpu } = row;
  const svg = plot({
    height: 200,
    x: { label: 'pair', grid: true, ticks: 5, domain: [0, row.pairs.length + 1] },
    y: { label: 'change of CPU time (%)', grid: true, nice: true, ticks: 5 },
    marks: [
      Plot.ruleY([0], { stroke: 'currentColor' }),
      Plot.ruleY([threshold * 100], { stroke: 'var(--worse)', strokeDasharray: '4 3' }),
      Plot.dot(points, { x: 'pair', y: 'change', fill: 'colour', fillOpacity: 0.8, r: 3 }),
    ],
  });
  const bound = (value: number | null): string => (value === null ? '?' : percent(value));
  const note = cpu
    ? `${percent(cpu.estimate)} (${bound(cpu.low)} to ${bound(cpu.high)}), ${row.verdict ?? 'decides nothing'}. Dashed: ${limit(threshold)}.`
    : 'no bounds';
  return [{ title: titleOf(row), note, svg }];
}

/** How long the same work took before each round. */
function speed({ drift }: AbRun): Chart[] {
  if (drift.length === 0) return [];
  const times = drift.map(({ at }) => Date.parse(at));
  const moments = [
    ...againstMedian(
      times,
      drift.map(({ wall }) => wall),
      'var(--head)',
    ),
    ...againstMedian(
      times,
      drift.map(({ cpu }) => cpu),
      'var(--base)',
    ),
  ];
  const ratios = moments.map(({ ratio }) => ratio);
  const note = `A fixed piece of work before each round: ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times its median.`;
  return [{ title: 'the same work', note, svg: driftChart(moments, 'time / median') }];
}

/** What a row took, pair by pair, against its median of that side. */
function costs(row: AbRow): Chart[] {
  const moments = SIDES.flatMap(side => {
    const measured = row.pairs.filter(pair => pair[side].cpu !== undefined);
    const times = measured.map(({ at }) => Date.parse(at));
    return againstMedian(
      times,
      measured.map(pair => pair[side].cpu!),
      `var(--${side})`,
    );
  });
  if (moments.length === 0) return [];
  const note = 'CPU time of each process, against the median of its side.';
  return [{ title: titleOf(row), note, svg: driftChart(moments, 'CPU time / median') }];
}
