/** Thousands of records that are due at once, to a collector whose socket has room for a few hundred; native segments bursts. */
import test, { type ExecutionContext } from 'ava';
import { BACKENDS, startExporter, type BackendName } from '../../helpers/kernel/command.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { Nfcapd } from '../../helpers/oracles/nfcapd.js';

const PORT = 4740;
const FLOWS = 3_000;
/** Records a second: the socket has room for those of 200 ms. */
const RATE = 4_000;
/** Milliseconds over which what a poll makes due is spread by default. */
const POLL_INTERVAL = 1_000;
const FLAGS = '--options-interval 0s --mtu 1400 --stats-interval 1s';
const HOUR = 3600;

/** @param exported waits until the flows have left, where they do not wait for the end */
async function takenWhole(
  t: ExecutionContext,
  backend: BackendName,
  flags: string,
  exported: (records: () => number) => Promise<unknown>,
): Promise<void> {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  const nfcapd = await Nfcapd.listen(namespace, PORT, HOUR, 0);
  const exporter = await startExporter(namespace, backend, [`udp://127.0.0.1:${PORT}`], `${FLAGS} ${flags}`);
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
  await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: FLOWS, size: 64 });
  await exported(() => Math.max(...exporter.log().map(line => Number(line['recordsExported'] ?? 0))));
  const begun = performance.now();
  t.is((await exporter.stop()).code, 0);
  const took = (performance.now() - begun) / 1000;
  const { flows, sequenceErrors, badPackets, records } = await nfcapd.stop();
  const { recordsExported, destinations } = exporter.log().at(-1) as {
    recordsExported: number;
    destinations: { udpSegmentation: boolean }[];
  };
  t.is(flows, recordsExported);
  t.is(records.filter(record => record['destinationTransportPort'] === String(port)).length, FLOWS);
  t.deepEqual([sequenceErrors, badPackets], [0, 0]);
  t.is(destinations[0].udpSegmentation, backend === 'native');
  if (flags.includes('--max-rate')) t.true(took >= (FLOWS / RATE) * 0.8, `${took} s`);
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  const rigged = needs(test.serial, ['namespace', 'nfcapd', 'nfdump', ...wanted]);
  rigged(`${backend}: nfcapd with a default buffer takes a burst whole that leaves at a rate`, t =>
    takenWhole(
      t,
      backend,
      `--active-flow-export-timeout 1h --max-rate ${RATE}`,
      async () => {}, // every flow is due at the end
    ),
  );

  rigged(`${backend}: nfcapd with a default buffer takes whole what one poll makes due and is spread by default`, t =>
    takenWhole(t, backend, `--flow-poll-interval ${POLL_INTERVAL}ms --active-flow-export-timeout 500ms`, records =>
      eventually('the flows to leave', () => records() >= FLOWS),
    ),
  );
}
