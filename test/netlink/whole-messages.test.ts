import test from 'ava';
import { wholeMessages } from '../../src/netlink/decode.js';
import { message, NOOP } from '../helpers/builders/netlink-builder.js';

const first = message(NOOP, 0, new Uint8Array(8));
const second = message(NOOP, 0, new Uint8Array(3));

test('whole messages end before a truncated one', t => {
  const both = Buffer.concat([first, second]);
  t.is(both.length, 24 + 20);
  for (let length = 0; length <= both.length; length++) {
    const end = length < 24 ? 0 : length < 44 ? 24 : 44;
    t.deepEqual(wholeMessages(both.subarray(0, length), true), { end, lost: false }, String(length));
  }
});

test('lengths are in the byte order of the recording host', t => {
  const netlink = message(NOOP, 0, new Uint8Array(8), false);
  t.deepEqual(wholeMessages(netlink, false), { end: 24, lost: false });
  t.deepEqual(wholeMessages(netlink, true), { end: 0, lost: true });
});

test('an impossible length ends the reading', t => {
  for (const length of [0, 15, (1 << 20) + 1, 0xffffffff]) {
    const netlink = Buffer.concat([first, second]);
    netlink.writeUInt32LE(length, first.length);
    t.deepEqual(wholeMessages(netlink, true), { end: first.length, lost: true }, String(length));
  }
});
