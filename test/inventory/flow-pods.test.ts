import test from 'ava';
import { eventually } from '../helpers/eventually.js';
import type { ApiServer } from '../helpers/kubernetes/api-server.js';
import { podObject, type Controller } from '../helpers/kubernetes/objects.js';
import { ClusterRig, flow } from '../helpers/rigs/cluster-rig.js';

const [WEB, DB, OUTSIDE] = ['10.1.1.5', '10.1.1.6', '203.0.113.9'];
const SET: Controller = { kind: 'StatefulSet', name: 'db' };

/** What the pods of a connection that a poll shows belong to. */
function workloads(rig: ClusterRig, ...of: Parameters<typeof flow>): string[] {
  const facts = flow(...of);
  rig.see(facts);
  return rig.workloads(facts.sourcePort!);
}

test('flows have the workloads of their pods, and nothing where a pod has none or is not known', async t => {
  const rig = await ClusterRig.open(t, server => {
    const labels = { 'pod-template-hash': '5d9c7b' };
    const controller = { kind: 'ReplicaSet', name: 'web-5d9c7b' };
    server.put('pods', podObject('web-5d9c7b-x', { addresses: [WEB], labels, controller }));
    server.put('pods', podObject('db-0', { addresses: [DB], controller: SET }));
    server.put('pods', podObject('bare', { addresses: ['10.1.1.7'] }));
  });
  await rig.synced();
  t.deepEqual(workloads(rig, WEB, DB), ['deployment/web', 'statefulset/db']);
  t.deepEqual(workloads(rig, DB, OUTSIDE), ['statefulset/db', '']);
  t.deepEqual(workloads(rig, OUTSIDE, WEB), ['', 'deployment/web']);
  t.deepEqual(workloads(rig, '10.1.1.7', '10.1.1.8'), ['', '']);
});

test('a pod that is adopted has its workload from then on, in flows that it had before, too', async t => {
  const rig = await ClusterRig.open(t, server => {
    server.put('pods', podObject('db-0', { addresses: [DB], controller: SET }));
    server.put('pods', podObject('web-0', { addresses: [WEB] }));
  });
  await rig.synced();
  const old = flow(WEB, DB);
  rig.see(old);
  t.deepEqual(rig.workloads(old.sourcePort!), ['', 'statefulset/db']);
  rig.server.put('pods', podObject('web-0', { addresses: [WEB], controller: { kind: 'StatefulSet', name: 'web' } }));
  await eventually('the workload is known', () => rig.workloads(old.sourcePort!)[0] !== '');
  t.deepEqual(rig.workloads(old.sourcePort!), ['statefulset/web', 'statefulset/db']);
});

test('a name that is taken back takes the workload with it', async t => {
  const rig = await ClusterRig.open(t, server =>
    server.put('pods', podObject('first', { addresses: [DB], controller: SET })),
  );
  await rig.synced();
  const [before, after] = [flow(DB, OUTSIDE, Date.now() - 60_000), flow(DB, OUTSIDE, Date.now() - 10_000)];
  for (const one of [before, after]) {
    t.is(rig.see(one)[0], 'first');
    t.is(rig.workloads(one.sourcePort!)[0], 'statefulset/db');
  }
  // it ended while the server could not say so, and nobody has the address
  const finished = Date.now() - 30_000;
  rig.server.put('pods', podObject('first', { addresses: [DB], phase: 'Failed', finished, controller: SET }));
  await eventually('the name is gone', () => rig.answer(after.sourcePort!)[0] === '');
  t.is(rig.workloads(after.sourcePort!)[0], '');
  t.is(rig.workloads(before.sourcePort!)[0], 'statefulset/db');
});

test('of two pods of one name at one address each flow has the workload of its own', async t => {
  const rig = await ClusterRig.open(t, server =>
    server.put('pods', podObject('db-0', { addresses: [DB], controller: SET, uid: 'first' })),
  );
  await rig.synced();
  const [before, after] = [flow(DB, OUTSIDE, Date.now() - 60_000), flow(DB, OUTSIDE, Date.now() - 10_000)];
  for (const one of [before, after]) t.is(rig.see(one)[0], 'db-0');
  const finished = Date.now() - 30_000;
  rig.server.put(
    'pods',
    podObject('db-0', { addresses: [DB], phase: 'Failed', finished, controller: SET, uid: 'first' }),
  );
  const next = { addresses: [DB], started: Date.now() - 20_000, uid: 'second' };
  rig.server.put('pods', podObject('db-0', { ...next, controller: { kind: 'StatefulSet', name: 'other' } }));
  await eventually('the second is known', () => rig.workloads(after.sourcePort!)[0] === 'statefulset/other');
  t.is(rig.answer(after.sourcePort!)[0], 'db-0');
  t.is(rig.workloads(before.sourcePort!)[0], 'statefulset/db');
  t.is(rig.inventory.stats().corrected, 1);
});

