import test from 'ava';
import { entriesShown, eventListeners, secondsScheduled } from '../../../bench/peers/output.js';

test('the last line of conntrack -L', t => {
  t.is(entriesShown('conntrack v1.4.7 (conntrack-tools): 20000 flow entries have been shown.\n'), 20_000);
  t.is(entriesShown('conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n'), 0);
  t.throws(() => entriesShown('Operation failed: Operation not permitted\n'), { message: /not permitted/ });
});

test('nanoseconds on a processor, of schedstat', t => {
  t.is(secondsScheduled('1500000000 120345 77\n'), 1.5);
});

test('sockets that listen to DESTROY events', t => {
  const sockets = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   4197       00000004 0        0        0     2        0        16011
0000000000000000 12  4311       00000007 0        0        0     2        0        30512
0000000000000000 12  4312       00000004 0        0        0     2        0        30513
0000000000000000 12  4313       00000003 0        0        0     2        0        30514
0000000000000000 12  4314       00000000 0        0        0     2        0        30515
`;
  t.is(eventListeners(sockets), 2);
});
