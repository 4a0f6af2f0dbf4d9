import test from 'ava';
import { Batch } from '../../src/row/batch.js';
import { Enrichment, TO_EXTERNAL } from '../../src/inventory/enrichment.js';
import { SERVICE } from '../../src/ipfix/shape.js';
import { FLOW_TYPE, RECORD_SIZE, SERVICE_PORT_NAME, SOURCE_POD_NAME } from '../../src/row/layout.generated.js';
import { DeniedRig } from '../helpers/builders/denied.js';
import { inventoryOf } from '../helpers/builders/inventory.js';

test('denied flows have names as connections have, at the first export and after an inventory update', async t => {
  const rig = new DeniedRig();
  const pods = [{ name: 'web-0', namespace: 'shop', addresses: ['10.1.1.5'] }];
  const ports = [{ port: 53, protocol: 'udp' }];
  const services = [{ name: 'dns', namespace: 'kube', addresses: ['198.51.100.1'], ports }];
  const enrichment = new Enrichment(rig.denied, inventoryOf({ pods, podPrefixes: ['10.1.0.0/16'] }), rig.names);
  const said = (): unknown[] => {
    const batch = new Batch(1, RECORD_SIZE);
    enrichment.write(0, batch, 0);
    const name = (offset: number): string => {
      const number = batch.u32[offset >> 2];
      return Buffer.from(rig.names.bytes.subarray(rig.names.ends[number - 1] ?? 0, rig.names.ends[number])).toString();
    };
    return [name(SOURCE_POD_NAME), name(SERVICE_PORT_NAME), batch.bytes[FLOW_TYPE], enrichment.shapeOf(0)];
  };
  rig.logged({ protocol: 17, source: '10.1.1.5', sourcePort: 9, destinationPort: 53 });
  await rig.matched([]);
  t.is(rig.denied.counts.added, 1);
  t.deepEqual(said(), ['web-0', '', TO_EXTERNAL, 0]);
  await enrichment.use(inventoryOf({ services }));
  t.deepEqual(said(), ['web-0', 'kube/dns', TO_EXTERNAL, SERVICE]);
});
