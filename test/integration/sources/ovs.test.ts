/** `--source ovs`: connections of Open vSwitch's userspace datapath, against ovs-appctl. */
import test from 'ava';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../helpers/eventually.js';
import { BACKENDS, ctflow, startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { OPEN_VSWITCH, OpenVswitch } from '../../helpers/kernel/open-vswitch.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { temporaryFolder } from '../../helpers/temporary.js';

const ZONE = 7;
const CONNECTIONS = 20;
const rigged = needs(test.serial, [...OPEN_VSWITCH, 'ping']);

interface Rig {
  readonly namespace: PrivateNamespace;
  readonly ovs: OpenVswitch;
  readonly left: PrivateNamespace;
  /** Source ports of TCP connections that are open. */
  readonly open: readonly number[];
}

async function rig(t: { teardown(done: () => Promise<void>): void }): Promise<Rig> {
  const namespace = await PrivateNamespace.create(t);
  const [left, right] = [await namespace.nest(), await namespace.nest()];
  for (const [name, end, addresses] of [
    ['left', left, ['192.0.2.1/24', '2001:db8::1/64']],
    ['right', right, ['192.0.2.2/24', '2001:db8::2/64']],
  ] as const) {
    await namespace.link({ name, addresses: [] }, end, { name: 'eth0', addresses });
    // what the userspace datapath gets has to have its checksum
    await end.run('ethtool', ['-K', 'eth0', 'tx', 'off']);
  }
  const ovs = await OpenVswitch.start(t as never, namespace);
  await ovs.bridge(['left', 'right'], ZONE);
  const [client, server] = [new Traffic(left), new Traffic(right)];
  const { port } = await server.do('tcpListen', { host: '192.0.2.2', answer: 10 });
  const open: number[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const connection = await client.do('tcpOpen', { host: '192.0.2.2', port, send: 10, expect: 10 });
    open.push(connection.port);
  }
  await left.run('ping', ['-c', '1', '-W', '10', '2001:db8::2']);
  return { namespace, ovs, left, open };
}

interface Dumped {
  readonly family: string;
  readonly protocol: string;
  readonly state?: string;
  readonly original: { readonly sourcePort?: number; readonly zone: number; readonly packets?: number };
}

rigged('dump prints what ovs-appctl prints, says what is lacking, and doctor leaves the kernel out', async t => {
  const { namespace, ovs, open } = await rig(t);
  const env = { OVS_RUNDIR: ovs.folder };
  const { code, stdout, stderr } = await ctflow(namespace, ['dump', '--source', 'ovs', '--format', 'json'], { env });
  t.is(code, 0, stderr);
  const dumped = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Dumped);
  const listed = (await ovs.run('ovs-appctl', ['dpctl/dump-conntrack'])).trim().split('\n');
  t.is(dumped.length, listed.length);
  const tcp = dumped.filter(({ protocol }) => protocol === 'tcp');
  const sorted = (ports: readonly (number | undefined)[]): unknown[] => [...ports].sort();
  t.deepEqual(sorted(tcp.map(({ original }) => original.sourcePort)), sorted(open));
  t.deepEqual([...new Set(tcp.map(({ state }) => state))], ['ESTABLISHED']);
  t.true(dumped.some(({ family, protocol }) => family === 'ipv6' && protocol === 'icmpv6'));
  t.true(dumped.every(({ original }) => original.zone === ZONE && original.packets === undefined));
  t.regex(stderr, /have no packet and octet counters/);
  const doctor = await ctflow(namespace, ['doctor', '--source', 'ovs', '--json'], { env });
  t.notRegex(doctor.stdout, /conntrack is not active/);
  t.regex(doctor.stdout, /ovs-vswitchd answers; connections of/);
});

for (const { name, needs: wanted } of BACKENDS) {
  needs(test.serial, [...OPEN_VSWITCH, 'ping', ...wanted])(
    `${name}: each connection of Open vSwitch is a record without counters, and has an end`,
    async t => {
      const { namespace, ovs, open } = await rig(t);
      const folder = temporaryFolder(t);
      const before = ['env', `OVS_RUNDIR=${ovs.folder}`];
      const exporter = await startExporter(
        namespace,
        name,
        [`file://${folder}/flows.ipfix`],
        '--source ovs',
        'network',
        before,
      );
      t.regex(exporter.messages(), /have no packet and octet counters, and no start/);
      await eventually('all are exported', () => exporter.running && exporter.stderr !== '');
      await new Promise(resolve => setTimeout(resolve, 1_500));
      await ovs.run('ovs-appctl', ['dpctl/flush-conntrack']);
      await new Promise(resolve => setTimeout(resolve, 1_000));
      t.is((await exporter.stop()).code, 0, exporter.stderr);
      const files = readdirSync(folder).map(file => join(folder, file));
      const { stdout } = await ctflow(namespace, ['collect', ...files, '--format', 'json']);
      const records = stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Record<string, unknown>)
        .filter(({ protocolIdentifier }) => protocolIdentifier === 6);
      for (const port of open) {
        const own = records.filter(({ sourceTransportPort }) => sourceTransportPort === port);
        t.true(own.length >= 1, `port ${port}`);
        t.is(own.filter(({ flowEndReason }) => flowEndReason !== 2).length, 1, 'one end');
        t.true(own.every(record => !('octetDeltaCount' in record) && record['ingressVRFID'] === ZONE));
      }
      t.is(new Set(records.map(({ sourceTransportPort }) => sourceTransportPort)).size, open.length);
    },
  );
}
