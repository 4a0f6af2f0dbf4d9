import test from 'ava';
import type { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import { BatchPair } from '../../src/sources/batch-pair.js';

/** A promise that is settled by hand. */
function gate(): { promise: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve));

test('the source fills one batch while the receiver works on the other', async t => {
  const pair = new BatchPair();
  const got: [Batch, number, number][] = [];
  const gates = [gate(), gate()];
  pair.begin((batch, at) => {
    got.push([batch, batch.count, at]);
    return gates[got.length - 1].promise;
  });
  pair.current.count = 3;
  const first = pair.current;
  await pair.handOver(10);
  t.not(pair.current, first);
  t.is(pair.current.count, 0);
  pair.current.count = 4;
  let second = false;
  const handingOver = pair.handOver(20).then(() => (second = true));
  await nextTurn();
  t.false(second, 'the receiver still has the first');
  t.is(first.count, 3);
  gates[0].open();
  await handingOver;
  t.is(pair.current, first);
  let ended = false;
  const ending = pair.end().then(() => (ended = true));
  await nextTurn();
  t.false(ended);
  gates[1].open();
  await ending;
  t.deepEqual(
    got.map(([, count, at]) => [count, at]),
    [
      [3, 10],
      [4, 20],
    ],
  );
  t.is(pair.rows, 7);
});

test('an empty batch is not handed over', async t => {
  const pair = new BatchPair();
  pair.begin(() => t.fail());
  await pair.handOver(1);
  await pair.end();
  t.is(pair.rows, 0);
});

test('what the receiver throws reaches the source, at once or later, and the next dump is clean', async t => {
  const pair = new BatchPair();
  pair.begin(() => {
    throw new Error('at once');
  });
  pair.current.count = 1;
  await t.throwsAsync(() => pair.handOver(1), { message: 'at once' });
  await pair.end();

  const later = gate();
  pair.begin(() => later.promise);
  pair.current.count = 1;
  await pair.handOver(1);
  later.fail(new Error('later'));
  await nextTurn(); // not an unhandled rejection
  await t.throwsAsync(() => pair.end(), { message: 'later' });

  pair.begin(() => {});
  t.is(pair.current.count, 0);
  await pair.end();
});

test('a second dump at the same time is refused', async t => {
  const pair = new BatchPair();
  pair.begin(() => {});
  t.is(t.throws(() => pair.begin(() => {}), { instanceOf: CtflowError })?.code, 'CTFLOW_USAGE');
  await pair.end();
  t.notThrows(() => pair.begin(() => {}));
});
