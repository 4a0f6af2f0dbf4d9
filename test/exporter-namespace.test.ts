import test from 'ava';
import { rmSync, symlinkSync } from 'node:fs';
import { FollowedSource } from '../src/sources/followed-source.js';
import { NamespaceWatch } from '../src/sources/namespace-watch.js';
import { backends } from './helpers/backends.js';
import { eventually } from './helpers/eventually.js';
import { flows, udpCollector } from './helpers/fakes/collector-socket.js';
import { FakeSource } from './helpers/fakes/fake-source.js';
import { needs } from './helpers/kernel/require.js';
import { exporterRig, facts, LATER } from './helpers/rigs/exporter-rig.js';
import { temporaryPath } from './helpers/temporary.js';

const PACKETS = 10;

needs(test, ['linux'])('an exporter that is closed while it leaves its namespace counts nothing twice', async t => {
  const link = temporaryPath(t, 'netns');
  symlinkSync('/proc/self/ns/net', link);
  const collector = await udpCollector(t);
  const kernel = new FakeSource([{ connections: [facts(1, PACKETS, LATER)] }]);
  const source = new FollowedSource(() => kernel);
  const enter = (): never => {
    throw new Error('nothing has the name');
  };
  const { exporter, lines } = exporterRig(t, backends()[0], source, [collector.endpoint], {
    namespace: { watch: new NamespaceWatch(link), source, enter },
    flowPollInterval: 3_600_000,
  });
  await exporter.open();
  await eventually('a record', () => flows(collector).length > 0);
  // the poll that would follow the last one of the namespace has its rows when all connections have ended
  kernel.pause = () => new Promise(resolve => setTimeout(resolve, 100));
  rmSync(link);
  await eventually('it is left', () => lines.some(({ msg }) => String(msg).includes('namespace was deleted')));
  await exporter.close();
  const sum = flows(collector).reduce((packets, record) => packets + Number(record.get('packetDeltaCount')), 0);
  t.is(sum, PACKETS);
  t.is(exporter.stats().store.added, 1);
});
