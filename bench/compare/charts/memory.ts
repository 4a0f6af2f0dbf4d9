import * as Plot from '@observablehq/plot';
import type { Comparison } from '../comparison.js';
import { bytes } from '../units.js';
import { type Chart, LOWER, plotLines, SIDE_COLOURS, SIDES, UPPER } from '../../page/plot.js';
import { bySubject, labelsOf } from './labels.js';

/** Bytes that one operation allocates. */
export function memory({ rows }: Comparison): Chart[] {
  return bySubject(rows.filter(({ memory }) => memory)).map(([subject, some]) => {
    const labels = labelsOf(some.map(({ head }) => head));
    const bars = some.flatMap(({ memory }, i) =>
      SIDES.map(side => ({ line: labels[i], side, bytes: memory!.bytes[side] })),
    );
    const lines = some.map(({ memory }, i) => {
      const { bytes: total, estimated } = memory!;
      return { line: labels[i], text: `${estimated ? '≈ ' : ''}${bytes(total.head)}: ${labels[i]}` };
    });
    const svg = plotLines(lines, {
      x: { label: 'bytes an operation', grid: true, ticks: 4, tickFormat: bytes },
      color: SIDE_COLOURS,
      marks: [
        ...SIDES.map((side, i) =>
          Plot.barX(
            bars.filter(bar => bar.side === side),
            {
              x: 'bytes',
              y: 'line',
              fill: 'side',
              ...(i === 0 ? UPPER : LOWER),
            },
          ),
        ),
        Plot.ruleX([0], { stroke: 'currentColor' }),
      ],
    });
    return { title: subject, note: 'The figures of HEAD. ≈: an estimate.', svg };
  });
}
