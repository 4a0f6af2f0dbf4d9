import test from 'ava';
import { FROM_EXTERNAL, INTER_NODE, INTRA_NODE, TO_EXTERNAL } from '../../../src/inventory/enrichment.js';
import { eventually } from '../../helpers/eventually.js';
import type { ApiServer } from '../../helpers/kubernetes/api-server.js';
import { nodeObject, podObject, serviceObject, sliceObject } from '../../helpers/kubernetes/objects.js';
import { ClusterRig, flow } from '../../helpers/rigs/cluster-rig.js';

const NOBODY = ['', '', ''];
const WEB = ['web-0', 'shop', 'worker-1'];
const DB = ['db-0', 'data', 'worker-2'];
const db = podObject('db-0', { namespace: 'data', node: 'worker-2', addresses: ['10.1.2.5', 'fd00:1:2::5'] });

function fill(server: ApiServer): void {
  server.put('nodes', nodeObject('worker-1', ['192.0.2.11'], ['10.1.1.0/24', 'fd00:1:1::/64']));
  server.put('nodes', nodeObject('worker-2', ['192.0.2.12'], ['10.1.2.0/24', 'fd00:1:2::/64']));
  server.put('pods', podObject('web-0', { addresses: ['10.1.1.5', 'fd00:1:1::5'] }));
  server.put('pods', podObject('web-1', { addresses: ['10.1.1.6'] }));
  server.put('pods', db);
  server.put('pods', podObject('proxy', { hostNetwork: true, addresses: ['192.0.2.11'] }));
  server.put('pods', podObject('done', { phase: 'Succeeded', restartPolicy: 'Never', addresses: ['10.1.1.9'] }));
  server.put('pods', podObject('pending', { phase: 'Pending' }));
  server.put(
    'services',
    serviceObject('db', ['10.96.0.10', 'fd00:96::10'], [{ name: 'sql', port: 5432, nodePort: 30_432 }], {
      externalIPs: ['198.51.100.7'],
      balancers: ['203.0.113.80'],
    }),
  );
  server.put(
    'services',
    serviceObject(
      'dns',
      ['10.96.0.53'],
      [
        { port: 5432, protocol: 'UDP' },
        { name: 'tcp', port: 53 },
      ],
    ),
  );
  server.put('services', serviceObject('quiet', ['None'], [{ name: 'raw', port: 7_000 }]));
  server.put('endpoints', sliceObject('quiet', [db], [{ name: 'raw', port: 7_001 }]));
  server.put('endpoints', sliceObject('one', [db], [{ name: 'a', port: 7_002 }]));
  server.put('endpoints', sliceObject('two', [db], [{ name: 'b', port: 7_002 }]));
}

test('pods, nodes and services of the API are names of flows', async t => {
  const rig = await ClusterRig.open(t, fill);
  await rig.synced();
  const see = (...of: Parameters<typeof flow>): unknown => rig.see(flow(...of));
  t.deepEqual(see('10.1.1.5', '10.1.1.6'), [...WEB, 'web-1', 'shop', 'worker-1', '', INTRA_NODE]);
  t.deepEqual(see('fd00:1:1::5', 'fd00:1:2::5'), [...WEB, ...DB, '', INTER_NODE]);
  t.deepEqual(see('10.1.1.5', '203.0.113.9'), [...WEB, ...NOBODY, '', TO_EXTERNAL]);
  t.deepEqual(see('203.0.113.9', '10.1.2.5'), [...NOBODY, ...DB, '', FROM_EXTERNAL]);
  t.deepEqual(see('10.1.1.5', '192.0.2.12'), [...WEB, '', '', 'worker-2', '', TO_EXTERNAL]);
  t.deepEqual(see('127.0.0.1', '127.0.0.53'), ['', '', 'worker-1', '', '', 'worker-1', '', 0]);
  t.deepEqual(see('10.1.1.5', '10.1.2.77'), [...WEB, '', '', 'worker-2', '', INTER_NODE], 'a pod that is not known');
});

test('pods that share the address of their node, have finished, or have no address are not named', async t => {
  const rig = await ClusterRig.open(t, fill);
  await rig.synced();
  t.deepEqual(rig.see(flow('192.0.2.11', '10.1.1.9')), ['', '', 'worker-1', '', '', 'worker-1', '', FROM_EXTERNAL]);
  t.is(rig.inventory.stats().pods, 3);
});

test('a service port has its name at each address of the service, and on each node', async t => {
  const rig = await ClusterRig.open(t, fill);
  await rig.synced();
  const port = (destination: string, destinationPort = 5432, more = {}): unknown => {
    const replySource = destination.includes(':') ? 'fd00:1:2::5' : '10.1.2.5';
    const source = destination.includes(':') ? 'fd00:1:1::5' : '10.1.1.5';
    return rig.see(flow(source, destination, undefined, { destinationPort, replySource, ...more }))[6];
  };
  for (const address of ['10.96.0.10', 'fd00:96::10', '198.51.100.7', '203.0.113.80'])
    t.is(port(address), 'shop/db:sql', address);
  t.is(port('192.0.2.12', 30_432), 'shop/db:sql');
  t.is(port('10.1.1.6', 30_432), '', 'only nodes have node ports');
  t.is(port('10.96.0.53', 5432), '', 'the port is of UDP');
  t.is(port('10.96.0.53', 53), 'shop/dns:tcp');
  const udp = { protocol: 17, state: undefined };
  t.is(port('10.96.0.53', 5432, udp), 'shop/dns');
});

