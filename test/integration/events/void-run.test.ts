/** What makes a run of the proof void: what was sent twice, and a SYN that conntrack lets pass uncounted. */
import { once } from 'node:events';
import test from 'ava';
import { retransmissions } from '../../../src/cli/demo/traffic/network.js';
import { Topology } from '../../../proof/topology.js';
import { faultNames, readFaults, stillKernel } from '../../../proof/truth.js';
import { listConnections } from '../../helpers/kernel/conntrack-list.js';
import { needs } from '../../helpers/kernel/require.js';

/** Both ends of a TCP connection drop it by RST, the server first, and open it again with the same ports. */
const SERVER = `
import socket, struct
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('198.51.100.2', 8000))
listener.listen()
print('ready', flush=True)
for _ in range(2):
    connection, _ = listener.accept()
    connection.recv(100)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.send(b'answer')
    connection.close() if connection.recv(100) == b'bye' else None
    print('closed', flush=True)
`;
const CLIENT = `
import socket, struct, sys, time
for _ in range(2):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.bind(('192.0.2.2', 5555))
    connection.connect(('198.51.100.2', 8000))
    connection.send(b'request')
    connection.recv(100)
    connection.send(b'bye')
    sys.stdin.readline()
    time.sleep(1) # so that the sequence numbers of the next one are far from those of this one
    connection.close()
`;
const NO_RST = 'table inet quiet { chain out { type filter hook output priority 0; tcp flags & rst == rst drop; }; }';

needs(test.serial, ['namespace', 'conntrack', 'ping', 'python3'])(
  'a SYN on a connection that conntrack has as open is not counted by conntrack, and makes the run void',
  async t => {
    const topology = await Topology.create(t, 1_000, 30);
    const { router, client, server } = topology;
    for (const host of [client, server]) await host.nft(NO_RST);
    const listener = server.spawn('python3', ['-c', SERVER]);
    await once(listener.stdout, 'data');
    const opener = client.spawn('python3', ['-c', CLIENT]);
    listener.stdout.pipe(opener.stdin); // the client waits until the server has closed
    t.deepEqual(await once(opener, 'exit'), [0, null]);
    const kernel = await stillKernel(router);
    const [{ original, reply }, ...none] = await listConnections(router);
    t.is(none.length, 0);
    t.is(kernel.connections, 1, 'two were opened');
    t.is(kernel.packets - Number(original.packets) - Number(reply.packets), 1);
    t.deepEqual(faultNames(await readFaults(topology, kernel)), ['uncountedSyns 1']);
  },
);

/** A SYN that is dropped where it arrives is sent again after a second. */
const DROPPED = 'table inet dropping { chain in { type filter hook input priority 0; tcp dport 4739 drop; }; }';
const UNANSWERED =
  'import socket, sys; connection = socket.socket(); connection.settimeout(1.5); connection.connect_ex((sys.argv[1], 4739))';

needs(test.serial, ['namespace', 'conntrack', 'ping', 'python3'])(
  'what the traffic sends again makes the run void, and what the exporter does to its collector does not',
  async t => {
    const topology = await Topology.create(t, 1_000, 30);
    const { router, client, server } = topology;
    for (const host of [router, server]) await host.nft(DROPPED);
    await router.run('python3', ['-c', UNANSWERED, '127.0.0.1']);
    const exported = await readFaults(topology, await stillKernel(router));
    t.true(retransmissions(router.pid) > 0);
    t.deepEqual(faultNames(exported), []);
    await client.run('python3', ['-c', UNANSWERED, '198.51.100.2']);
    const { retransmissions: again } = await readFaults(topology, await stillKernel(router));
    t.true(again > 0);
  },
);
