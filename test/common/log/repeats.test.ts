import test from 'ava';
import { limitRepeats } from '../../../src/common/log/repeats.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';

const texts = (lines: readonly Record<string, unknown>[]): unknown[] => lines.map(({ msg }) => msg);

test('of a line that repeats itself, whatever its numbers, ten are logged, and at the end how many were not', t => {
  const { log, lines } = listeningLogger();
  const limited = limitRepeats(log);
  for (let i = 1; i <= 25; i++) limited.warn({ i }, `polls take ${i} %`);
  limited.warn('another');
  t.is(lines.length, 11);
  limited.flush();
  t.is(lines.length, 12);
  const { level, i, repeated, msg } = lines[11];
  t.deepEqual([level, i, repeated, msg], [40, 25, 15, 'polls take 25 %']);
  limited.flush();
  t.is(lines.length, 12, 'it is said once');
});

test('lines of another level or another collector are of another kind', t => {
  const { log, lines } = listeningLogger();
  const limited = limitRepeats(log);
  const [one, other] = ['udp://a:1', 'udp://b:1'].map(collector => limited.child({ collector }));
  for (let i = 0; i < 11; i++) {
    one.warn('away');
    other.warn('away');
    other.error('away');
  }
  t.is(lines.length, 30);
  t.is(lines.filter(({ collector }) => collector === 'udp://b:1').length, 20);
});

test('when the time is over, the last one that was held back is logged', async t => {
  const { log, lines } = listeningLogger();
  const limited = limitRepeats(log, 1);
  const held = setInterval(() => {}, 1_000);
  t.teardown(() => clearInterval(held));
  for (let i = 0; i < 12; i++) limited.info('again');
  await eventually('it is logged', () => lines.length === 11);
  t.is(lines[10]['repeated'], 2);
});

test('no more than a thousand kinds are known at once, and nothing of them is lost', t => {
  const { log, lines } = listeningLogger();
  const limited = limitRepeats(log);
  for (let i = 0; i < 12; i++) limited.warn('first');
  for (let i = 0; i < 1_000; i++) limited.warn('x'.repeat(i + 1));
  t.deepEqual(texts(lines.filter(({ repeated }) => repeated === 2)), ['first']);
});

test('a change of level holds for what was derived before', t => {
  const { log, lines } = listeningLogger();
  const root = log as typeof log & { level: string };
  const child = limitRepeats(root).child({ collector: 'udp://a:1' });
  root.level = 'error';
  child.warn('not shown');
  root.level = 'debug';
  child.debug('shown');
  t.deepEqual(texts(lines), ['shown']);
});
