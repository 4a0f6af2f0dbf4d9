import test from 'ava';
import { runsOf } from '../../../src/daemon/recorder/messages.js';
import { LARGEST_EVENTS } from '../../../src/sources/recording-frames.js';
import { destroys } from '../../helpers/rigs/recorder-rig.js';

test('runs of messages are whole, fit into a frame, and are all that there is', t => {
  const messages = destroys(...Array.from({ length: 2000 }, (_, i) => i));
  const runs = runsOf(messages);
  t.true(runs.length > 1);
  t.is(
    runs.reduce((sum, { count }) => sum + count, 0),
    2000,
  );
  t.true(Buffer.concat(runs.map(({ bytes }) => bytes)).equals(messages));
  const size = messages.length / 2000;
  for (const { bytes, count } of runs) {
    t.is(bytes.length, count * size);
    t.true(bytes.length + 8 <= LARGEST_EVENTS);
  }
  t.deepEqual(runsOf(new Uint8Array(0)), []);
  // a length that no message has is no endless loop
  t.is(runsOf(new Uint8Array(64)).length, 1);
});
