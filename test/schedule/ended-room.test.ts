import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { endedRoom } from '../../src/schedule/ended-room.js';

test('each destination has as many slots as its queue may hold, and one is for a flow on its way there', t => {
  t.is(endedRoom(1_000, [10, 20]), 31);
});

test('more than a store can hold is a usage error that names the flags', t => {
  const error = t.throws(() => endedRoom(1 << 24, [1 << 22, 1 << 22]), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_USAGE');
  t.regex(error.message, /--ended-queue/);
  t.notThrows(() =>
    endedRoom(
      1 << 24,
      Array.from({ length: 42 }, () => 131_072),
    ),
  );
});