test('flows have the labels of their pods that are asked for, as they are at that time', async t => {
  const fill = (server: ApiServer): void => {
    server.put('pods', podObject('web-0', { addresses: [WEB], labels: { team: 'shop', tier: 'front' } }));
    server.put('pods', podObject('db-0', { addresses: [DB], labels: { tier: 'back' } }));
  };
  const rig = await ClusterRig.open(t, fill, { labels: ['team'] });
  await rig.synced();
  const old = flow(WEB, DB);
  rig.see(old);
  t.deepEqual(rig.labels(old.sourcePort!), ['{"team":"shop"}', '{}']);
  rig.server.put('pods', podObject('db-0', { addresses: [DB], labels: { team: 'data', tier: 'back' } }));
  rig.server.put('pods', podObject('web-0', { addresses: [WEB], labels: { tier: 'front' } }));
  await eventually('the labels are known', () => rig.labels(old.sourcePort!)[1] !== '{}');
  await eventually('labels that are gone are gone', () => rig.labels(old.sourcePort!)[0] === '{}');
  t.deepEqual(rig.labels(old.sourcePort!), ['{}', '{"team":"data"}']);
  t.is(rig.answer(old.sourcePort!)[0], 'web-0');
});

test('without being asked for, there are no labels', async t => {
  const rig = await ClusterRig.open(t, server =>
    server.put('pods', podObject('web-0', { addresses: [WEB], labels: { team: 'shop' } })),
  );
  await rig.synced();
  const seen = flow(WEB, OUTSIDE);
  t.is(rig.see(seen)[0], 'web-0');
  t.deepEqual(rig.labels(seen.sourcePort!), ['', '']);
});

test('a name that is taken back takes the labels with it', async t => {
  const labels = { team: 'data' };
  const rig = await ClusterRig.open(t, server => server.put('pods', podObject('first', { addresses: [DB], labels })), {
    labels: ['all'],
  });
  await rig.synced();
  const [before, after] = [flow(DB, OUTSIDE, Date.now() - 60_000), flow(DB, OUTSIDE, Date.now() - 10_000)];
  for (const one of [before, after]) {
    rig.see(one);
    t.is(rig.labels(one.sourcePort!)[0], '{"team":"data"}');
  }
  const finished = Date.now() - 30_000;
  rig.server.put('pods', podObject('first', { addresses: [DB], phase: 'Failed', finished, labels }));
  const next = { addresses: [DB], started: Date.now() - 20_000, labels: { team: 'other' } };
  rig.server.put('pods', podObject('second', next));
  await eventually('the second is known', () => rig.answer(after.sourcePort!)[0] === 'second');
  t.is(rig.labels(after.sourcePort!)[0], '{"team":"other"}');
  t.is(rig.labels(before.sourcePort!)[0], '{"team":"data"}');
});

test('labels without room are counted while their pods are there', async t => {
  const long = 'x'.repeat(63);
  const labels = { a: long, b: long, c: long, d: long, e: long };
  const rig = await ClusterRig.open(t, server => server.put('pods', podObject('web-0', { addresses: [WEB], labels })), {
    labels: ['all'],
  });
  await rig.synced();
  t.is(rig.inventory.stats().labelsLeftOut, 2);
  rig.server.put('pods', podObject('web-0', { addresses: [WEB], labels: { ...labels, e: '' } }));
  await rig.until('one fits', stats => stats.labelsLeftOut === 1);
  rig.server.put('pods', podObject('web-0', { addresses: [DB], labels }));
  await rig.until('it has another address', stats => stats.labelsLeftOut === 2);
  rig.server.remove('pods', 'uid-web-0');
  await rig.until('it is gone', stats => stats.labelsLeftOut === 0);
});
