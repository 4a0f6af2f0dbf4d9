import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { KubernetesInventory } from '../../../src/inventory/kubernetes/kubernetes-inventory.js';
import { CtflowError } from '../../../src/common/errors.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { podObject } from '../../helpers/kubernetes/objects.js';
import { ClusterRig, flow } from '../../helpers/rigs/cluster-rig.js';
import { temporaryPath } from '../../helpers/temporary.js';

const address = (i: number): string => `10.1.${i >> 8}.${i & 255}`;
const pod = (i: number) => podObject(`p-${i}`, { addresses: [address(i)] });

async function named(t: ExecutionContext, rig: ClusterRig, i: number): Promise<void> {
  await eventually(`pod ${i} is known`, () => rig.see(flow(address(i), '203.0.113.9'))[0] === `p-${i}`);
  t.pass();
}

test('all is read in pages', async t => {
  const rig = await ClusterRig.open(
    t,
    server => {
      for (let i = 0; i < 25; i++) server.put('pods', pod(i));
    },
    { limits: { page: 10 } },
  );
  await rig.synced();
  t.is(rig.inventory.stats().pods, 25);
  t.is(rig.server.requestsOf('pods', false).length, 3);
  t.true(Math.abs(Date.now() - rig.inventory.stats().contactAt) < 3_600_000);
});

test('a watch that ends goes on from the last bookmark', async t => {
  const rig = await ClusterRig.open(t, server => server.put('pods', pod(0)));
  await rig.synced();
  const [first] = rig.server.requestsOf('pods', true);
  t.is(first.query.get('allowWatchBookmarks'), 'true');
  for (let i = 0; i < 5; i++)
    rig.server.put('services', { metadata: { uid: `s-${i}`, name: `s-${i}`, namespace: 'shop' } });
  rig.server.bookmark();
  rig.server.endWatches('well');
  const again = await eventually('pods are watched again', () => rig.server.requestsOf('pods', true).at(1));
  t.is(Number(again.query.get('resourceVersion')), Number(first.query.get('resourceVersion')) + 5);
  rig.server.put('pods', pod(1));
  await named(t, rig, 1);
  t.is(rig.server.requestsOf('pods', false).length, 1, 'nothing is read again');
  t.is(rig.inventory.stats().errors, 0);
});

for (const how of ['within', 'reset'] as const)
  test(`a watch that breaks loses nothing: ${how}`, async t => {
    const rig = await ClusterRig.open(t, server => server.put('pods', pod(0)));
    await rig.synced();
    rig.server.endWatches(how);
    rig.server.put('pods', pod(1));
    rig.server.remove('pods', 'uid-p-0');
    await named(t, rig, 1);
    await rig.until('the other one is gone', ({ pods }) => pods === 1);
    t.is(rig.server.requestsOf('pods', false).length, 1);
    t.true(rig.inventory.stats().errors > 0);
  });

for (const how of ['the answer', 'an event'] as const)
  test(`all is read again where the server has forgotten the version: ${how} says so`, async t => {
    const rig = await ClusterRig.open(t, server => {
      for (let i = 0; i < 3; i++) server.put('pods', pod(i));
    });
    await rig.synced();
    if (how === 'an event') rig.server.sendGone();
    else {
      rig.server.fault = ({ watch }) => (watch ? { status: 503 } : undefined);
      rig.server.endWatches('reset');
      await rig.until('nothing is watched', ({ watched }) => watched === 0);
    }
    rig.server.remove('pods', 'uid-p-0');
    rig.server.put('pods', pod(7));
    if (how === 'the answer') rig.server.forget();
    rig.server.fault = () => undefined;
    await named(t, rig, 7);
    await rig.until('what is gone is gone', ({ pods }) => pods === 3);
    t.is(rig.see(flow(address(0), '203.0.113.9', Date.now() + 2_000))[0], '');
    t.true(rig.server.requestsOf('pods', false).length >= 2);
  });

