import { intervalChart } from '../../page/intervals.js';
import type { Chart } from '../../page/plot.js';
import type { Comparison } from '../comparison.js';
import { bySubject, labelsOf } from './labels.js';

/** How much the time of each benchmark changed, worst first: CPU time where it was taken. */
export function changes({ rows, threshold }: Comparison): Chart[] {
  const timed = rows.flatMap(({ head, cpu, time, verdict }) => {
    const change = cpu ?? time;
    return change ? [{ head, change, verdict, what: cpu ? 'CPU time' : 'wall time' }] : [];
  });
  return bySubject(timed).map(([subject, some]) => {
    some.sort((a, b) => b.change.change - a.change.change);
    const labels = labelsOf(some.map(({ head }) => head));
    const svg = intervalChart(
      some.map(({ change, verdict }, i) => ({ label: labels[i], ...change, ...(verdict && { verdict }) })),
      threshold,
    );
    return { title: subject, note: `${some[0].what}, worst first. Dashed: the threshold.`, svg };
  });
}
