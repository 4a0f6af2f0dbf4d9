import * as Plot from '@observablehq/plot';
import type { Result } from '../../results/results.js';
import { bySize } from '../../results/linearity.js';
import { fitLine, median } from '../../results/statistics.js';
import type { Comparison } from '../comparison.js';
import { bytes, count, seconds } from '../units.js';
import { type Chart, plot, SIDE_COLOURS } from '../../page/plot.js';

interface Figure {
  readonly name: string;
  readonly unit: string;
  /** In the unit; undefined where the result lacks it. */
  value(result: Result): number | undefined;
  text(value: number): string;
}

const FEWEST_SIZES = 3;
const FIGURES: readonly Figure[] = [
  {
    name: 'time',
    unit: 'ms',
    value: ({ samples }) => (samples.length > 0 ? median(samples) * 1e3 : undefined),
    text: value => seconds(value / 1e3),
  },
  {
    name: 'bytes',
    unit: 'MB',
    value: ({ memory }) => (memory ? memory.bytes / 1e6 : undefined),
    text: value => bytes(value * 1e6),
  },
];

/** Time and memory of each benchmark that was measured with three sizes or more, with a line through the points of HEAD. */
export function linearity({ base, head }: Comparison): Chart[] {
  const before = bySize([...base.results.values()]);
  return [...bySize([...head.results.values()])].flatMap(([title, results]) =>
    FIGURES.flatMap(figure => chart(title, figure, before.get(title) ?? [], results)),
  );
}

function chart(title: string, figure: Figure, base: readonly Result[], head: readonly Result[]): Chart[] {
  const after = pointsOf(figure, 'head', head);
  if (new Set(after.map(({ x }) => x)).size < FEWEST_SIZES) return [];
  const points = [...pointsOf(figure, 'base', base), ...after];
  const { slope, intercept, fit } = fitLine(after.map(({ x, y }) => [x, y]));
  const sizes = after.map(({ x }) => x);
  const svg = plot({
    height: 220,
    x: { label: 'rows or records an operation', grid: true, zero: true, ticks: 4, tickFormat: count },
    y: { label: figure.unit, grid: true, nice: true, zero: true, ticks: 5 },
    color: SIDE_COLOURS,
    marks: [
      Plot.line(
        [Math.min(...sizes), Math.max(...sizes)].map(x => ({ x, y: intercept + slope * x })),
        { x: 'x', y: 'y', stroke: 'var(--head)', strokeDasharray: '4 3' },
      ),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'side', r: 4 }),
    ],
  });
  const note = `HEAD: ${figure.text(slope)} each, R² ${fit.toFixed(4)}.`;
  return [{ title: `${title}: ${figure.name}`, note, svg }];
}

function pointsOf(figure: Figure, side: 'base' | 'head', results: readonly Result[]) {
  return results.flatMap(result => {
    const y = figure.value(result);
    return y === undefined ? [] : [{ side, x: result.items, y }];
  });
}
