import { Buffer } from 'node:buffer';
import test from 'ava';
import * as fc from 'fast-check';
import { MessageFramer } from '../../src/collector/message-framer.js';
import { hex, message, set, u16 } from '../helpers/builders/ipfix-builder.js';
import { seeded } from '../helpers/seed.js';

function frame(...chunks: Uint8Array[]) {
  const framer = new MessageFramer();
  const messages: string[] = [];
  const fault = chunks
    .map(chunk => framer.push(chunk, bytes => messages.push(Buffer.from(bytes).toString('hex'))))
    .find(each => each !== undefined);
  return { messages, fault, incomplete: framer.incomplete };
}

const small = message({ sequence: 1 });
const large = message({ sequence: 2 }, set(300, Buffer.alloc(65_515, 7))); // 65,535 octets
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('messages come out whole, however the stream is split', t => {
  const stream = Buffer.concat([small, large, small, small]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: stream.length }), { maxLength: 12 }), cuts => {
      const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const { messages, fault, incomplete } = frame(...at.slice(1).map((end, i) => stream.subarray(at[i], end)));
      t.is(fault, undefined);
      t.false(incomplete);
      t.true(messages.length === 4 && messages.every((each, i) => each === text([small, large, small, small][i])));
    }),
    seeded(t),
  );
});

test('octet by octet', t => {
  const stream = Buffer.concat([small, message({}, set(400, hex('0102')))]);
  t.is(frame(...[...stream].map(octet => Buffer.from([octet]))).messages.length, 2);
});

test('an invalid header stops the stream, and the messages before it count', t => {
  t.deepEqual(frame(Buffer.concat([small, Buffer.from('GET / HTTP/1.1\r\n')])), {
    messages: [text(small)],
    fault: 'version',
    incomplete: false,
  });
  t.is(frame(Buffer.from('GE'), Buffer.from('T ')).fault, 'version');
  t.is(frame(Buffer.concat([u16(10), u16(15), Buffer.alloc(30)])).fault, 'length');
  t.is(frame(Buffer.concat([u16(10), u16(0)])).fault, 'length');
});

test('a message that has not ended is incomplete', t => {
  t.true(frame(small.subarray(0, 3)).incomplete);
  t.true(frame(small, small.subarray(0, 15)).incomplete);
  t.false(frame(small).incomplete);
});
