import test from 'ava';
import * as fc from 'fast-check';
import { statesBefore } from '../../src/encoder/tcp-states.js';
import { appendState, hasState } from '../../src/store/tcp-history.js';
import { seeded } from '../helpers/seed.js';

const packed = (...states: number[]): number => states.reduce(appendState, 0);

test('packed states are a list of the last eight without repetition, the oldest in the lowest bits', t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 }), states => {
      const list = states.filter((state, i) => state !== states[i - 1]).slice(-8);
      const word = packed(...states);
      t.is(
        word,
        list.reduce((sum, state, i) => sum + state * 16 ** i, 0),
      );
      for (let state = 1; state <= 9; state++) {
        t.is(hasState(word, state), list.includes(state));
        const last = list.lastIndexOf(state);
        t.is(statesBefore(word, state), packed(...(last < 0 ? list : list.slice(0, last))));
      }
    }),
    seeded(t),
  );
});
