import test from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import type { Decoded } from '../../src/netlink/decode.js';
import { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import { filterWords } from '../../src/row/filter.js';
import { EVENT, EVENT_DESTROY, EVENT_NONE, ROW_SIZE } from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import {
  answer,
  DELETE,
  DONE,
  DUMP_INTR,
  entry,
  ERROR,
  message,
  NEW,
  NOOP,
  TCP_TUPLES,
} from '../helpers/builders/netlink-builder.js';

const TCP = entry(2, TCP_TUPLES);
const NOTHING: Decoded = {
  rows: 0,
  consumed: 0,
  filtered: 0,
  malformed: 0,
  ignored: 0,
  done: false,
  interrupted: false,
  error: 0,
};

function decode(backend: Backend, netlink: Uint8Array, capacity = 8, filter = {}): Decoded {
  return { ...backend.decode(netlink, true, filterWords(filter), new Uint8Array(capacity * ROW_SIZE)) };
}

perBackend('entries of NEW and DELETE are rows; the rest is ignored', (t, backend) => {
  const netlink = Buffer.concat([
    TCP,
    message(NOOP, 0, new Uint8Array(0)),
    entry(2, TCP_TUPLES, true, DELETE),
    message(0x0105, 0, new Uint8Array(40)),
    message(0x0200, 0, new Uint8Array(40)), // another subsystem
  ]);
  t.deepEqual(decode(backend, netlink), { ...NOTHING, rows: 2, ignored: 3, consumed: netlink.length });
});

perBackend('EVENT is DESTROY for a DELETE message, and none for NEW, whatever its flags', (t, backend) => {
  const NLM_F_CREATE = 0x400;
  const created = Buffer.from(TCP);
  created.writeUInt16LE(NLM_F_CREATE, 6);
  const netlink = Buffer.concat([TCP, entry(2, TCP_TUPLES, true, DELETE), created]);
  const rows = new Batch(3);
  rows.u32.fill(0xaaaaaaaa);
  backend.decode(netlink, true, filterWords({}), rows.bytes);
  const told = [0, 1, 2].map(row => rows.u32[(row * ROW_SIZE + EVENT) >> 2]);
  t.deepEqual(told, [EVENT_NONE, EVENT_DESTROY, EVENT_NONE]);
});

perBackend('an empty buffer has no rows', (t, backend) => {
  t.deepEqual(decode(backend, new Uint8Array(0)), NOTHING);
});

perBackend('NLMSG_DONE ends the dump; what follows is not consumed', (t, backend) => {
  const netlink = Buffer.concat([TCP, answer(DONE, 0), TCP]);
  t.deepEqual(decode(backend, netlink), { ...NOTHING, rows: 1, done: true, consumed: TCP.length + 20 });
});

perBackend('a failed NLMSG_DONE and an NLMSG_ERROR give their errno', (t, backend) => {
  t.deepEqual(decode(backend, Buffer.concat([answer(DONE, -12), TCP])), {
    ...NOTHING,
    done: true,
    error: 12,
    consumed: 20,
  });
  t.deepEqual(decode(backend, Buffer.concat([answer(ERROR, -1), TCP])), { ...NOTHING, error: 1, consumed: 20 });
});

perBackend('an acknowledgement is ignored, an NLMSG_ERROR without number is malformed', (t, backend) => {
  const netlink = Buffer.concat([answer(ERROR, 0), message(ERROR, 0, new Uint8Array(0)), TCP]);
  t.deepEqual(decode(backend, netlink), { ...NOTHING, rows: 1, ignored: 1, malformed: 1, consumed: netlink.length });
});

perBackend('the errno is in the byte order of the headers', (t, backend) => {
  const netlink = answer(ERROR, -1, false);
  t.is(backend.decode(netlink, false, filterWords({}), new Uint8Array(ROW_SIZE)).error, 1);
});

perBackend('NLM_F_DUMP_INTR in any message interrupts', (t, backend) => {
  for (const type of [NEW, NOOP, DONE]) {
    t.true(decode(backend, message(type, DUMP_INTR | 2, new Uint8Array(4))).interrupted, String(type));
  }
  t.false(decode(backend, TCP).interrupted);
});

perBackend('a full output stops the walk before the next message', (t, backend) => {
  const netlink = Buffer.concat([TCP, TCP, TCP]);
  t.deepEqual(decode(backend, netlink, 2), { ...NOTHING, rows: 2, consumed: 2 * TCP.length });
  t.deepEqual(decode(backend, netlink, 0), NOTHING);
});

perBackend('a cut message is left for the next call', (t, backend) => {
  const netlink = Buffer.concat([TCP, TCP]);
  for (let length = TCP.length; length < netlink.length; length++) {
    t.deepEqual(decode(backend, netlink.subarray(0, length)), { ...NOTHING, rows: 1, consumed: TCP.length });
  }
});

perBackend('after a message length below 16 the rest counts as one malformed message', (t, backend) => {
  for (const length of [0, 1, 15]) {
    const lost = Buffer.concat([TCP, TCP, TCP]);
    lost.writeUInt32LE(length, TCP.length);
    t.deepEqual(decode(backend, lost), { ...NOTHING, rows: 1, malformed: 1, consumed: lost.length });
  }
});

perBackend('an entry without nfgenmsg is malformed, and the walk continues', (t, backend) => {
  const netlink = Buffer.concat([message(NEW, 2, new Uint8Array(0)), message(NEW, 2, new Uint8Array(3)), TCP]);
  t.deepEqual(decode(backend, netlink), { ...NOTHING, rows: 1, malformed: 2, consumed: netlink.length });
});

perBackend('filtered entries are counted', (t, backend) => {
  const netlink = Buffer.concat([TCP, TCP]);
  t.deepEqual(decode(backend, netlink, 8, { protocols: [17] }), {
    ...NOTHING,
    filtered: 2,
    consumed: netlink.length,
  });
});

perBackend('a filter of another length is refused', (t, backend) => {
  const error = t.throws(() => backend.decode(TCP, true, new Uint32Array(3), new Uint8Array(ROW_SIZE)), {
    instanceOf: CtflowError,
  });
  t.is(error?.code, 'CTFLOW_USAGE');
});

test('the builder makes the bytes that a kernel sends', t => {
  // struct nlmsghdr, nfgenmsg, then CTA_TUPLE_ORIG { CTA_TUPLE_IP { CTA_IP_V4_SRC 192.0.2.2 …
  const bytes = '7c00000000010200010000000000000002000000340001801400018008000100c000020208000200';
  t.is(TCP.subarray(0, 40).toString('hex'), bytes);
  t.is(TCP.length, 0x7c);
});
