import test from 'ava';
import { constants } from 'node:os';
import type { DatagramListener } from '../../src/transport/datagram-socket.js';
import { NativeDatagram } from '../../src/transport/native-datagram.js';
import { eventually } from '../helpers/eventually.js';
import { messages } from '../helpers/fakes/transport-log.js';

const { EAGAIN, ECONNREFUSED, EHOSTUNREACH } = constants.errno;

/** A socket of which each call takes so many messages and answers with an errno, and with everything once they are used up. */
function rig(answers: [messages: number, errno: number][], goesOn = true) {
  const sent: number[] = [];
  const lost: [string, number][] = [];
  let ready = 0;
  let closed = 0;
  const listener: DatagramListener = {
    sent: (count, records, octets) => void sent.push(count, records, octets),
    failed: (errno, records) => {
      lost.push([errno, records]);
      return goesOn;
    },
    ready: () => void ready++,
  };
  const taken: number[] = [];
  const socket = new NativeDatagram(
    () => ({
      send: (bytes, lengths) => {
        const [most, errno] = answers.shift() ?? [lengths.length / 2, 0];
        let at = 0;
        for (let i = 0; i < most; i++) {
          taken.push(bytes[at]);
          at += lengths[i * 2];
        }
        return { messages: most, errno };
      },
      close: () => void closed++,
    }),
    listener,
  );
  return { socket, sent, lost, taken, state: () => ({ ready, closed }) };
}

test('what a full send buffer does not take is sent later, in order, and the bytes are copied', async t => {
  const { socket, sent, taken, state } = rig([
    [2, EAGAIN],
    [1, EAGAIN],
  ]);
  const [bytes, lengths, count] = messages(5, 10, 3);
  socket.send(bytes, lengths, count);
  t.is(socket.queued, 3);
  bytes.fill(99);
  const [more, moreLengths] = messages(7, 10, 3);
  socket.send(more.subarray(50), moreLengths, 2);
  t.is(socket.queued, 5, 'nothing overtakes what waits');
  await eventually('all sent', () => socket.queued === 0);
  t.deepEqual(taken, [1, 2, 3, 4, 5, 6, 7]);
  t.deepEqual(sent, [2, 6, 20, 1, 3, 10, 2, 6, 20, 2, 6, 20]);
  t.is(state().ready, 1);
});

test('a refused message is lost, and no other', t => {
  const { socket, sent, lost, taken } = rig([[1, ECONNREFUSED]]);
  socket.send(...messages(4, 10, 3));
  t.deepEqual(taken, [1, 3, 4]);
  t.deepEqual(lost, [['ECONNREFUSED', 3]]);
  t.deepEqual(sent, [1, 3, 10, 2, 6, 20]);
});

test('when the socket is closed, every message is reported lost once', async t => {
  const { socket, lost, state } = rig(
    [
      [1, EAGAIN],
      [1, EHOSTUNREACH],
    ],
    false,
  );
  socket.send(...messages(4, 10, 3));
  socket.send(...messages(2, 10, 5));
  await eventually('the error', () => lost.length > 0);
  t.deepEqual(lost.slice(0, 2), [
    ['EHOSTUNREACH', 3],
    ['EHOSTUNREACH', 3],
  ]);
  socket.close();
  t.is(lost.reduce((sum, [, records]) => sum + records, 0) + 2 * 3, 4 * 3 + 2 * 5);
  t.is(state().closed, 1);
  t.is(socket.queued, 0);
});

test('an address that cannot be connected is an error with its errno', t => {
  const open = (): never => {
    throw Object.assign(new Error('refused'), { code: String(constants.errno.EACCES) });
  };
  const error = t.throws(() => new NativeDatagram(open, { sent() {}, failed: () => true, ready() {} }));
  t.is((error as NodeJS.ErrnoException).code, 'EACCES');
});
