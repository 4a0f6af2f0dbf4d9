/** The middle of the sorted values; NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Half of the range that holds the middle half of the values, as a share of the median: how far samples spread. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const quarter = (share: number): number => sorted[Math.round((sorted.length - 1) * share)];
  return (quarter(0.75) - quarter(0.25)) / 2 / median(sorted);
}

export interface Line {
  readonly intercept: number;
  readonly slope: number;
  /** R², 1 where all points are on the line. */
  readonly fit: number;
}

/** The line through points with the least squares. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const mean = (pick: 0 | 1): number => points.reduce((sum, point) => sum + point[pick], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  const slope = xy / xx;
  return { slope, intercept: meanY - slope * meanX, fit: yy === 0 ? 1 : xy ** 2 / (xx * yy) };
}
