/** As the systemd unit runs it: an ordinary user with CAP_NET_ADMIN and no other right. */
import { chownSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Capture } from '../helpers/kernel/capture.js';
import { startExporter, type RunningCommand } from '../helpers/kernel/command.js';
import { settledConnections } from '../helpers/kernel/conntrack-list.js';
import { eventually } from '../helpers/eventually.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import { temporaryPath } from '../helpers/temporary.js';
import { byConnection, COUNTERS } from './compare.js';
import { expectedStandard, keyOf } from './collectors/expected.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NOBODY = 65_534;
const FLOWS = 200;
const DENIED_PORT = 9_999;
/** Above what an ordinary user may have (net.core.rmem_max). */
const EVENT_BUFFER = 8 << 20;

/** The checkout and Node, which may be closed to that user, where it can reach them; then ctflow. */
const AS_THE_UNIT = [
  'unshare',
  '-m',
  'sh',
  '-c',
  `mount --bind ${ROOT} /mnt && mount -t tmpfs -o mode=755 tmpfs /media && touch /media/node &&
   mount --bind "$0" /media/node && shift &&
   exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups --no-new-privs --inh-caps -all,+net_admin \
     --ambient-caps -all,+net_admin --bounding-set -all,+net_admin /media/node /mnt/bin/ctflow.js "$@"`,
];

const line = (exporter: RunningCommand, text: string): Record<string, unknown> =>
  exporter.log().find(({ msg }) => msg === text)!;

needs(test.serial, ['namespace', 'root', 'conntrack', 'native', 'python3-ipfix'])(
  'an ordinary user with CAP_NET_ADMIN exports everything, denied packets too, and goes on after kill -9',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    await namespace.sysctl('nf_conntrack_events', 1);
    await namespace.nft(`table inet deny { chain in { type filter hook input priority 0;
      udp dport ${DENIED_PORT} log group 5 snaplen 64 prefix "ctflow:drop:in:prod/web:r" drop; }; }`);
    const capture = await Capture.udp(new Traffic(namespace), 4739);
    const state = temporaryPath(t, 'state');
    chownSync(dirname(state), NOBODY, NOBODY);
    const flags = `--state ${state} --events all --nflog-group 5 --event-buffer ${EVENT_BUFFER} --mtu 9000`;
    const start = (): Promise<RunningCommand> =>
      startExporter(namespace, 'native', ['udp://127.0.0.1:4739'], flags, 'network', AS_THE_UNIT);
    const traffic = new Traffic(namespace);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
    const talk = (size: number): Promise<object> =>
      traffic.do('udpFlows', { host: '127.0.0.1', port, from: 20_000, flows: FLOWS, size });

    const first = await start();
    t.like(line(first, 'ctflow runs'), { uid: NOBODY, capabilities: ['CAP_NET_ADMIN'], events: 'all' });
    t.true((line(first, 'receiving DESTROY events')['receiveBuffer'] as number) >= EVENT_BUFFER);
    await talk(20);
    await traffic.do('udpSend', { host: '127.0.0.1', port: DENIED_PORT, packets: 1, size: 30, answered: false });
    const exported = async (): Promise<ReturnType<typeof byConnection>> =>
      byConnection(await readWithPython(Buffer.concat(await capture.everything())));
    await eventually('all are exported', async () => (await exported()).size > FLOWS);
    await first.stop('SIGKILL');
    await talk(30);
    const second = await start();
    await eventually('those of before are found', () => second.messages().includes('found again'));
    await talk(40);
    const { code, stderr } = await second.stop();
    t.is(code, 0, stderr);
    t.like(line(second, 'stopped'), { events: { lost: 0 }, denied: { nflog: { lost: 0 } }, state: { errors: 0 } });

    const flows = await exported();
    t.true(
      [...flows.values()].flat().some(record => record['firewallEvent'] === '3'),
      'the denied packet',
    );
    const listed = (await settledConnections(namespace)).filter(one => expectedPort(one) === port);
    t.is(listed.length, FLOWS);
    for (const connection of listed) {
      const expected = expectedStandard(connection, 'native');
      const reported = flows.get(keyOf(expected)) ?? [];
      for (const [delta, total] of COUNTERS)
        t.is(
          reported.reduce((sum, record) => sum + Number(record[delta]), 0),
          Number(expected[total]),
        );
    }
  },
);

function expectedPort(connection: Parameters<typeof expectedStandard>[0]): number {
  return Number(expectedStandard(connection, 'native')['destinationTransportPort']);
}