test('the port of a pod has the name of the one service that it stands behind', async t => {
  const rig = await ClusterRig.open(t, fill);
  await rig.synced();
  const port = (destinationPort: number): unknown =>
    rig.see(flow('10.1.1.5', '10.1.2.5', undefined, { destinationPort }))[6];
  t.is(port(7_001), 'shop/quiet:raw');
  t.is(port(7_002), '', 'it stands behind two');
  t.is(port(7_003), '');
});

test('a service that is younger than a flow does not name it', async t => {
  const rig = await ClusterRig.open(t, fill);
  await rig.synced();
  const old = flow('10.1.1.5', '10.96.0.99', Date.now() - 60_000);
  t.is(rig.see(old)[6], '');
  const before = rig.inventory.stats().changes;
  rig.server.put(
    'services',
    serviceObject('new', ['10.96.0.99'], [{ name: 'x', port: 5432 }], { created: Date.now() - 5_000 }),
  );
  await rig.caughtUp(before + 1);
  t.is(rig.see(flow('10.1.1.5', '10.96.0.99', Date.now() - 1_000))[6], 'shop/new:x');
  t.is(rig.answer(old.sourcePort!)[6], '');
  rig.server.remove('services', 'uid-new');
  await rig.caughtUp(before + 2);
  t.is(rig.see(flow('10.1.1.5', '10.96.0.99', Date.now() - 1_000))[6], 'shop/new:x', 'it was there then');
  t.is(rig.see(flow('10.1.1.5', '10.96.0.99', Date.now() + 50_000))[6], '', 'it is no more');
});

test('the name of a service that had gone before the flow started is taken back', async t => {
  const rig = await ClusterRig.open(t, fill);
  await rig.synced();
  const [at, on] = ['10.96.0.10', '192.0.2.12'].map((destination, i) =>
    flow('10.1.1.5', destination, Date.now() + 50_000, { destinationPort: [5432, 30_432][i], replySource: '10.1.2.5' }),
  );
  const before = flow('10.1.1.5', '10.96.0.10', Date.now() - 10_000, { replySource: '10.1.2.5' });
  rig.wall = Date.now() + 60_000;
  rig.poll([before, at, on]);
  for (const { sourcePort } of [before, at, on]) t.is(rig.answer(sourcePort!)[6], 'shop/db:sql');
  rig.server.remove('services', 'uid-db');
  const next = serviceObject('next', ['10.96.0.10'], [{ name: 'sql', port: 5432 }], { created: Date.now() - 1_000 });
  rig.server.put('services', next);
  await eventually('the next one is named', () => rig.answer(at.sourcePort!)[6] === 'shop/next:sql');
  t.is(rig.answer(on.sourcePort!)[6], '');
  t.is(rig.answer(before.sourcePort!)[6], 'shop/db:sql');
  t.is(rig.inventory.stats().corrected, 2);
});

test("only this node's pods are read where it is asked for; of others the node is known", async t => {
  const rig = await ClusterRig.open(t, fill, { pods: 'node' });
  await rig.synced();
  t.deepEqual(rig.see(flow('10.1.1.5', '10.1.2.5')), [...WEB, '', '', 'worker-2', '', INTER_NODE]);
  t.is(rig.inventory.stats().pods, 2);
  t.regex(rig.server.requestsOf('pods', false)[0].query.get('fieldSelector')!, /spec\.nodeName=worker-1/);
});

test('prefixes of pods may be given, and nothing counts as outside where they are not known', async t => {
  const bare = (server: ApiServer): void => {
    server.put('nodes', nodeObject('worker-1', ['192.0.2.11']));
    server.put('pods', podObject('web-0', { addresses: ['10.1.1.5'] }));
  };
  const unknown = await ClusterRig.open(t, bare);
  await unknown.synced();
  t.is(unknown.see(flow('10.1.1.5', '203.0.113.9'))[7], 0);
  const given = await ClusterRig.open(t, bare, { podPrefixes: ['10.1.0.0/16'] });
  await given.synced();
  t.is(given.see(flow('10.1.1.5', '203.0.113.9'))[7], TO_EXTERNAL);
  t.is(given.see(flow('10.1.1.5', '10.1.9.9'))[7], 0, 'a pod that nobody knows');
});

test('flows that were there before are named when the cluster is known', async t => {
  const rig = await ClusterRig.open(t, server => {
    fill(server);
    server.fault = () => ({ status: 503 });
  });
  const early = flow('10.1.1.5', '10.1.2.5');
  t.deepEqual(rig.see(early), [...NOBODY, ...NOBODY, '', 0]);
  rig.server.fault = () => undefined;
  await eventually('the flow has names', () => rig.answer(early.sourcePort!)[0] !== '');
  await eventually('all is known', () => rig.answer(early.sourcePort!)[7] !== 0);
  t.deepEqual(rig.answer(early.sourcePort!), [...WEB, ...DB, '', INTER_NODE]);
});
