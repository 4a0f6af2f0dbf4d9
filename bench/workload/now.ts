import type { Moment } from '../../src/store/poll-history.js';

/** This moment on both clocks. */
export function now(): Moment {
  return { wall: Date.now(), monotonic: performance.now() };
}
