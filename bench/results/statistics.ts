import { linearRegression, linearRegressionLine, median as medianOf, quantile, rSquared } from 'simple-statistics';

/** The middle of the sorted values; NaN of none. */
export function median(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : medianOf([...values]);
}

/** Half of the range that holds the middle half of the values, as a share of the median: how far samples spread. */
export function spread(values: readonly number[]): number {
  const [low, middle, high] = quantile([...values], [0.25, 0.5, 0.75]);
  return (high - low) / 2 / middle;
}

export interface Line {
  readonly intercept: number;
  readonly slope: number;
  /** R², 1 where all points are on the line. */
  readonly fit: number;
}

/** The line through points with the least squares. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const all = points.map(([x, y]) => [x, y]);
  const { m: slope, b: intercept } = linearRegression(all);
  const fit = rSquared(all, linearRegressionLine({ m: slope, b: intercept }));
  return { slope, intercept, fit: Number.isNaN(fit) ? 1 : fit }; // where every y is the same
}
