import test from 'ava';
import { readRun } from '../../bench/results/results.js';
import { memoryCourse } from '../../bench/soak/report.js';
import type { SoakSummary } from '../../bench/soak/options.js';
import { withoutNative } from '../helpers/backends.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';
import { runProgram } from './run.js';

const MINUTES = 60_000;
const backend = withoutNative === undefined ? 'native' : 'fallback';

needs(test, ['namespace', 'cargo'])(
  'a long run in short: everything that began is known, and every record arrives',
  async t => {
    t.timeout(20 * MINUTES);
    const file = temporaryPath(t, 'soak.json');
    const sizes = ['--initial', '300', '--new', '100', '--dying', '50', '--interval', '500ms', '--duration', '3s'];
    const { code, stdout, stderr } = await runProgram('soak/main', [...sizes, '--backend', backend, '--out', file]);
    t.is(code, 0, stderr);
    const { results } = readRun(file);
    t.deepEqual(
      results.map(({ case: kind }) => kind),
      ['replayed', 'kernel'],
    );
    for (const { extra, items, cpu } of results) {
      t.is(extra['connections'], 300 + 6 * 100);
      t.is(extra['received'], items);
      // each is told when it has ended, or when the run has
      t.true(items >= 900, `${items} records`);
      t.true(cpu![0] > 0);
    }
    t.regex(stdout, /different connections +900 +900\n/);
  },
);

const summary: SoakSummary = {
  kind: 'replayed',
  connections: 0,
  entryReads: 0,
  sent: 0,
  received: 0,
  wall: 0,
  cpu: 0,
  madeUp: 0,
  peakRss: 0,
  course: [],
};

test('memory per connection while their number grows', t => {
  const course = Array.from({ length: 12 }, (_, i) => [1000 * i, 50_000_000 + 300_000 * i] as const);
  t.regex(memoryCourse({ ...summary, course }), /memory grows by 300 bytes a connection \(fit R² 1\.000/);
});

test('memory over time while their number stays the same', t => {
  const course = Array.from({ length: 12 }, (_, i) => [1000 + (i % 3), 50_000_000 + 4_096 * i] as const);
  t.regex(memoryCourse({ ...summary, course }), /a steady number of connections, memory grows by 4096 bytes a poll/);
});
