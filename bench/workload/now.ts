import type { Moment } from '../../src/store/poll-history.js';

/** This moment on both clocks, which go on together: a clock that is put forward, or rests, is so on the wall too. */
export function now(): Moment {
  const monotonic = performance.now();
  return { wall: Math.round(performance.timeOrigin + monotonic), monotonic };
}
