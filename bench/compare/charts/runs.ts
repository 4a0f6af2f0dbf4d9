import * as Plot from '@observablehq/plot';
import { quantile } from 'simple-statistics';
import type { Result } from '../../results/results.js';
import type { Comparison } from '../comparison.js';
import { around, type Chart, LOWER, plotLines, SIDE_COLOURS, SIDES, UPPER } from '../../page/plot.js';
import { bySubject, labelsOf } from './labels.js';

/** The share of the runs at either end that does not widen the axis. */
const FAR = 0.01;

/** All runs of each benchmark against the median of its base: CPU time where it was taken. */
export function runs({ rows }: Comparison): Chart[] {
  const timed = rows.flatMap(({ base, head, cpu, time }) => {
    const middle = cpu ?? time;
    return middle ? [{ head, middle, all: cpu ? { base: base.cpu!, head: head.cpu! } : figuresOf(base, head) }] : [];
  });
  return bySubject(timed).map(([subject, some]) => {
    const labels = labelsOf(some.map(({ head }) => head));
    const samples = some.flatMap(({ all, middle }, i) =>
      SIDES.flatMap(side => all[side].map(figure => ({ line: labels[i], side, ratio: figure / middle.base }))),
    );
    const medians = some.flatMap(({ middle }, i) =>
      SIDES.map(side => ({ line: labels[i], side, ratio: middle[side] / middle.base })),
    );
    const ratios = samples.map(({ ratio }) => ratio);
    const ticks = SIDES.flatMap((side, i) => {
      const where = { x: 'ratio', y: 'line', stroke: 'side', ...(i === 0 ? UPPER : LOWER) } as const;
      return [
        Plot.tickX(
          samples.filter(sample => sample.side === side),
          { ...where, strokeOpacity: 0.5 },
        ),
        Plot.tickX(
          medians.filter(middle => middle.side === side),
          { ...where, strokeWidth: 4 },
        ),
      ];
    });
    const svg = plotLines(
      labels.map(label => ({ line: label, text: label })),
      {
        x: {
          label: 'time / median of BASE',
          grid: true,
          ticks: 5,
          clamp: true,
          domain: around([1, quantile(ratios, FAR), quantile(ratios, 1 - FAR)]),
        },
        color: SIDE_COLOURS,
        marks: [Plot.ruleX([1], { stroke: 'currentColor', strokeOpacity: 0.5 }), ...ticks],
      },
    );
    return {
      title: subject,
      note: 'A tick is a run, the thick one the median. The farthest stand at the edge.',
      svg,
    };
  });
}

function figuresOf(base: Result, head: Result): Record<'base' | 'head', readonly number[]> {
  return { base: base.samples, head: head.samples };
}
