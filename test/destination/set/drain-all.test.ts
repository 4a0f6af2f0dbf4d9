import test from 'ava';
import { drainAll } from '../../../src/destination/set/drain-all.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';

const NOTHING = { connections: 0, packets: 0, octets: 0, records: 0 };

/** A destination that drains when the test says so. */
function destination(name: string) {
  let done!: (left: typeof NOTHING) => void;
  let fail!: (error: Error) => void;
  const drained = new Promise<typeof NOTHING>((resolve, reject) => ([done, fail] = [resolve, reject]));
  return { name, done, fail, countLeft: () => 7, drain: () => drained };
}

test('what each destination has left is logged now and then, and summed at the end', async t => {
  const { log, lines } = listeningLogger();
  const [fast, slow] = [destination('udp://a:1'), destination('tcp://b:2')];
  const finished = drainAll([fast, slow], 1_000, log, 5);
  const progress = 'shutting down: records left to export';
  await eventually('progress', () => lines.some(({ msg }) => msg === progress));
  t.deepEqual(lines[0]['left'], { 'udp://a:1': 7, 'tcp://b:2': 7 });
  fast.done(NOTHING);
  await eventually('progress of the slow one alone', () =>
    lines.some(({ left }) => Object.keys(left as object).join() === 'tcp://b:2'),
  );
  slow.done({ connections: 40, packets: 90, octets: 9_000, records: 2 });
  t.is(await finished, 42);
  const warned = lines.filter(({ msg }) => msg === 'connections not exported at shutdown');
  t.is(warned.length, 1);
  t.like(warned[0], { collector: 'tcp://b:2', connections: 40, packets: 90, octets: 9_000, records: 2 });
});

test('a destination that fails does not cut the others short', async t => {
  const { log } = listeningLogger();
  const [broken, other] = [destination('udp://a:1'), destination('tcp://b:2')];
  let finished = false;
  const all = drainAll([broken, other], 1_000, log).finally(() => (finished = true));
  broken.fail(new Error('no more'));
  await new Promise(resolve => setTimeout(resolve, 20));
  t.false(finished);
  other.done(NOTHING);
  await t.throwsAsync(all, { message: 'no more' });
});