test('a list whose token is too old begins anew', async t => {
  let stopped = false;
  const rig = await ClusterRig.open(
    t,
    server => {
      for (let i = 0; i < 25; i++) server.put('pods', pod(i));
      server.fault = ({ kind, query }) => {
        if (kind !== 'pods' || !query.has('continue') || stopped) return undefined;
        stopped = true;
        server.forget();
        return undefined;
      };
    },
    { limits: { page: 10 } },
  );
  await rig.synced();
  t.true(stopped);
  t.is(rig.inventory.stats().pods, 25);
  t.is(rig.server.requestsOf('pods', false).filter(({ query }) => !query.has('continue')).length, 2);
});

test('what is known stays while the server is away, and it is asked ever more seldom', async t => {
  const rig = await ClusterRig.open(t, server => server.put('pods', pod(0)));
  await rig.synced();
  await rig.server.close();
  await rig.until('it is tried again and again', ({ errors }) => errors > 12);
  t.is(rig.see(flow(address(0), '203.0.113.9'))[0], 'p-0');
  t.is(rig.inventory.stats().watched, 0);
  t.true(rig.lines.some(({ msg }) => String(msg).includes('what is known stays')));
  await rig.server.listen();
  rig.server.put('pods', pod(1));
  await named(t, rig, 1);
  await rig.synced();
});

test('a server that does not answer, or stops within a stream, is tried again', async t => {
  const rig = await ClusterRig.open(
    t,
    server => {
      server.put('pods', pod(0));
      server.fault = () => 'hang';
    },
    { limits: { listSilence: 100, watchSilence: 400 } },
  );
  await rig.until('requests have failed', ({ errors }) => errors >= 4);
  rig.server.fault = () => undefined;
  await named(t, rig, 0);
  const { errors } = rig.inventory.stats();
  await rig.until('a silent watch is broken off', stats => stats.errors > errors);
  rig.server.put('pods', pod(1));
  await named(t, rig, 1);
});

test('a server that asks to wait is given the time', async t => {
  const rig = await ClusterRig.open(t, server => {
    server.fault = ({ kind }) => (kind === 'nodes' ? { status: 429, retryAfter: 2 } : undefined);
  });
  await rig.until('all else is read', ({ synced }) => synced === 3);
  const began = performance.now();
  await eventually('it is asked again', () => rig.server.requestsOf('nodes', false).length > 1);
  t.true(performance.now() - began > 500, 'in vain without the header: 20 ms');
});

test('a token that is rotated is read anew', async t => {
  const rig = await ClusterRig.open(t, server => server.put('pods', pod(0)));
  await rig.synced();
  rig.server.tokens = new Set(['second']);
  rig.server.endWatches('well');
  await rig.until('the old token is refused', ({ errors }) => errors > 0);
  writeFileSync(rig.token, 'second');
  rig.server.put('pods', pod(1));
  await named(t, rig, 1);
});

test('objects beyond the limit are left out and counted', async t => {
  const rig = await ClusterRig.open(
    t,
    server => {
      for (let i = 0; i < 8; i++) server.put('pods', pod(i));
    },
    { limits: { most: 5 } },
  );
  await rig.synced();
  t.is(rig.inventory.stats().pods, 5);
  t.is(rig.inventory.stats().leftOut, 3);
  rig.server.put('pods', pod(9));
  await rig.until('another one is left out', ({ leftOut }) => leftOut === 4);
  rig.server.remove('pods', 'uid-p-0');
  await rig.until('there is room again', ({ pods }) => pods === 4);
  rig.server.put('pods', pod(10));
  await named(t, rig, 10);
});

test('a configuration that cannot be used ends the start', async t => {
  const { log } = listeningLogger();
  const open = (config: string): Promise<unknown> =>
    KubernetesInventory.open({ config, node: 'worker-1', pods: 'all' }, log);
  const absent = await t.throwsAsync(open('/nowhere/config'), { instanceOf: CtflowError });
  t.like(absent, { code: 'CTFLOW_KUBERNETES', hint: 'Give a kubeconfig file with a current context' });
  t.regex(absent.message, /\/nowhere\/config/);
  const outside = await t.throwsAsync(open('in-cluster'), { instanceOf: CtflowError });
  t.like(outside, { code: 'CTFLOW_KUBERNETES' });
  t.regex(outside.hint, /in a pod with a service account/);
  const empty = temporaryPath(t, 'config');
  writeFileSync(empty, '{}');
  await t.throwsAsync(open(empty), { instanceOf: CtflowError, message: /there is no current cluster/ });
});
