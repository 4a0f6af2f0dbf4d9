import test from 'ava';
import { Enrichment, TO_EXTERNAL } from '../../src/inventory/enrichment.js';
import { DeniedRig } from '../helpers/builders/denied.js';
import { lookupOf } from '../helpers/builders/inventory.js';

test('denied flows have names as connections have, at the first export and after an inventory update', async t => {
  const rig = new DeniedRig();
  const pods = [{ name: 'web-0', namespace: 'shop', addresses: ['10.1.1.5'] }];
  const ports = [{ port: 53, protocol: 'udp' }];
  const services = [{ name: 'dns', namespace: 'kube', addresses: ['198.51.100.1'], ports }];
  const enrichment = new Enrichment(rig.denied, lookupOf({ pods, podPrefixes: ['10.1.0.0/16'] }, rig.names), rig.names);
  const said = (): unknown[] => {
    const { names, types } = enrichment.extras;
    const name = (number: number): string =>
      Buffer.from(rig.names.bytes.subarray(rig.names.ends[number - 1] ?? 0, rig.names.ends[number])).toString();
    // the pod of the source, and the service port
    return [name(names![0]), name(names![6]), types![0]];
  };
  rig.logged({ protocol: 17, source: '10.1.1.5', sourcePort: 9, destinationPort: 53 });
  await rig.matched([]);
  t.is(rig.denied.counts.added, 1);
  t.deepEqual(said(), ['web-0', '', TO_EXTERNAL]);
  await enrichment.use({ lookup: lookupOf({ services }, rig.names) });
  t.deepEqual(said(), ['web-0', 'kube/dns', TO_EXTERNAL]);
});
