import test from 'ava';
import * as fc from 'fast-check';
import { statesBefore } from '../../src/encoder/tcp-states.js';
import { CLOSE, ESTABLISHED, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { appendState, handshakeAfter, handshakeTime, hasState } from '../../src/store/tcp-history.js';
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

/** After these events: a state and microseconds, the first of them NEW. */
const after = (...events: readonly (readonly [state: number, time: number])[]): number =>
  events.reduce((known, [state, time], i) => handshakeAfter(known, i === 0, state, time), 0);

test('a handshake takes from SYN to the first event of being established', t => {
  const known = after([SYN_SENT, 1_000], [SYN_RECV, 1_500], [ESTABLISHED, 2_750], [TIME_WAIT, 9_000]);
  t.is(handshakeTime(known), 1_750);
  t.is(handshakeTime(handshakeAfter(known, false, ESTABLISHED, 99_000)), 1_750, 'only once');
  t.is(handshakeTime(after([SYN_SENT, 1_000], [ESTABLISHED, 1_000])), 1);
});

test('a handshake has no time without its beginning or its end, or where clocks differ', t => {
  t.is(handshakeTime(after([SYN_SENT, 1_000], [SYN_RECV, 1_500])), 0);
  t.is(handshakeTime(after([SYN_SENT, 1_000], [CLOSE, 1_500])), 0);
  t.is(handshakeTime(after([ESTABLISHED, 1_000], [ESTABLISHED, 1_500])), 0);
  t.is(handshakeTime(after([SYN_SENT, 2_000], [ESTABLISHED, 1_000])), 0);
  t.is(handshakeTime(after([SYN_SENT, 1_000], [ESTABLISHED, 2 ** 32 + 1_000])), 0);
});
