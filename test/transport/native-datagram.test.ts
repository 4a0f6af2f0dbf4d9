import test from 'ava';
import { constants } from 'node:os';
import type { DatagramListener } from '../../src/transport/datagram-socket.js';
import type { Message } from '../../src/transport/transport.js';
import { NativeDatagram } from '../../src/transport/native-datagram.js';
import { eventually } from '../helpers/eventually.js';
import { messages } from '../helpers/fakes/transport-log.js';

const { EAGAIN, ECONNREFUSED, EHOSTUNREACH, EIO, EMSGSIZE, ENOBUFS } = constants.errno;

/** What a call answers: messages taken, errno, messages refused before, why it does not segment any more. */
type Answer = [messages: number, errno: number, refused?: number, unsegmented?: number];

/** A socket of which each call gives the next answer, and takes everything once they are used up. */
function rig(answers: Answer[], goesOn = true) {
  const sent: number[] = [];
  const lost: [string, number][] = [];
  const refused: [string, number[], number][] = [];
  const unsegmented: string[] = [];
  let ready = 0;
  let closed = 0;
  const listener: DatagramListener = {
    sent: (count, records, octets) => void sent.push(count, records, octets),
    refused: (errno, messages, maybe) => {
      refused.push([errno, messages.map(({ bytes }) => bytes[0]), maybe]);
      if (!goesOn) void closing();
    },
    failed: (errno, records) => {
      lost.push([errno, records]);
      if (!goesOn) void closing();
      return goesOn;
    },
    unsegmented: errno => void unsegmented.push(errno),
    ready: () => void ready++,
  };
  let unsent: Promise<readonly Message[]> | undefined;
  const closing = (): Promise<readonly Message[]> => (unsent ??= socket.close());
  const taken: number[] = [];
  const socket = new NativeDatagram(
    () => ({
      send: (bytes, lengths) => {
        const [most, errno, refused = 0, unsegmented = 0] = answers.shift() ?? [lengths.length / 2, 0];
        let at = 0;
        for (let i = 0; i < most; i++) {
          taken.push(bytes[at]);
          at += lengths[i * 2];
        }
        return { messages: most, errno, refused, refusedErrno: refused > 0 ? ECONNREFUSED : 0, unsegmented };
      },
      refused: () => ({ messages: 0, errno: 0, refused: 1, refusedErrno: ECONNREFUSED, unsegmented: 0 }),
      local: () => null,
      pathMtu: () => null,
      close: () => void closed++,
    }),
    listener,
    true,
  );
  return { socket, closing, sent, lost, taken, refused, unsegmented, state: () => ({ ready, closed }) };
}

const numbers = (messages: readonly Message[]): number[] => messages.map(({ bytes }) => bytes[0]);

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

test('a message that the system refuses is dropped, and no other', t => {
  const { socket, sent, lost, taken } = rig([[1, EMSGSIZE]]);
  socket.send(...messages(4, 10, 3));
  t.deepEqual(taken, [1, 3, 4]);
  t.deepEqual(lost, [['EMSGSIZE', 3]]);
  t.deepEqual(sent, [1, 3, 10, 2, 6, 20]);
});

test('a kernel that segments no more is said once, and nothing is lost or sent twice by it', t => {
  const { socket, lost, taken, unsegmented } = rig([[3, 0, 0, EIO]]);
  socket.send(...messages(5, 10, 3));
  socket.send(...messages(1, 10, 3));
  t.deepEqual(unsegmented, ['EIO']);
  t.deepEqual(taken, [1, 2, 3, 4, 5, 1]);
  t.deepEqual(lost, []);
});

test('a full queue of the device is waited for, as a full send buffer is', async t => {
  const { socket, lost, taken } = rig([[1, ENOBUFS]]);
  socket.send(...messages(3, 10, 3));
  t.is(socket.queued, 2);
  await eventually('all sent', () => socket.queued === 0);
  t.deepEqual(taken, [1, 2, 3]);
  t.deepEqual(lost, []);
});

test('after an error that came back, the messages sent last are named, and the next ones are kept', async t => {
  const { socket, closing, taken, refused, state } = rig([[3, 0, 2]], false);
  const [bytes, lengths, count] = messages(5, 10, 3);
  socket.send(bytes, lengths, count);
  bytes.fill(99);
  t.deepEqual(taken, [1, 2, 3]);
  t.deepEqual(refused, [['ECONNREFUSED', [2, 3], 3]]);
  t.deepEqual(numbers(await closing()), [4, 5]);
  t.is(state().closed, 1);
});

test('an error that came back is about the last messages, also of an earlier call', t => {
  const { socket, refused } = rig([]);
  socket.send(...messages(1, 10, 3));
  socket.send(...messages(2, 20, 5));
  socket.check();
  t.deepEqual(refused, [['ECONNREFUSED', [2], 3 + 5]]);
  socket.check();
  t.deepEqual(refused[1], ['ECONNREFUSED', [], 0], 'no message counts twice');
});

test('what was not sent when a socket closes is its owner’s again, in order', async t => {
  const { socket, closing, lost, state } = rig(
    [
      [1, EAGAIN],
      [1, EHOSTUNREACH],
    ],
    false,
  );
  socket.send(...messages(4, 10, 3));
  socket.send(...messages(2, 10, 5));
  await eventually('the error', () => lost.length > 0);
  t.deepEqual(lost, [['EHOSTUNREACH', 3]]);
  t.deepEqual(numbers(await closing()), [3, 4, 1, 2]);
  t.is(state().closed, 1);
  t.is(socket.queued, 0);
});

test('an address that cannot be connected is an error with its errno', t => {
  const open = (): never => {
    throw Object.assign(new Error('refused'), { code: String(constants.errno.EACCES) });
  };
  const nobody = { sent() {}, refused() {}, failed: () => true, unsegmented() {}, ready() {} };
  const error = t.throws(() => new NativeDatagram(open, nobody, false));
  t.is((error as NodeJS.ErrnoException).code, 'EACCES');
});
