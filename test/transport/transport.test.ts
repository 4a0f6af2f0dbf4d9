import test from 'ava';
import { Waiters } from '../../src/transport/transport.js';

test('a waiter is woken once', async t => {
  const waiters = new Waiters();
  const waiting = Promise.all([waiters.wait(60_000), waiters.wait(60_000)]);
  t.is(waiters.count, 2);
  waiters.wake();
  await waiting;
  t.is(waiters.count, 0);
});

test('a waiter that timed out is removed', async t => {
  const waiters = new Waiters();
  for (let i = 0; i < 20; i++) await waiters.wait(1);
  t.is(waiters.count, 0);
});
