import { againstMedian, driftChart } from '../../page/drift.js';
import { SIDES, type Chart } from '../../page/plot.js';
import type { Comparison } from '../comparison.js';

const TITLES = { samples: 'wall time', cpu: 'CPU time' } as const;

/** How the machine went fast and slow meanwhile: each benchmark, run by run, against its own median of that side. */
export function drift({ rows }: Comparison): Chart[] {
  return (['cpu', 'samples'] as const).flatMap(what => {
    const moments = rows.flatMap(row =>
      SIDES.flatMap(side => {
        const figures = row[side][what] ?? [];
        const times = row[side].dates.map(date => Date.parse(date));
        return againstMedian(times, figures, `var(--${side})`);
      }),
    );
    if (moments.length === 0) return [];
    const note = 'A dot is a benchmark in one run, against its median over the runs of that side.';
    return [{ title: TITLES[what], note, svg: driftChart(moments, 'time / median') }];
  });
}
