import test from 'ava';
import { PollTurns } from '../../src/ingest/poll-turns.js';
import { eventually } from '../helpers/eventually.js';

const TIMER_EARLY_MS = 2;

test('a turn follows another as soon as the interval says, also where that changes meanwhile', async t => {
  const began: number[] = [];
  const due: number[] = [];
  let wait = 10;
  const interval = { next: (last: number) => last + wait };
  const turns = new PollTurns(interval, async () => {
    began.push(performance.now());
    wait = began.length % 2 === 0 ? 10 : 60;
    due.push(performance.now() + wait);
  });
  t.teardown(() => turns.close());
  turns.start();
  await eventually('four turns', () => began.length >= 4);
  for (let i = 1; i < 4; i++) t.true(began[i] >= due[i - 1] - TIMER_EARLY_MS - 1, `turn ${i}`);
});

test('a turn that takes longer than the interval does not stop the others', async t => {
  let began = 0;
  let end = (): void => {};
  const turns = new PollTurns({ next: last => last + 5 }, () => {
    began++;
    return new Promise(resolve => (end = resolve));
  });
  t.teardown(() => turns.close());
  turns.start();
  await eventually('turns beside it', () => began >= 3);
  end();
  const before = began;
  await eventually('turns after it', () => began > before + 1);
  t.pass();
});

test('the budget is used up meanwhile: the turn waits', async t => {
  let notBefore = 0;
  const began: number[] = [];
  const turns = new PollTurns({ next: last => Math.max(last + 5, notBefore) }, async () => {
    began.push(performance.now());
  });
  t.teardown(() => turns.close());
  turns.start();
  notBefore = performance.now() + 80;
  await eventually('a turn', () => began.length > 0);
  t.true(began[0] >= notBefore - TIMER_EARLY_MS);
});

test('after close there is no turn', async t => {
  let began = 0;
  const turns = new PollTurns({ next: last => last + 5 }, async () => {
    began++;
    turns.close();
  });
  turns.start();
  await eventually('the first turn', () => began === 1);
  await new Promise(resolve => setTimeout(resolve, 40));
  t.is(began, 1);
});

test('turns are behind while one does not end, or where none begins when it is due', async t => {
  let end = (): void => {};
  const turns = new PollTurns({ next: last => last + 5 }, () => new Promise(resolve => (end = resolve)));
  t.teardown(() => turns.close());
  t.is(turns.behind, 0, 'none has begun');
  turns.start();
  await eventually('a turn hangs', () => turns.behind > 100);
  end();
  turns.close();
  t.is(turns.behind, 0, 'no more turns are wanted');

  const late = new PollTurns({ next: last => last - 50 }, async () => {});
  t.teardown(() => late.close());
  late.start();
  t.true(late.behind >= 50, 'due, and not begun');
});

test('a turn beside one that hangs hides nothing', async t => {
  let began = 0;
  const turns = new PollTurns({ next: last => last + 5 }, () =>
    began++ === 0 ? new Promise(() => {}) : Promise.resolve(),
  );
  t.teardown(() => turns.close());
  turns.start();
  await eventually('others have begun and ended', () => began > 5);
  const before = turns.behind;
  await eventually('it is behind by more', () => turns.behind > before + 20);
  t.pass();
});

test('a turn is looked for again where the interval has become shorter', async t => {
  let wait = 3_600_000;
  let began = 0;
  const turns = new PollTurns({ next: last => last + wait }, async () => void began++);
  t.teardown(() => turns.close());
  turns.again();
  turns.start();
  wait = 5;
  turns.again();
  await eventually('a turn', () => began > 0);
  turns.close();
  turns.again();
  t.pass();
});
