import type { TopState } from '../../../src/cli/top/state.js';

/** A screen of `ctflow top` that nobody has touched. */
export const STATE: TopState = {
  sort: 'bytes',
  reverse: false,
  group: 'none',
  filter: '',
  skip: 0,
  denied: false,
  paused: false,
};
