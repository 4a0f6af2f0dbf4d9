/** Ten thousand records and more, as packets on the wire, through the strictest reader. */
import test from 'ava';
import { rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Capture } from '../../helpers/kernel/capture.js';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { settledConnections } from '../../helpers/kernel/conntrack-list.js';
import { eventually } from '../../helpers/eventually.js';
import { collect, PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { readCapture } from '../../helpers/oracles/tshark.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { byConnection, compareStandard } from '../compare.js';

const FLOWS = 1000;
const ENTRIES = 4200; // each is told when it is new, and at the end
const SHORTEST = 100; // octets of a record

/** Lines for `conntrack -R`: entries of several kinds without traffic. */
function entries(): string {
  return Array.from({ length: ENTRIES }, (_, index) => {
    const port = 10_000 + index;
    const times = '-t 3600';
    switch (index % 4) {
      case 0:
        return `-I -p udp -s 192.0.2.1 -d 192.0.2.2 --sport ${port} --dport 53 ${times}`;
      case 1:
        return `-I -p udp -s 192.0.2.1 -d 192.0.2.2 --sport ${port} --dport 53 ${times} --dst-nat 192.0.2.3:5353`;
      case 2:
        return `-I -p udp -s 2001:db8::1 -d 2001:db8::2 --sport ${port} --dport 53 ${times}`;
      default:
        return `-I -p udp -s 192.0.2.1 -d 192.0.2.2 --sport ${port} --dport 53 ${times} -w ${index % 100}`;
    }
  }).join('\n');
}

/** Until nothing is added to the capture for a second. dumpcap drops what it has not written yet when it is told to stop. */
async function atRest(file: string, least: number): Promise<void> {
  let before = -1;
  let same = 0;
  await eventually('everything is in the file', async () => {
    const { size } = await stat(file);
    same = size === before ? same + 1 : 0;
    before = size;
    await sleep(250);
    return same >= 4 && size >= least;
  });
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', 'tshark', 'dumpcap', ...wanted])(
    `${backend}: tshark finds nothing malformed and nothing unknown in 10,000 records`,
    async t => {
      const file = join(tmpdir(), `ctflow-scale-${process.pid}-${backend}.pcapng`);
      const bulk = `${file}.entries`;
      t.teardown(() => Promise.all([rm(file, { force: true }), rm(bulk, { force: true })]));
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      const traffic = new Traffic(namespace);
      await Capture.udp(traffic, 4739); // somebody is there; what its socket drops does not matter
      const dumpcap = namespace.spawn('dumpcap', ['-q', '-i', 'lo', '-f', 'udp port 4739', '-B', '64', '-w', file]);
      let said = '';
      dumpcap.stderr.on('data', chunk => (said += chunk));
      const captured = collect(dumpcap, { timeout: 300_000 });
      await eventually('dumpcap captures', () => said.includes('File:'));
      // a capture on the sending host shows what the kernel has not segmented yet
      const flags = '--zero-delta-records --udp-segmentation off';
      const exporter = await startExporter(namespace, backend, ['udp://127.0.0.1:4739'], flags);
      await writeFile(bulk, entries());
      await namespace.run('conntrack', ['-R', bulk]);
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
      await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: FLOWS, size: 64 });
      const listed = await settledConnections(namespace);
      t.is(listed.length, FLOWS + ENTRIES);
      await atRest(file, listed.length * SHORTEST); // each was told as new: told at the end only, it would have one record
      t.is((await exporter.stop()).code, 0);
      await atRest(file, 2 * listed.length * SHORTEST);
      dumpcap.kill('SIGINT');
      t.regex((await captured).stderr, /Packets received\/dropped on interface.*: \d+\/0 /);
      const { records, complaints, unknown, largest } = await readCapture(file);
      t.deepEqual(complaints, []);
      t.deepEqual(unknown, []);
      t.true(largest <= 512, `a packet of ${largest} octets`);
      const flows = byConnection(records);
      t.true([...flows.values()].flat().length >= 10_000);
      const { recordsExported } = exporter.log().at(-1) as { recordsExported: number };
      t.is([...flows.values()].flat().length, recordsExported);
      compareStandard(t, records, listed, backend);
    },
  );
}
