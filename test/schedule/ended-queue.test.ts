import test from 'ava';
import { EndedQueue } from '../../src/schedule/ended-queue.js';

test('everything added before the oldest has left, whatever left in between', t => {
  const queue = new EndedQueue(8);
  const state = (): number[] => [queue.pushed, queue.settled, queue.count];
  t.deepEqual(state(), [0, 0, 0]);
  for (const slot of [5, 2, 7]) queue.push(slot, 3);
  t.deepEqual(state(), [3, 0, 3]);
  queue.remove(2);
  t.deepEqual(state(), [3, 0, 2], 'the first is still there');
  queue.remove(5);
  t.deepEqual(state(), [3, 2, 1]);
  queue.push(5, 3);
  queue.remove(7);
  t.deepEqual(state(), [4, 3, 1], 'a slot that comes again comes last');
  queue.remove(5);
  t.deepEqual(state(), [4, 4, 0]);
});
