import test from 'ava';
import * as fc from 'fast-check';
import { Batch } from '../../src/batch.js';
import { TCP_HISTORY } from '../../src/ipfix/shape.js';
import { RECORD_SIZE, STATE, TCP_STATE_HISTORY } from '../../src/layout.generated.js';
import { appendState, hasState, statesBefore, TcpHistory } from '../../src/store/tcp-history.js';
import { CLOSE, ESTABLISHED, FIN_WAIT, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/tcp-state.js';
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

test('a record has the states before its own; events may be ahead of it', t => {
  const history = new TcpHistory(2);
  const batch = new Batch(2, RECORD_SIZE);
  const written = (state: number): number => {
    batch.bytes[RECORD_SIZE + STATE] = state;
    history.write(1, batch, RECORD_SIZE);
    return batch.u32[(RECORD_SIZE + TCP_STATE_HISTORY) >> 2];
  };
  history.begin(1, packed(SYN_SENT, SYN_RECV, ESTABLISHED));
  t.is(history.shapeOf(0), 0, 'no TCP connection');
  t.is(history.shapeOf(1), TCP_HISTORY);
  t.is(written(ESTABLISHED), packed(SYN_SENT, SYN_RECV));
  history.entered(1, FIN_WAIT);
  t.is(written(ESTABLISHED), packed(SYN_SENT, SYN_RECV), 'the counters are of then');
  t.is(written(FIN_WAIT), packed(SYN_SENT, SYN_RECV, ESTABLISHED));
  history.shown(1, ESTABLISHED);
  t.is(written(FIN_WAIT), packed(SYN_SENT, SYN_RECV, ESTABLISHED), 'an older row says nothing new');
  history.shown(1, TIME_WAIT);
  t.is(written(TIME_WAIT), packed(SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT), 'an event was lost, a poll saw it');
  t.is(written(CLOSE), packed(SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, TIME_WAIT));
  history.begin(1, 0);
  t.is(written(CLOSE), 0, 'the slot holds another');
});
