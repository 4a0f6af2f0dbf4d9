/** Thousands of records that are due at once, to a collector whose socket has room for a few hundred. */
import test from 'ava';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { Nfcapd } from '../../helpers/oracles/nfcapd.js';

const PORT = 4740;
const FLOWS = 3_000;
/** Records a second: the socket has room for those of 200 ms. */
const RATE = 4_000;
const FLAGS = `--options-interval 0s --active-flow-export-timeout 1h --mtu 1400 --max-rate ${RATE}`;
const HOUR = 3600;

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'nfcapd', 'nfdump', ...wanted])(
    `${backend}: nfcapd with a default buffer takes a burst whole that leaves at a rate`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      const nfcapd = await Nfcapd.listen(namespace, PORT, HOUR, 0);
      const exporter = await startExporter(namespace, backend, [`udp://127.0.0.1:${PORT}`], FLAGS);
      const traffic = new Traffic(namespace);
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
      await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: FLOWS, size: 64 });
      const begun = performance.now();
      t.is((await exporter.stop()).code, 0); // every flow is due at the end
      const took = (performance.now() - begun) / 1000;
      t.true(took >= (FLOWS / RATE) * 0.8, `${took} s`);
      const { flows, sequenceErrors, badPackets, records } = await nfcapd.stop();
      const { recordsExported } = exporter.log().at(-1) as { recordsExported: number };
      t.is(flows, recordsExported);
      t.is(records.filter(record => record['destinationTransportPort'] === String(port)).length, FLOWS);
      t.deepEqual([sequenceErrors, badPackets], [0, 0]);
    },
  );
}
