import test from 'ava';
import { eventually } from '../helpers/eventually.js';
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
