import { setTimeout as sleep } from 'node:timers/promises';
import { Collector } from '../../../src/collector/collector.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { perBackend } from '../../helpers/backends.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { eventually } from '../../helpers/eventually.js';
import { FakeSource } from '../../helpers/fakes/fake-source.js';
import { ChangingCluster } from '../../helpers/kubernetes/changing-cluster.js';
import {
  compareNames,
  compareWorkloads,
  WORKLOAD_FIELDS,
  WORKLOAD_LABELS,
} from '../../helpers/kubernetes/compare-names.js';
import { openCluster } from '../../helpers/rigs/cluster-rig.js';
import { exporterRig } from '../../helpers/rigs/exporter-rig.js';

const TICK_MS = 20;
const TICKS = 200;
/** Of a tick, in which what was changed becomes known, too: more than 100 a second where the machine has nothing else to do. */
const CHANGES = 3;
/** Connections at a time; the oldest end. */
const FLOWS = 200;
/** The observation domain of the records with workloads. */
const LIST = 2;

perBackend(
  'names, workloads and labels in exported records are those of the API while pods and services come, go and reuse addresses',
  async (t, backend) => {
    const { server, inventory } = await openCluster(t, undefined, { labels: WORKLOAD_LABELS });
    const records: CollectedRecord[] = [];
    const collector = new Collector({
      listen: [{ protocol: 'tcp', host: QUIET_HOST, port: 0 }],
      onRecord: record => void (record.isOptions || records.push(record)),
    });
    t.teardown(() => collector.close());
    const cluster = new ChangingCluster(server, true);
    await eventually('all has been read and is watched', () => inventory.stats().watched === 4);
    const source = new FakeSource([{ connections: cluster.flows }]);
    const [endpoint] = await collector.open();
    const { exporter } = exporterRig(t, backend, source, [endpoint, endpoint], {
      kubernetes: inventory,
      destination: { activeFlowExportTimeout: 500 },
      each: [{ profile: 'antrea' }, { name: 'list', fields: WORKLOAD_FIELDS, observationDomain: LIST }],
    });
    await exporter.open();
    const began = performance.now();
    for (let tick = 0; tick < TICKS; tick++) {
      const caughtUp = async (): Promise<void> => {
        await sleep(TICK_MS);
        await eventually('the changes are known', () => inventory.stats().changes >= cluster.announced);
      };
      await cluster.round(CHANGES, async () => {}, caughtUp);
      cluster.goOn(FLOWS);
    }
    const ended = performance.now();
    // what was put off has its name by then
    await sleep(2_500);
    await exporter.close();
    await collector.close(1_000);

    t.is(records.length, exporter.stats().recordsExported);
    const [named, listed] = [1, LIST].map(domain => records.filter(one => one.observationDomain === domain));
    const { wrong, counts } = compareNames(named, cluster);
    t.deepEqual(wrong, []);
    const workloads = compareWorkloads(listed, cluster);
    t.deepEqual(workloads.wrong, []);
    const rate = Math.round((cluster.changes / (ended - began)) * 1_000);
    t.log(`${rate} changes a second, ${inventory.stats().corrected} taken back: ${JSON.stringify(counts)}`);
    t.true(counts.pods > 200 && counts.services > 50 && counts.types > 0);
    t.log(JSON.stringify(workloads.counts));
    t.true(workloads.counts.workloads > 100 && workloads.counts.bare > 50 && workloads.counts.relabelled > 20);
  },
);
