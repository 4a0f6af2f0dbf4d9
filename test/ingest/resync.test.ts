import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { RESYNC_GAP_MS, Resync } from '../../src/ingest/poller.js';
import { eventually } from '../helpers/eventually.js';

const TIMER_EARLY_MS = 2; // Node's timers leave out the fractions of their delay and of the time at which they begin

test('one poll answers all that was asked before it began; the next is not at once', async t => {
  const begins: number[] = [];
  const resync = new Resync(async () => void begins.push(performance.now()));
  t.teardown(() => resync.stop());
  // before the first poll, however long the test is held up between the poll's begin and its own look at the clock
  const asked = performance.now();
  for (let i = 0; i < 10; i++) resync.ask();
  await eventually('the first poll', () => begins.length === 1);
  for (let i = 0; i < 10; i++) resync.ask();
  await eventually('the second poll', () => begins.length === 2);
  t.true(begins[1] - asked >= RESYNC_GAP_MS - TIMER_EARLY_MS);
  t.is(resync.count, 2);
});

test('nothing is polled after the stop', async t => {
  let polls = 0;
  const resync = new Resync(async () => void polls++);
  resync.ask();
  resync.stop();
  resync.ask();
  await pause(20);
  t.is(polls, 0);
});
