import * as Plot from '@observablehq/plot';
import type { Comparison } from '../comparison.js';
import { percent } from '../units.js';
import { around, bySubject, type Chart, labelsOf, plotLines } from './plot.js';

/** How much the time of each benchmark changed, worst first. */
export function changes({ rows }: Comparison): Chart[] {
  const timed = rows.flatMap(({ head, time }) => (time ? [{ head, time }] : []));
  const domain = around([0, ...timed.map(({ time }) => time.change * 100)]);
  return bySubject(timed).map(([subject, some]) => {
    some.sort((a, b) => b.time.change - a.time.change);
    const labels = labelsOf(some.map(({ head }) => head));
    const points = some.map(({ time: { change, significant } }, i) => ({
      line: labels[i],
      text: `${significant ? percent(change) : '~'}: ${labels[i]}`,
      change: change * 100,
      colour: significant ? (change > 0 ? 'var(--worse)' : 'var(--better)') : 'var(--faint)',
    }));
    const svg = plotLines(points, {
      x: { label: 'change of time (%)', grid: true, domain, ticks: 5 },
      marks: [
        Plot.ruleX([0], { stroke: 'currentColor' }),
        Plot.ruleY(points, { x1: 0, x2: 'change', y: 'line', stroke: 'colour', strokeWidth: 3, dy: 6 }),
        Plot.dot(points, { x: 'change', y: 'line', fill: 'colour', r: 4, dy: 6 }),
      ],
    });
    return { title: subject, note: 'Medians, worst first.', svg };
  });
}
