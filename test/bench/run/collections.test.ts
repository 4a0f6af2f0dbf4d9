import test from 'ava';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Collections, type Span } from '../../../bench/run/collections.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** When something ran. */
function spanOf(run: () => void): Span {
  const from = Number(process.hrtime.bigint()) / 1e9;
  run();
  return [from, Number(process.hrtime.bigint()) / 1e9];
}

test('collections count where they began, and with an operation that had none the mean is half', async t => {
  const collections = new Collections();
  spanOf(collect);
  const idle = spanOf(() => {});
  const busy = spanOf(collect);
  const [none, all, half, nothing] = await collections.end([[idle], [busy], [idle, busy], []]);
  t.is(none, 0);
  t.true(all > 0 && all <= busy[1] - busy[0], `${all}`);
  t.is(half, all / 2);
  t.is(nothing, 0);
});
