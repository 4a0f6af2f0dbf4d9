import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { Resync } from '../src/resync.js';
import { eventually } from './helpers/eventually.js';

test('one poll answers all that was asked before it began; the next is not at once', async t => {
  const begins: number[] = [];
  const resync = new Resync(async () => void begins.push(performance.now()));
  t.teardown(() => resync.stop());
  for (let i = 0; i < 10; i++) resync.ask();
  await eventually('the first poll', () => begins.length === 1);
  for (let i = 0; i < 10; i++) resync.ask();
  await eventually('the second poll', () => begins.length === 2);
  t.true(begins[1] - begins[0] >= 999);
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
