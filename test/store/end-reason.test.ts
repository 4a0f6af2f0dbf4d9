import test from 'ava';
import { reasonWhenDestroyed, reasonWhenGone } from '../../src/store/end-reason.js';
import { CLOSE, ESTABLISHED, FIN_WAIT, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';

const [ICMP, TCP, UDP] = [1, 6, 17];

// antrea-io/antrea at its head
test('a connection that timed out has end reason 1, one deleted early end reason 4', t => {
  for (const protocol of [UDP, ICMP]) {
    t.is(reasonWhenGone(protocol, 0, 5, 5), 1);
    t.is(reasonWhenGone(protocol, 0, 5, 4.999), 4);
    t.is(reasonWhenGone(protocol, 0, undefined, 0), 1, 'nothing says that it was early');
  }
});

test('TCP that was closing or closed has end reason 3, timed out or not', t => {
  for (const state of [FIN_WAIT, 5, 6, TIME_WAIT, CLOSE]) {
    t.is(reasonWhenGone(TCP, state, 100, 5), 3);
    t.is(reasonWhenGone(TCP, state, 1, 5), 3);
  }
});

test('a refused handshake has end reason 3, one without an answer 1', t => {
  for (const state of [SYN_SENT, SYN_RECV, 9]) {
    t.is(reasonWhenGone(TCP, state, 118, 5), 3);
    t.is(reasonWhenGone(TCP, state, 2, 5), 1);
  }
});

test('an established connection is in CLOSE for some seconds, which a poll may miss', t => {
  t.is(reasonWhenGone(TCP, ESTABLISHED, 400_000, 9.9), 4);
  t.is(reasonWhenGone(TCP, ESTABLISHED, 400_000, 10), 3);
  t.is(reasonWhenGone(TCP, ESTABLISHED, 400_000, 10, 60), 4);
  t.is(reasonWhenGone(TCP, ESTABLISHED, 400_000, 0, 0), 3, 'its tuple was opened again');
  t.is(reasonWhenGone(TCP, ESTABLISHED, 3, 5), 1);
});

test('by its event, a connection that expired has end reason 1, deleted early 4, closed or refused by TCP 3', t => {
  for (const protocol of [UDP, ICMP]) {
    t.is(reasonWhenDestroyed(protocol, 0, false), 1);
    t.is(reasonWhenDestroyed(protocol, 0, true), 4);
  }
  for (const state of [FIN_WAIT, TIME_WAIT, CLOSE]) {
    t.is(reasonWhenDestroyed(TCP, state, false), 3);
    t.is(reasonWhenDestroyed(TCP, state, true), 3);
  }
  for (const state of [SYN_SENT, SYN_RECV]) {
    t.is(reasonWhenDestroyed(TCP, state, false), 1, 'nobody answered');
    t.is(reasonWhenDestroyed(TCP, state, true), 3, 'refused');
  }
  t.is(reasonWhenDestroyed(TCP, ESTABLISHED, false), 1);
  t.is(reasonWhenDestroyed(TCP, ESTABLISHED, true), 4);
});
