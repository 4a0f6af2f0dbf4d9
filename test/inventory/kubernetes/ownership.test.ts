import test from 'ava';
import { eventually } from '../../helpers/eventually.js';
import { nodeObject, podObject } from '../../helpers/kubernetes/objects.js';
import { ClusterRig, flow } from '../../helpers/rigs/cluster-rig.js';

const ADDRESS = '10.1.1.5';
const OUTSIDE = '203.0.113.9';
const addresses = [ADDRESS];

/** Who is said to have had the address when a flow started. */
function ownerAt(rig: ClusterRig, started: number): unknown {
  return rig.see(flow(ADDRESS, OUTSIDE, started))[0];
}

async function changed(rig: ClusterRig, change: () => void): Promise<void> {
  const { changes } = rig.inventory.stats();
  change();
  await rig.caughtUp(changes + 1);
}

test('a flow belongs to the pod that had the address when it started', async t => {
  const began = Math.floor(Date.now() / 1_000) * 1_000;
  const rig = await ClusterRig.open(t, server => {
    server.put('pods', podObject('first', { addresses, started: began - 60_000 }));
  });
  await rig.synced();
  t.is(ownerAt(rig, began - 70_000), '', 'whoever was before is not known');
  t.is(ownerAt(rig, began - 50_000), 'first');
  const finished = began - 20_000;
  await changed(rig, () =>
    rig.server.put(
      'pods',
      podObject('first', { addresses, started: began - 60_000, deleted: began - 30_000, finished }),
    ),
  );
  t.is(ownerAt(rig, began - 25_000), 'first', 'it was told to end, and ran');
  t.is(ownerAt(rig, began - 18_000), '', 'it had ended');
  await changed(rig, () => rig.server.remove('pods', 'uid-first'));
  await changed(rig, () => rig.server.put('pods', podObject('second', { addresses, started: began - 10_000 })));
  t.is(ownerAt(rig, began - 50_000), 'first');
  t.is(ownerAt(rig, began - 15_000), '');
  t.is(ownerAt(rig, began - 9_500), '', 'times are seconds: in the first of them it may not have had the address');
  t.is(ownerAt(rig, began - 5_000), 'second');
});

test('nobody is named while two pods claim the address', async t => {
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const rig = await ClusterRig.open(t, server => {
    server.put('pods', podObject('first', { addresses, started: now - 60_000 }));
    server.put('pods', podObject('second', { addresses, started: now - 10_000 }));
  });
  await rig.synced();
  t.is(ownerAt(rig, now - 30_000), 'first');
  t.is(ownerAt(rig, now - 5_000), '');
});

test('a pod that may have ended without notice is named when that is sure', async t => {
  const rig = await ClusterRig.open(t, server => {
    server.put('pods', podObject('job', { addresses, restartPolicy: 'Never' }));
  });
  await rig.synced();
  const young = flow(ADDRESS, OUTSIDE, Date.now() + 300);
  t.is(rig.see(young)[0], '', 'just started');
  t.is(ownerAt(rig, Date.now() - 5_000), 'job');
  await eventually('it is named', () => rig.answer(young.sourcePort!)[0] === 'job');
  const finished = Date.now() + 600;
  const late = flow(ADDRESS, OUTSIDE, finished + 2_000);
  rig.see(late);
  await changed(rig, () =>
    rig.server.put('pods', podObject('job', { addresses, restartPolicy: 'Never', phase: 'Failed', finished })),
  );
  await changed(rig, () => rig.server.put('pods', podObject('next', { addresses, started: finished - 1_000 })));
  await eventually('the next one is named', () => rig.answer(late.sourcePort!)[0] === 'next');
  t.is(rig.answer(young.sourcePort!)[0], 'job');
});

test('a flow of the last moments of a pod is not named before it is known who has the address next', async t => {
  const rig = await ClusterRig.open(t, server => server.put('pods', podObject('first', { addresses })));
  await rig.synced();
  const now = Date.now();
  const ending = { addresses, deleted: now, finished: now + 40_000 };
  await changed(rig, () => rig.server.put('pods', podObject('first', ending)));
  const late = flow(ADDRESS, OUTSIDE, now + 30_000);
  t.is(rig.see(late)[0], '');
  t.is(ownerAt(rig, now - 10_000), 'first');
  await changed(rig, () => rig.server.put('pods', podObject('second', { addresses, started: now + 20_000 })));
  t.is(ownerAt(rig, now + 30_000), '', 'both may have had it');
});

test('an answer that turns out wrong is taken back', async t => {
  const rig = await ClusterRig.open(t, server => {
    server.put('nodes', nodeObject('worker-1', ['192.0.2.11'], ['10.1.1.0/24']));
    server.put('pods', podObject('first', { addresses }));
  });
  await rig.synced();
  const [before, after] = [flow(ADDRESS, OUTSIDE, Date.now() - 60_000), flow(ADDRESS, OUTSIDE, Date.now() - 10_000)];
  t.is(rig.see(before)[0], 'first');
  t.is(rig.see(after)[0], 'first');
  // it ended while the server could not say so
  const gone = podObject('first', { addresses, phase: 'Failed', finished: Date.now() - 30_000 });
  rig.server.put('pods', gone);
  rig.server.put('pods', podObject('second', { addresses, started: Date.now() - 20_000 }));
  await eventually('the second is named', () => rig.answer(after.sourcePort!)[0] === 'second');
  t.is(rig.answer(before.sourcePort!)[0], 'first');
  t.is(rig.inventory.stats().corrected, 1);
});

test('a pod whose addresses change has the new ones from then on', async t => {
  const rig = await ClusterRig.open(t, server => server.put('pods', podObject('web-0', { addresses: ['10.1.1.4'] })));
  await rig.synced();
  const then = Date.now();
  await changed(rig, () => rig.server.put('pods', podObject('web-0', { addresses })));
  t.is(ownerAt(rig, then - 10_000), '');
  t.is(ownerAt(rig, Date.now() + 1_000), 'web-0');
  t.is(rig.see(flow('10.1.1.4', OUTSIDE, then - 10_000))[0], 'web-0');
  t.is(rig.see(flow('10.1.1.4', OUTSIDE, Date.now() + 1_000))[0], '');
  t.is(rig.inventory.stats().pods, 1);
});
