import * as Plot from '@observablehq/plot';
import type { Verdict } from '../ab/result.js';
import { around, plotLines } from './plot.js';
import { percent } from '../compare/units.js';

/** The change of a row with its bounds: 0.05 is 5 %. */
export interface Interval {
  readonly label: string;
  readonly change: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Absent where it decides nothing. */
  readonly verdict?: Verdict;
}

/** Farther bounds stand at the edge, or the others could not be told apart. */
const FARTHEST = 100;
const COLOURS: Record<Verdict, string> = {
  fine: 'var(--better)',
  worse: 'var(--worse)',
  undecided: 'var(--open)',
};

/** A line for each row, with the threshold beside them. */
export function intervalChart(rows: readonly Interval[], threshold: number): string {
  const shown = rows.map(({ label, change, low, high, verdict }, i) => ({
    line: `${i}`,
    text: `${percent(change)}: ${label}`,
    change: change * 100,
    low: (low ?? change) * 100,
    high: (high ?? change) * 100,
    colour: verdict ? COLOURS[verdict] : 'var(--faint)',
  }));
  const far = (value: number): number => Math.max(-FARTHEST, Math.min(FARTHEST, value));
  const domain = around([0, threshold * 100, ...shown.flatMap(({ low, high }) => [far(low), far(high)])]);
  return plotLines(shown, {
    x: { label: 'change (%)', grid: true, domain, ticks: 5, clamp: true },
    marks: [
      Plot.ruleX([0], { stroke: 'currentColor' }),
      Plot.ruleX([threshold * 100], { stroke: 'var(--worse)', strokeDasharray: '4 3' }),
      Plot.ruleY(shown, { x1: 'low', x2: 'high', y: 'line', stroke: 'colour', strokeWidth: 3, dy: 6 }),
      Plot.dot(shown, { x: 'change', y: 'line', fill: 'colour', r: 4, dy: 6 }),
    ],
  });
}
