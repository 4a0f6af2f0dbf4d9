/** `--netns`: another network namespace is read, and the export leaves from this one. */
import test, { type ExecutionContext } from 'ava';
import { createSocket } from 'node:dgram';
import { readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { BACKENDS, ctflow, CTFLOW, startExporter } from '../../helpers/kernel/command.js';
import { listConnections } from '../../helpers/kernel/conntrack-list.js';
import { flows, udpCollector } from '../../helpers/fakes/collector-socket.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { readWithPython } from '../../helpers/oracles/python-ipfix.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { byConnection, checkDeltas } from '../compare.js';
import { expectedStandard, keyOf } from '../collectors/expected.js';

/** A namespace with one UDP connection of five packets. */
async function withConnection(t: ExecutionContext) {
  return inNamespace(await PrivateNamespace.create(t));
}

async function inNamespace(namespace: PrivateNamespace) {
  await namespace.track();
  const traffic = new Traffic(namespace);
  const { port } = await traffic.do('udpListen', { host: '127.0.0.1', answer: 99 });
  const talk = () =>
    traffic.do('udpSend', { host: '127.0.0.1', port, from: 6001, packets: 5, size: 11, answered: true });
  return { namespace, port, talk, path: `/proc/${namespace.pid}/ns/net` };
}

for (const { needs: wanted } of BACKENDS.filter(({ name }) => name === 'native')) {
  const rigged = needs(test.serial, ['namespace', 'conntrack', ...wanted]);

  rigged('native: --netns PATH and --netns NAME dump the namespace they name', async t => {
    const { namespace, port, talk, path } = await withConnection(t);
    await talk();
    // /run/netns of its own, so that nothing is left on the machine
    const named = `mount -t tmpfs tmpfs /run && mkdir /run/netns && ln -s ${path} /run/netns/blue && exec "$@"`;
    const inRun = ['-m', 'sh', '-c', named, 'sh', process.execPath, CTFLOW];
    const dump = ['dump', '--backend', 'native', '--format', 'json', '--netns'];
    const byPath = await ctflow(namespace, [...dump, path], { where: 'owner' });
    const byName = await namespace.finish('unshare', [...inRun, ...dump, 'blue'], { where: 'owner' });
    for (const { code, stdout, stderr } of [byPath, byName]) {
      t.is(code, 0, stderr);
      const [connection, ...others] = stdout
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line));
      t.deepEqual(others, []);
      t.like(connection.original, { sourcePort: 6001, destinationPort: port, packets: 5 });
    }
  });

  rigged('native: a namespace that does not exist is an error', async t => {
    const namespace = await PrivateNamespace.create(t);
    for (const name of ['no-such-name', '/proc/self/ns/none', '/proc/self/status']) {
      const { code, stderr } = await ctflow(namespace, ['dump', '--backend', 'native', '--netns', name]);
      t.is(code, 1, name);
      t.regex(stderr, /CTFLOW_NAMESPACE/);
      t.true(stderr.includes(name), stderr);
    }
  });

  needs(test.serial, ['namespace', 'conntrack', 'python3-ipfix', ...wanted])(
    'native: run --netns exports a namespace to a collector outside of it',
    async t => {
      const { namespace, talk, path } = await withConnection(t);
      const collector = createSocket('udp4');
      t.teardown(() => collector.close());
      collector.bind(0, '127.0.0.1');
      await once(collector, 'listening');
      const messages: Buffer[] = [];
      collector.on('message', message => messages.push(message));
      const endpoint = `udp://127.0.0.1:${collector.address().port}`;
      // the record at the end has all, however long the packets take
      const flags = `--netns ${path} --active-flow-export-timeout 1h`;
      const exporter = await startExporter(namespace, 'native', [endpoint], flags, 'owner');
      await talk();
      const [listed] = await listConnections(namespace);
      t.is((await exporter.stop()).code, 0);
      const { destinations } = exporter.log().at(-1) as { destinations: { transport: { messages: number } }[] };
      await eventually('every message is read', () => messages.length === destinations[0].transport.messages);
      const flows = byConnection(await readWithPython(Buffer.concat(messages)));
      const expected = expectedStandard(listed, 'native');
      t.deepEqual([...flows.keys()], [keyOf(expected)]);
      t.like(flows.get(keyOf(expected))!.at(-1)!, expected);
      checkDeltas(t, flows.get(keyOf(expected))!);
    },
  );

  needs(test.serial, ['namespace', 'conntrack', 'python3-ipfix', ...wanted])(
    'native: a namespace whose name goes is exported to its end and released, and the next one of the name is read',
    async t => {
      const first = await withConnection(t);
      // of the same owner
      const next = await first.namespace.nest();
      const second = await inNamespace(next);
      const link = temporaryPath(t, 'blue');
      symlinkSync(first.path, link);
      const collector = await udpCollector(t);
      const { port } = collector.endpoint;
      const flags = `--netns ${link} --flow-poll-interval 200ms --active-flow-export-timeout 200ms --zero-delta-records`;
      const exporter = await startExporter(first.namespace, 'native', [`udp://127.0.0.1:${port}`], flags, 'owner');
      await first.talk();
      await eventually('a record', () => flows(collector).length > 0);
      const held = (): boolean =>
        readdirSync(`/proc/${exporter.pid}/fd`).some(fd => {
          try {
            return readlinkSync(`/proc/${exporter.pid}/fd/${fd}`).startsWith('net:');
          } catch {
            return false;
          }
        });
      t.true(held());
      rmSync(link);
      await eventually('it waits', () => exporter.messages().includes('ctflow waits for it'));
      t.is(flows(collector).at(-1)!.get('flowEndReason'), 4);
      t.false(held(), 'nothing keeps the namespace');
      const before = flows(collector).length;
      symlinkSync(second.path, link);
      await second.talk();
      await eventually('a record of the next', () => flows(collector).length > before);
      // the first one comes back, its connection still open
      rmSync(link);
      symlinkSync(first.path, link);
      const read = (): number => exporter.messages().split('the network namespace is there again').length;
      await eventually('it is read', () => read() === 3);
      // a poll or two later: what passes before counts as exported
      await new Promise(resolve => setTimeout(resolve, 1_000));
      await first.talk();
      t.is((await exporter.stop()).code, 0);
      const packets = flows(collector).reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
      t.is(packets, 15, 'nothing is exported twice');
      t.like(exporter.log().at(-1), { msg: 'stopped', namespacesLeft: 2 });
    },
  );
}

needs(test.serial, ['namespace'])('fallback: --netns is an error with a hint', async t => {
  const namespace = await PrivateNamespace.create(t);
  const { code, stderr } = await ctflow(namespace, ['dump', '--backend', 'fallback', '--netns', 'blue']);
  t.is(code, 1);
  t.regex(stderr, /CTFLOW_BACKEND_LACKS: Only the native backend .*'blue'.*ip netns exec/);
});
