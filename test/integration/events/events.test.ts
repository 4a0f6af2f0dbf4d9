/** On the real kernel: what ends between two polls is told by its DESTROY event, to the last octet. */
import test, { type ExecutionContext } from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { readWithPython } from '../../helpers/oracles/python-ipfix.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { parseCounters, TRUTH_TABLE } from '../../helpers/kernel/nft-truth.js';

const FLOWS = 1_000;
const ROUNDS = 3;

const rigged = needs(test.serial, ['namespace', 'conntrack', 'native', 'python3-ipfix']);

/** The same tuples opened and deleted again and again, and refused connections, between two polls. */
async function churn(t: ExecutionContext, flags: string) {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  await namespace.nft(TRUTH_TABLE);
  await namespace.sysctl('nf_conntrack_events', 1);
  const capture = await Capture.tcp(new Traffic(namespace), 4739);
  const exporter = await startExporter(
    namespace,
    'native',
    ['tcp://127.0.0.1:4739'],
    `--flow-poll-interval 1h ${flags}`,
  );
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
  for (let round = 0; round < ROUNDS; round++) {
    await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: FLOWS, size: 30 + round });
    await t.throwsAsync(traffic.do('tcpOpen', { host: '127.0.0.1', port: 9, send: 1, expect: 1 }));
    await namespace.run('conntrack', ['-D', '-p', 'udp', '--dport', String(port)]);
  }
  t.is((await exporter.stop()).code, 0);
  const records = await readWithPython(Buffer.concat(await capture.everything()));
  const kernel = parseCounters(await namespace.run('nft', ['-j', 'list', 'counters'])).get('truth')!;
  const sum = (...names: string[]): number =>
    records.reduce((total, record) => names.reduce((more, name) => more + Number(record[name] ?? 0), total), 0);
  return {
    kernel,
    exported: {
      packets: sum('packetDeltaCount', 'reversePacketDeltaCount'),
      octets: sum('octetDeltaCount', 'reverseOctetDeltaCount'),
    },
    flows: records.filter(({ flowId }) => flowId !== undefined),
  };
}

rigged('tuples reused and connections refused between two polls: missing 0, doubled 0', async t => {
  const { kernel, exported, flows } = await churn(t, '--events destroy');
  t.deepEqual(exported, kernel);
  t.is(flows.length, ROUNDS * (FLOWS + 1));
  t.is(new Set(flows.map(({ flowId }) => flowId)).size, flows.length);
  const reasons = (protocol: string) =>
    new Set(flows.filter(flow => flow['protocolIdentifier'] === protocol).map(flow => flow['flowEndReason']));
  t.deepEqual([...reasons('17')], ['4'], 'deleted by the administrator');
  t.deepEqual([...reasons('6')], ['3'], 'refused');
});

rigged('polls alone miss connections between two polls', async t => {
  const { kernel, exported } = await churn(t, '--events off');
  t.true(exported.packets < kernel.packets, `${exported.packets} of ${kernel.packets}`);
});
