import { setTimeout as sleep } from 'node:timers/promises';
import { Collector } from '../../../src/collector/collector.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { INTER_NODE, INTRA_NODE } from '../../../src/inventory/enrichment.js';
import { perBackend } from '../../helpers/backends.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { eventually } from '../../helpers/eventually.js';
import { FakeSource } from '../../helpers/fakes/fake-source.js';
import { ChangingCluster } from '../../helpers/kubernetes/changing-cluster.js';
import { openCluster } from '../../helpers/rigs/cluster-rig.js';
import { exporterRig } from '../../helpers/rigs/exporter-rig.js';

const TICK_MS = 20;
const TICKS = 200;
/** Of a tick, in which what was changed becomes known, too: more than 100 a second where the machine has nothing else to do. */
const CHANGES = 3;
/** Connections at a time; the oldest end. */
const FLOWS = 200;
const OF_END = ['PodName', 'PodNamespace', 'NodeName'];

perBackend(
  'names in exported records are those of the API while pods and services come, go and reuse addresses',
  async (t, backend) => {
    const { server, inventory } = await openCluster(t);
    const records: CollectedRecord[] = [];
    const collector = new Collector({
      listen: [{ protocol: 'tcp', host: QUIET_HOST, port: 0 }],
      onRecord: record => void (record.isOptions || records.push(record)),
    });
    t.teardown(() => collector.close());
    const cluster = new ChangingCluster(server);
    await eventually('all has been read and is watched', () => inventory.stats().watched === 4);
    const source = new FakeSource([{ connections: cluster.flows }]);
    const { exporter } = exporterRig(t, backend, source, await collector.open(), {
      kubernetes: inventory,
      destination: { profile: 'antrea', activeFlowExportTimeout: 500 },
    });
    await exporter.open();
    const began = performance.now();
    for (let tick = 0; tick < TICKS; tick++) {
      await cluster.round(CHANGES, async () => {
        await sleep(TICK_MS);
        await eventually('the changes are known', () => inventory.stats().changes >= cluster.announced);
      });
      cluster.goOn(FLOWS);
    }
    const ended = performance.now();
    // what was put off has its name by then
    await sleep(2_500);
    await exporter.close();
    await collector.close(1_000);

    const counts = { records: 0, heldUp: 0, pods: 0, unnamedPods: 0, services: 0, unnamedServices: 0, types: 0 };
    t.is(records.length, exporter.stats().recordsExported);
    for (const record of records) {
      counts.records++;
      const text = (name: string): string => String(record.get(name));
      const flow = cluster.flow(Number(record.get('sourceTransportPort')));
      if (!flow) {
        counts.heldUp++;
        continue;
      }
      const { start, serviceAddress } = flow;
      const ends = [
        ['source', text('sourceIPv4Address')],
        ['destination', text('destinationIPv4Address')],
      ];
      const nodes: string[] = [];
      for (const [side, address] of ends) {
        const [name, namespace, node] = OF_END.map(field => text(side + field));
        const owner = cluster.podAt(address, start);
        const where = `${side} ${address} of a flow that started at ${start}`;
        if (name === '') {
          if (owner) counts.unnamedPods++;
          t.is(namespace, '', where);
        } else {
          counts.pods++;
          t.deepEqual([name, namespace], [owner?.name, owner?.namespace], where);
        }
        if (node !== '') t.is(node, cluster.nodeOf(address), where);
        if (address.startsWith('10.1.')) nodes.push(cluster.nodeOf(address));
      }
      const type = Number(record.get('flowType'));
      if (type !== 0 && nodes.length === 2) {
        counts.types++;
        t.is(type, nodes[0] === nodes[1] ? INTRA_NODE : INTER_NODE);
      }
      const ports = cluster.servicePortsOf(flow);
      const port = text('destinationServicePortName');
      if (port !== '') {
        counts.services++;
        t.true(ports.includes(port), `${port} is none of ${ports.join(' ')} at ${serviceAddress}`);
      } else if (ports.length > 0) counts.unnamedServices++;
    }
    const rate = Math.round((cluster.changes / (ended - began)) * 1_000);
    t.log(`${rate} changes a second, ${inventory.stats().corrected} taken back: ${JSON.stringify(counts)}`);
    t.true(counts.pods > 200 && counts.services > 50 && counts.types > 0);
  },
);
