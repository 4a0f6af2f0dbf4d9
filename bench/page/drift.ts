import * as Plot from '@observablehq/plot';
import { median } from '../results/statistics.js';
import { plot } from './plot.js';

/** What something took at a time, against its own median of the whole session. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly ratio: number;
  /** A colour of the page. */
  readonly colour: string;
}

const MINUTE = 60_000;

/** Figures against their own median. @param times milliseconds since 1970 */
export function againstMedian(times: readonly number[], figures: readonly number[], colour: string): Moment[] {
  const middle = median(figures);
  return figures.map((figure, i) => ({ at: times[i], ratio: figure / middle, colour }));
}

/** How the same thing took more or less time as the session went on. */
export function driftChart(moments: readonly Moment[], label: string): string {
  const began = Math.min(...moments.map(({ at }) => at));
  const points = moments.map(({ at, ...rest }) => ({ ...rest, minutes: (at - began) / MINUTE }));
  return plot({
    height: 200,
    x: { label: 'minutes', grid: true, zero: true, ticks: 5 },
    y: { label, grid: true, nice: true, ticks: 5 },
    marks: [
      Plot.ruleY([1], { stroke: 'currentColor', strokeOpacity: 0.5 }),
      Plot.dot(points, { x: 'minutes', y: 'ratio', fill: 'colour', fillOpacity: 0.7, r: 3 }),
    ],
  });
}
