import test from 'ava';
import { symlinkSync, rmSync, writeFileSync } from 'node:fs';
import { addCounts } from '../../src/common/add-counts.js';
import { endOpen } from '../../src/destination/set/end-open.js';
import { NamespaceFollower } from '../../src/ingest/namespace-follower.js';
import { FollowedSource } from '../../src/sources/followed-source.js';
import { NamespaceWatch } from '../../src/sources/namespace-watch.js';
import { FakeSource } from '../helpers/fakes/fake-source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';

const linux = needs(test, ['linux']);

linux('a name is followed: gone, back, refused once, another one', async t => {
  const link = temporaryPath(t, 'netns');
  const stand = (path: string): void => {
    rmSync(link, { force: true });
    symlinkSync(path, link);
  };
  stand('/proc/self/ns/net');
  const watch = new NamespaceWatch(link);
  const { log, lines } = listeningLogger();
  const steps: string[] = [];
  let refuse = false;
  const follower = new NamespaceFollower(
    watch,
    {
      leave: async () => void steps.push('leave'),
      enter: async () => {
        steps.push('enter');
        if (refuse) throw new Error('not yet');
      },
    },
    log,
  );
  t.true(await follower.follow());
  rmSync(link);
  t.false(await follower.follow());
  t.false(await follower.follow());
  t.deepEqual(steps, ['leave']);
  writeFileSync(link, '');
  t.false(await follower.follow(), 'ip netns add makes an empty file first');
  // of another kind, and so another namespace
  stand('/proc/self/ns/uts');
  refuse = true;
  t.false(await follower.follow());
  refuse = false;
  t.true(await follower.follow());
  t.true(await follower.follow());
  t.deepEqual(steps, ['leave', 'enter', 'enter']);
  stand('/proc/self/ns/net');
  t.true(await follower.follow(), 'replaced at once');
  t.is(follower.left, 2);
  const said = lines.map(({ msg }) => String(msg));
  t.is(said.filter(line => line.includes('was deleted')).length, 1);
  t.is(said.filter(line => line.includes('waits for it')).length, 1, 'said once');
  t.is(said.filter(line => line.includes('was replaced')).length, 1);
});

linux('a change of names is noticed without a poll', async t => {
  const link = temporaryPath(t, 'netns');
  symlinkSync('/proc/self/ns/net', link);
  const watch = new NamespaceWatch(link);
  t.teardown(() => watch.close());
  const changed = new Promise<void>(resolve => watch.watch(resolve));
  rmSync(link);
  await changed;
  t.false(watch.isThere);
});

test('a source that is followed has no namespace between closing and opening', async t => {
  const opened: FakeSource[] = [];
  const source = new FollowedSource(() => {
    opened.push(new FakeSource([{ connections: [] }]));
    return opened.at(-1)!;
  });
  await source.dump(() => {});
  source.close();
  t.true(opened[0].closed);
  t.false(source.isOpen);
  await t.throwsAsync(
    source.dump(() => {}),
    { message: /namespace is gone/ },
  );
  t.is(source.sysctl('nf_conntrack_acct'), undefined);
  source.reopen();
  await source.dump(() => {});
  t.is(opened[1].dumps, 1);
});

test('counts of two lives add up, in depth', t => {
  const sum = addCounts<object>({ a: 1, b: { c: 2 }, d: 'old' }, { a: 3, b: { c: 4, e: 1 }, d: 'new' });
  t.deepEqual(sum, { a: 4, b: { c: 6, e: 1 }, d: 'new' });
  t.deepEqual(addCounts<object>(undefined, { a: 1 }), { a: 1 });
  t.deepEqual(addCounts<object>({ a: 1 }, undefined), { a: 1 });
});

test('connections are ended no faster than the fastest destination takes them', async t => {
  const fast = { endedProgress: { pushed: 0, settled: 0 } };
  const dead = { endedProgress: { pushed: 0, settled: 0 } };
  let most = 0;
  const endSlice = (from: number, slots: number): number => {
    fast.endedProgress.pushed += slots;
    dead.endedProgress.pushed += slots;
    most = Math.max(most, fast.endedProgress.pushed - fast.endedProgress.settled);
    return from + slots < 100_000 ? from + slots : -1;
  };
  await endOpen(endSlice, [fast, dead], () =>
    setTimeout(() => (fast.endedProgress.settled = fast.endedProgress.pushed), 5),
  );
  t.true(fast.endedProgress.settled >= 100_000);
  t.true(most <= 16_384);
});
