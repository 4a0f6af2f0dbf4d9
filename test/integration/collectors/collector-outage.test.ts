/** An exporter outlives its collectors: what was counted meanwhile is told later. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { BACKENDS, startExporter, type BackendName } from '../../helpers/kernel/command.js';
import { listConnections, settledConnections } from '../../helpers/kernel/conntrack-list.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { readWithPython } from '../../helpers/oracles/python-ipfix.js';
import type { OracleRecord } from '../../helpers/oracles/record.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { byConnection, checkDeltas, COUNTERS } from '../compare.js';
import { expectedStandard, keyOf } from './expected.js';

async function begin(t: ExecutionContext, backend: BackendName, collector: string) {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  const flags = '--reconnect-interval 200ms --template-refresh-interval 1s --zero-delta-records';
  const exporter = await startExporter(namespace, backend, [collector], flags);
  const traffic = new Traffic(namespace);
  await traffic.do('udpListen', { host: '127.0.0.1', port: 6000, answer: 55 });
  /** Some packets on one connection, the same one each time. */
  const talk = (packets: number) =>
    traffic.do('udpSend', { host: '127.0.0.1', port: 6000, from: 6001, packets, size: 20 + packets, answered: true });
  return { namespace, exporter, talk };
}

/** Waits until a capture holds records of the one connection with these packets. */
async function told(capture: Capture, packets: number): Promise<OracleRecord[]> {
  return eventually(`a record with ${packets} packets`, async () => {
    const records = await readWithPython(Buffer.concat(await capture.parts()));
    return records.some(({ packetTotalCount }) => packetTotalCount === String(packets)) && records;
  });
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  const rigged = needs(test.serial, ['namespace', 'conntrack', 'python3-ipfix', ...wanted]);

  rigged(`${backend}: a UDP collector that starts late receives the templates and every total`, async t => {
    const { namespace, exporter, talk } = await begin(t, backend, 'udp://127.0.0.1:4739');
    await talk(3);
    await sleep(1000); // several exports that nobody takes
    t.true(exporter.running);
    const capture = await Capture.udp(new Traffic(namespace), 4739);
    // templates go out again with the first record that is sent a second after they last did
    await eventually('a record that can be read', async () => {
      await talk(4);
      return (await readWithPython(Buffer.concat(await capture.parts()))).length > 0;
    });
    const listed = await settledConnections(namespace);
    t.is((await exporter.stop()).code, 0);
    const records = await readWithPython(Buffer.concat(await capture.everything()));
    const expected = expectedStandard(listed[0], backend);
    const last = byConnection(records).get(keyOf(expected))!.at(-1)!;
    for (const [, total] of COUNTERS) t.is(last[total], expected[total]);
    t.is(last['flowEndReason'], '4');
  });

  rigged(`${backend}: a TCP collector that was down at the start receives everything once`, async t => {
    const { namespace, exporter, talk } = await begin(t, backend, 'tcp://127.0.0.1:4739');
    await talk(3);
    await eventually('the exporter says so', () => exporter.messages().includes('collector unreachable'));
    t.true(exporter.running);
    const capture = await Capture.tcp(new Traffic(namespace), 4739);
    await told(capture, 3);
    await talk(5);
    await told(capture, 8);
    const listed = await settledConnections(namespace);
    t.is((await exporter.stop()).code, 0);
    const streams = await capture.everything();
    t.is(streams.length, 1);
    const flows = byConnection(await readWithPython(streams[0]));
    const reported = flows.get(keyOf(expectedStandard(listed[0], backend)))!;
    checkDeltas(t, reported);
    t.is(reported.at(-1)!['packetTotalCount'], '8');
  });

  rigged(
    `${backend}: a TCP collector that went away gets a new session, from sequence 0 with its templates`,
    async t => {
      const { namespace, exporter, talk } = await begin(t, backend, 'tcp://127.0.0.1:4739');
      const host = new Traffic(namespace);
      const before = await Capture.tcp(host, 4739);
      await talk(3);
      await told(before, 3);
      const [early] = await before.parts();
      await host.end();
      await eventually('the exporter says so', () => exporter.messages().includes('lost'));
      await talk(2);
      const after = await Capture.tcp(new Traffic(namespace), 4739);
      await told(after, 5);
      t.is((await exporter.stop()).code, 0);
      const [late] = await after.everything();
      for (const stream of [early, late]) {
        t.is(stream.readUInt32BE(8), 0, 'sequence number');
        t.true([2, 3].includes(stream.readUInt16BE(16)), 'a template comes first');
      }
      const records = [...(await readWithPython(early)), ...(await readWithPython(late))];
      const [listed] = await listConnections(namespace);
      const reported = byConnection(records).get(keyOf(expectedStandard(listed, backend)))!;
      checkDeltas(t, reported);
      t.is(reported.at(-1)!['packetTotalCount'], '5');
    },
  );
}
