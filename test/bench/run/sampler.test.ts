import test from 'ava';
import { sampleInTurn } from '../../../bench/run/sampler.js';
import type { Case } from '../../../bench/subject.js';

const TIMING = { samples: 3, seconds: 0, warmUps: 0 };

/** A case whose result is wrong at these operations. */
function operations(wrong: readonly number[] = []): { one: Case; done: () => number } {
  let done = 0;
  const one: Case = {
    name: 'one',
    backend: 'native',
    parameters: {},
    items: 1,
    operation: () => void done++,
    check() {
      if (wrong.includes(done)) throw new Error('984 rows, not 700');
      return undefined;
    },
  };
  return { one, done: () => done };
}

test('a wrong result ends the measurement', async t => {
  const { one } = operations([2]);
  await t.throwsAsync(
    sampleInTurn([one], TIMING, () => '1024'),
    { message: '984 rows, not 700' },
  );
});

test('an operation beside which the hash table was resized is void, whatever it has shown', async t => {
  const { one, done } = operations([1]);
  const buckets = ['1024', '4096', '4096', '1024']; // before and after the first operation, and the second
  const [taken] = await sampleInTurn([one], TIMING, () => buckets.shift() ?? '1024');
  t.is(taken.samples.length, 3);
  t.is(done(), 5);
  t.is(taken.extra['void'], 2);
  t.regex(String(taken.extra['why']), /hash table of the kernel was resized/);
});

test('a floor is sampled as often as ctflow, and one that never counts ends with it', async t => {
  const floor: Case = { ...operations().one, backend: 'floor' };
  const never: Case = { ...operations().one, backend: 'kernel', check: () => 'void' };
  const cases = [floor, operations().one, never];
  const taken = await sampleInTurn(cases, { samples: 20, seconds: 0, warmUps: 0 }, () => '');
  t.deepEqual(
    taken.map(({ samples }) => samples.length),
    [20, 20, 0],
  );
});

test('what is soon done is warmed up for longer', async t => {
  const { one, done } = operations();
  const slow: Case = { ...operations().one, operation: () => ({ wall: 1, cpu: 1 }) as never };
  const quick: Case = { ...one, operation: () => (one.operation(), { wall: 0.01, cpu: 0.01 }) as never };
  const taken = await sampleInTurn([slow, quick], { samples: 2, seconds: 0.2 }, () => '');
  t.is(taken[0].samples.length, 2);
  t.true(done() - taken[1].samples.length >= 10, `${done()}`);
});

test('one that is resized again and again comes to an end without samples', async t => {
  let buckets = 0;
  const [taken] = await sampleInTurn([operations().one], TIMING, () => String(buckets++));
  t.is(taken.samples.length, 0);
  t.is(taken.extra['void'], 10);
});
