import test from 'ava';
import { closeParts, type Part } from '../../src/common/parts.js';

/** A part that writes down what happens to it, and fails where it is told to. */
function part(name: string, calls: string[], fails: string[] = []): Part {
  const step = (what: string): void => {
    calls.push(`${name} ${what}`);
    if (fails.includes(what)) throw new Error(`${name} ${what}`);
  };
  return {
    drain: async () => step('drain'),
    close: drained => step(`close ${drained}`),
  };
}

test('parts are closed last to first, each after it has taken what was on its way', async t => {
  const calls: string[] = [];
  t.deepEqual(await closeParts([part('a', calls), part('b', calls)], true), []);
  t.deepEqual(calls, ['b drain', 'b close true', 'a drain', 'a close true']);
});

test('without a drain parts are closed at once', async t => {
  const calls: string[] = [];
  await closeParts([part('a', calls), part('b', calls)], false);
  t.deepEqual(calls, ['b close false', 'a close false']);
});

test('a part that fails leaves no other open, and all that failed is returned', async t => {
  const calls: string[] = [];
  const errors = await closeParts(
    [part('a', calls), part('b', calls, ['drain', 'close false']), part('c', calls, ['close true'])],
    true,
  );
  t.deepEqual(calls, ['c drain', 'c close true', 'b drain', 'b close false', 'a drain', 'a close true']);
  t.deepEqual(
    errors.map(error => (error as Error).message),
    ['c close true', 'b drain', 'b close false'],
  );
});
