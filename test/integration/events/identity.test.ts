/** On the real kernel: what is one connection and what is two (flow semantics that exporters get wrong). */
import test from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { settledConnections } from '../../helpers/kernel/conntrack-list.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { readWithPython } from '../../helpers/oracles/python-ipfix.js';
import type { OracleRecord } from '../../helpers/oracles/record.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { checkDeltas } from '../compare.js';
import { expectedStandard } from '../collectors/expected.js';

/** The records of each flowId, in the order in which the flows were first told. */
function byFlowId(records: readonly OracleRecord[]): OracleRecord[][] {
  const flows = new Map<string, OracleRecord[]>();
  for (const record of records) {
    const { flowId } = record;
    if (flowId) flows.set(flowId, [...(flows.get(flowId) ?? []), record]);
  }
  return [...flows.values()];
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  const rigged = needs(test.serial, ['namespace', 'conntrack', 'ping', 'python3-ipfix', ...wanted]);

  rigged(`${backend}: a TCP tuple that is closed and opened again is two connections`, async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const traffic = new Traffic(namespace);
    const capture = await Capture.udp(new Traffic(namespace), 4739);
    const read = async () => byFlowId(await readWithPython(Buffer.concat(await capture.parts())));
    const exporter = await startExporter(namespace, backend, ['udp://127.0.0.1:4739'], '--zero-delta-records');
    const tuple = { host: '127.0.0.1', port: 8080, from: 31005 };
    await traffic.do('tcpListen', { host: '127.0.0.1', port: 8080, answer: 6000 });
    const { handle } = await traffic.do('tcpOpen', { ...tuple, send: 900, expect: 6000 });
    await traffic.do('tcpClose', { handle, reset: true });
    const [closed] = await settledConnections(namespace);
    t.is(closed.state, 'CLOSE');
    await eventually('the first connection is told as ended', async () =>
      (await read()).flat().some(({ flowEndReason }) => flowEndReason === '3'),
    );
    await traffic.do('tcpOpen', { ...tuple, send: 100, expect: 6000 });
    const [opened, ...others] = await settledConnections(namespace);
    t.deepEqual(others, []);
    t.is((await exporter.stop()).code, 0);
    await capture.everything();
    const flows = await read();
    t.is(flows.length, 2);
    for (const [index, listed] of [closed, opened].entries()) {
      t.like(flows[index].at(-1)!, expectedStandard(listed, backend));
      checkDeltas(t, flows[index]);
    }
    t.is(flows[0].filter(({ flowEndReason }) => flowEndReason === '3').length, 1);
  });

  rigged(`${backend}: two pings between the same hosts are two connections`, async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const capture = await Capture.udp(new Traffic(namespace), 4739);
    const exporter = await startExporter(namespace, backend, ['udp://127.0.0.1:4739']);
    await namespace.run('ping', ['-c', '2', '-i', '0.2', '-s', '10', '127.0.0.1']);
    await namespace.run('ping', ['-c', '3', '-i', '0.2', '-s', '20', '127.0.0.1']);
    const listed = await settledConnections(namespace);
    t.is(listed.length, 2);
    t.is((await exporter.stop()).code, 0);
    const flows = byFlowId(await readWithPython(Buffer.concat(await capture.everything())));
    t.deepEqual(
      flows.map(records => records.at(-1)!['octetTotalCount']).toSorted(),
      listed.map(({ original }) => original.bytes!).toSorted(),
    );
    for (const records of flows) checkDeltas(t, records);
  });

  rigged(`${backend}: traffic from before the exporter started is in the totals and not in the deltas`, async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const traffic = new Traffic(namespace);
    const capture = await Capture.udp(new Traffic(namespace), 4739);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1', answer: 70 });
    const talk = (packets: number) =>
      traffic.do('udpSend', { host: '127.0.0.1', port, from: 6001, packets, size: 30, answered: true });
    await talk(7);
    await new Promise(resolve => setTimeout(resolve, 2100)); // procfs knows the age in whole seconds
    const exporter = await startExporter(namespace, backend, ['udp://127.0.0.1:4739']);
    await talk(3);
    const [listed] = await settledConnections(namespace);
    t.is((await exporter.stop()).code, 0);
    const [records] = byFlowId(await readWithPython(Buffer.concat(await capture.everything())));
    // its last packets may have been exported before the end, which then has no record
    const { flowEndReason: _, ...expected } = expectedStandard(listed, backend);
    t.like(records.at(-1)!, expected);
    t.is(records.at(-1)!['packetTotalCount'], '10');
    t.true(records.every(({ packetDeltaCount }) => packetDeltaCount !== '0'));
    const deltas = records.reduce((sum, { packetDeltaCount }) => sum + Number(packetDeltaCount), 0);
    t.is(deltas, 3);
  });
}
