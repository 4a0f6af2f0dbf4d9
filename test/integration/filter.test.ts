/** `--filter` on the real kernel: what is exported, and what is counted as left out, are together what the kernel has counted. */
import test from 'ava';
import { Decoder } from '../helpers/builders/wire.js';
import { Capture } from '../helpers/kernel/capture.js';
import { BACKENDS, ctflow, startExporter } from '../helpers/kernel/command.js';
import { settledConnections, type ListedConnection } from '../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';

const COLLECTOR = 4739;
const FILTER = 'protocol==udp&&bytes>=1000';

const octetsOf = ({ original, reply }: ListedConnection): number => Number(original.bytes) + Number(reply.bytes);
const isWanted = (one: ListedConnection): boolean => one.protocol === 17 && octetsOf(one) >= 1000;

for (const { name, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', ...wanted])(
    `${name}: the octets of a destination with a filter are the kernel's`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      const traffic = new Traffic(namespace);
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1', answer: 0 });
      const collector = await Capture.udp(traffic, COLLECTOR);
      const exporter = await startExporter(namespace, name, [`udp://127.0.0.1:${COLLECTOR}`], `--filter ${FILTER}`);
      const send = (from: number, packets: number): Promise<unknown> =>
        traffic.do('udpSend', { host: '127.0.0.1', port, from, packets, size: 100, answered: false });
      for (let i = 0; i < 10; i++) await send(6000 + i, i % 2 === 0 ? 2 : 10);
      // these are hidden first, and what they count until then belongs into their first record
      await new Promise(resolve => setTimeout(resolve, 1_000));
      for (let i = 0; i < 4; i += 2) await send(6000 + i, 9);
      const listed = await settledConnections(namespace);
      const dump = await ctflow(namespace, ['dump', '--backend', name, '--filter', FILTER, '--format', 'json']);
      const { code, stderr } = await exporter.stop();
      t.is(code, 0, stderr);

      const kernel = listed.filter(isWanted).map(one => [Number(one.original.sport), octetsOf(one)]);
      t.is(kernel.length, 7);
      t.is(dump.stdout.trimEnd().split('\n').length, kernel.length);
      const exported = new Map<number, number>();
      const messages = await collector.everything();
      for (const record of new Decoder().decode(messages.map(bytes => ({ bytes })))) {
        if (record.isOptions) continue;
        const source = Number(record.get('sourceTransportPort'));
        const octets = ['octetDeltaCount', 'reverseOctetDeltaCount'].map(element => Number(record.get(element) ?? 0));
        exported.set(source, (exported.get(source) ?? 0) + octets[0] + octets[1]);
      }
      t.deepEqual(
        [...exported].toSorted(([a], [b]) => a - b),
        kernel.toSorted(([a], [b]) => a - b),
      );

      const { destinations } = exporter.log().at(-1) as { destinations: { filtered: Record<string, number> }[] };
      const others = listed.filter(one => !isWanted(one));
      t.is(destinations[0].filtered['connections'], others.length);
      t.is(
        destinations[0].filtered['octets'],
        others.reduce((sum, one) => sum + octetsOf(one), 0),
      );
    },
  );
}
