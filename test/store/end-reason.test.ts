import test from 'ava';
import { reasonWhenDestroyed, reasonWhenGone } from '../../src/store/end-reason.js';
import { HAS_DCCP_STATE, HAS_SCTP_STATE, HAS_TCP_STATE } from '../../src/row/layout.generated.js';
import { CLOSE, ESTABLISHED, FIN_WAIT, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';

const [ICMP, IGMP, TCP, UDP, DCCP, GRE, ESP, ICMPV6, SCTP, UDPLITE] = [1, 2, 6, 17, 33, 47, 50, 58, 132, 136];
const STATELESS = [ICMP, IGMP, UDP, GRE, ESP, ICMPV6, UDPLITE, 99];
const FLAGS = new Map([
  [TCP, HAS_TCP_STATE],
  [SCTP, HAS_SCTP_STATE],
  [DCCP, HAS_DCCP_STATE],
]);
const SEEN_REPLY = 1 << 1;

/** Of an answered connection. */
const gone = (
  protocol: number,
  state: number,
  remaining: number | undefined,
  elapsed: number,
  linger?: number,
): number => reasonWhenGone(protocol, FLAGS.get(protocol) ?? 0, state, SEEN_REPLY, remaining, elapsed, linger);
const destroyed = (protocol: number, state: number, early: boolean, status = SEEN_REPLY): number =>
  reasonWhenDestroyed(protocol, FLAGS.get(protocol) ?? 0, state, status, early);

// antrea-io/antrea at its head
test('a connection that timed out has end reason 1, one deleted early end reason 4', t => {
  for (const protocol of STATELESS) {
    t.is(gone(protocol, 0, 5, 5), 1);
    t.is(gone(protocol, 0, 500, 400), 4);
    t.is(gone(protocol, 0, 500, 0, 0), 4, 'its tuple was opened again');
    t.is(gone(protocol, 0, 5, 4.999), 4);
    t.is(gone(protocol, 0, undefined, 0), 1, 'nothing says that it was early');
  }
});

test('TCP that was closing or closed has end reason 3, timed out or not', t => {
  for (const state of [FIN_WAIT, 5, 6, TIME_WAIT, CLOSE]) {
    t.is(gone(TCP, state, 100, 5), 3);
    t.is(gone(TCP, state, 1, 5), 3);
  }
});

test('a refused handshake has end reason 3, one without an answer 1', t => {
  for (const state of [SYN_SENT, SYN_RECV, 9]) {
    t.is(gone(TCP, state, 118, 5), 3);
    t.is(gone(TCP, state, 2, 5), 1);
  }
});

test('an established connection is in CLOSE for some seconds, which a poll may miss', t => {
  t.is(gone(TCP, ESTABLISHED, 400_000, 9.9), 4);
  t.is(gone(TCP, ESTABLISHED, 400_000, 10), 3);
  t.is(gone(TCP, ESTABLISHED, 400_000, 10, 60), 4);
  t.is(gone(TCP, ESTABLISHED, 400_000, 0, 0), 3, 'its tuple was opened again');
  t.is(gone(TCP, ESTABLISHED, 3, 5), 1);
});

test('by its event, a connection that expired has end reason 1, deleted early 4, closed or refused by TCP 3', t => {
  for (const protocol of STATELESS) {
    t.is(destroyed(protocol, 0, false), 1);
    t.is(destroyed(protocol, 0, true), 4);
  }
  for (const state of [FIN_WAIT, TIME_WAIT, CLOSE]) {
    t.is(destroyed(TCP, state, false), 3);
    t.is(destroyed(TCP, state, true), 3);
  }
  for (const state of [SYN_SENT, SYN_RECV]) {
    t.is(destroyed(TCP, state, false), 1, 'nobody answered');
    t.is(destroyed(TCP, state, true), 3, 'refused');
  }
  t.is(destroyed(TCP, ESTABLISHED, false), 1);
  t.is(destroyed(TCP, ESTABLISHED, true), 4);
});

test('SCTP that was shutting down or closed has end reason 3', t => {
  // SHUTDOWN_SENT, SHUTDOWN_RECD, SHUTDOWN_ACK_SENT, CLOSED
  for (const state of [5, 6, 7, 1]) {
    for (const early of [false, true]) t.is(destroyed(SCTP, state, early), 3, `${state}`);
    t.is(gone(SCTP, state, 9, 5), 3);
    t.is(gone(SCTP, state, 2, 5), 3);
  }
  t.is(destroyed(SCTP, 4, false), 1, 'established');
  t.is(destroyed(SCTP, 4, true), 4);
  t.is(gone(SCTP, 4, 200, 5), 4);
  t.is(gone(SCTP, 4, 200, 10), 3, 'its end may have passed between two polls');
  t.is(gone(SCTP, 4, 200, 10, 60), 4);
});

// the first INIT brings an entry from NONE to CLOSED, and the answer to COOKIE_WAIT
test('SCTP whose first chunk had no answer is not closed: it timed out', t => {
  t.is(destroyed(SCTP, 1, false, 0), 1);
  t.is(destroyed(SCTP, 1, true, 0), 4);
  t.is(destroyed(SCTP, 3, false), 1, 'COOKIE_ECHOED');
});

test('DCCP that was closing or reset has end reason 3, one refused too', t => {
  // CLOSEREQ, CLOSING, TIMEWAIT
  for (const state of [5, 6, 7]) {
    for (const early of [false, true]) t.is(destroyed(DCCP, state, early), 3, `${state}`);
    t.is(gone(DCCP, state, 200, 5), 3);
  }
  t.is(destroyed(DCCP, 1, true), 3, 'the only answer was a reset');
  t.is(destroyed(DCCP, 1, false), 1);
  t.is(destroyed(DCCP, 4, false), 1, 'open');
  t.is(destroyed(DCCP, 4, true), 4);
  t.is(gone(DCCP, 4, 40_000, 239), 4);
  t.is(gone(DCCP, 4, 40_000, 240), 3);
});

test('states say nothing of a row that has none', t => {
  t.is(reasonWhenDestroyed(UDP, 0, TIME_WAIT, SEEN_REPLY, true), 4);
  t.is(reasonWhenDestroyed(SCTP, 0, 1, SEEN_REPLY, false), 1);
});
