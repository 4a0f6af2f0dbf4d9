import * as Plot from '@observablehq/plot';
import { quantile } from 'simple-statistics';
import type { Comparison } from '../comparison.js';
import { around, bySubject, type Chart, labelsOf, LOWER, plotLines, SIDE_COLOURS, SIDES, UPPER } from './plot.js';

/** The share of the samples at either end that does not widen the axis. */
const FAR = 0.01;

/** All samples of each benchmark against the median of its base. */
export function distributions({ rows }: Comparison): Chart[] {
  return bySubject(rows.filter(({ time }) => time)).map(([subject, some]) => {
    const labels = labelsOf(some.map(({ head }) => head));
    const samples = some.flatMap((row, i) =>
      SIDES.flatMap(side =>
        row[side].samples.map(sample => ({ line: labels[i], side, ratio: sample / row.time!.base })),
      ),
    );
    const medians = some.flatMap(({ time }, i) =>
      SIDES.map(side => ({ line: labels[i], side, ratio: time![side] / time!.base })),
    );
    const ratios = samples.map(({ ratio }) => ratio);
    const ticks = SIDES.flatMap((side, i) => {
      const where = { x: 'ratio', y: 'line', stroke: 'side', ...(i === 0 ? UPPER : LOWER) } as const;
      return [
        Plot.tickX(
          samples.filter(sample => sample.side === side),
          { ...where, strokeOpacity: 0.35 },
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
      note: 'A tick is a sample, the thick one the median. The farthest stand at the edge.',
      svg,
    };
  });
}
