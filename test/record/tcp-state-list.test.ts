import test from 'ava';
import { TCP_HISTORY } from '../../src/ipfix/shape.js';
import { TcpStateList } from '../../src/record/tcp-state-list.js';
import { Batch } from '../../src/row/batch.js';
import { CLOSE, ESTABLISHED, FIN_WAIT, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { RECORD_SIZE, STATE, TCP_STATE_HISTORY } from '../../src/row/layout.generated.js';
import { appendState, TcpHistory } from '../../src/store/tcp-history.js';

const packed = (...states: number[]): number => states.reduce(appendState, 0);

test('a record has the states up to its own, even when events are ahead of it', t => {
  const history = new TcpHistory(2);
  const list = new TcpStateList(history);
  const batch = new Batch(2, RECORD_SIZE);
  const written = (state: number): number => {
    batch.bytes[RECORD_SIZE + STATE] = state;
    list.write(1, batch, RECORD_SIZE);
    return batch.u32[(RECORD_SIZE + TCP_STATE_HISTORY) >> 2];
  };
  history.begin(1, packed(SYN_SENT, SYN_RECV, ESTABLISHED));
  t.is(list.shapeOf(0), 0, 'no TCP connection');
  t.is(list.shapeOf(1), TCP_HISTORY);
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
