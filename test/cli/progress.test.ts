import test from 'ava';
import { Progress } from '../../src/cli/progress.js';
import { eventually } from '../helpers/eventually.js';

test('progress is said again and again until it is closed, and only where somebody watches', async t => {
  const lines: string[] = [];
  let rows = 0;
  const options = { every: 1, write: (line: string) => void lines.push(line) };
  const unwatched = new Progress(() => 'nobody reads this', { ...options, isWatched: false });
  const progress = new Progress(() => `${++rows} read`, { ...options, isWatched: true });
  await eventually('two lines', () => lines.length >= 2);
  progress.close();
  unwatched.close();
  t.deepEqual(lines.slice(0, 2), ['1 read', '2 read']);
  t.is(lines.at(-1), '', 'the line is taken away');
  const { length } = lines;
  await new Promise(resolve => setTimeout(resolve, 20));
  t.is(lines.length, length);
});
