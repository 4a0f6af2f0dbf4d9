import test from 'ava';
import { measurePair } from '../../../bench/ab/pair.js';
import { PairRows } from '../../../bench/ab/pair-rows.js';
import { JOBS } from '../../../bench/ab/primary.js';
import { ROOT } from '../../../bench/host/machine.js';
import { PLANTED } from '../../../bench/run/planted-work.js';

const FALLBACK = {
  ...JOBS.find(({ subject }) => subject === 'decode')!,
  backends: ['fallback'] as const,
  timing: { samples: 20, warmUps: 3, seconds: 0, paired: true },
};

test('a pair of processes: what is planted into one of them is found, and the lot says which is first', async t => {
  const rows = new PairRows();
  const sides = { base: { root: ROOT }, head: { root: ROOT, env: { [PLANTED]: '9' } } };
  for (const lot of [0, 1]) rows.add('decode', await measurePair(FALLBACK, sides, () => lot));
  const own = rows.all.filter(({ identity }) => identity.backend !== 'floor');
  t.deepEqual(
    own.map(({ identity }) => [identity.case, identity.backend]),
    [['decode', 'fallback']],
  );
  const [{ pairs }] = own;
  t.deepEqual(
    pairs.map(({ first }) => first),
    ['base', 'head'],
  );
  for (const { base, head } of pairs) {
    t.true(head.cpu! > base.cpu! * 3 && head.wall! > base.wall! * 2, JSON.stringify({ base, head }));
    t.is(typeof head.gc, 'number');
  }
});

test('a checkout without a worker, and a subject that it does not know, have failed', async t => {
  const sides = { base: { root: '/nowhere' }, head: { root: ROOT } };
  const { base, head } = await measurePair({ ...FALLBACK, subject: 'nosuch' }, sides);
  for (const outcome of [base, head]) t.regex('failed' in outcome ? outcome.failed : '', /failed \(exit 1\)/);
});
