/** Owners of sockets, by the kernel's sockets and connections. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { loadBackend } from '../../../src/backend/load.js';
import type { SocketOwner, Source } from '../../../src/sources/source.js';
import type { OwnerViews } from '../../../src/cli/dump/owners.js';
import * as row from '../../../src/row/layout.generated.js';
import { ownersLack } from '../../../src/inventory/owners/host-owners.js';
import { Cgroups, cgroupRoot } from '../../helpers/kernel/cgroups.js';
import { ctflow } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs, PYTHON } from '../../helpers/kernel/require.js';

const rigged = needs(test.serial, ['root', 'native', 'namespace', 'python3']);

/** Acts in processes of their own: each in a cgroup, as a user, under a name. They stay until the input ends. */
const PEER = `
import array, json, os, signal, socket, struct, sys, time
A, B, C, D = sys.argv[1:5]
os.setpgrp()
def end(*_): os.killpg(0, signal.SIGKILL)
signal.signal(signal.SIGTERM, end)
children = []
def act(cgroup, user, name, does):
    back, forth = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if cgroup: open(cgroup + '/cgroup.procs', 'w').write(str(os.getpid()))
            open('/proc/self/comm', 'w').write(name)
            os.setgid(user); os.setuid(user)
            kept = does()
            os.write(forth, b'x')
        except BaseException as error:
            os.write(forth, repr(error).encode())
        signal.pause()
    children.append(child)
    said = os.read(back, 4096)
    if said != b'x': print(json.dumps({'failed': said.decode()}), flush=True)
def listener(port, family=socket.AF_INET, host='127.0.0.1', kind=socket.SOCK_STREAM, reuse=False):
    one = socket.socket(family, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse: one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((host, port))
    if kind == socket.SOCK_STREAM: one.listen(64)
    return one
def client(port, source=0, family=socket.AF_INET, host='127.0.0.1', kind=socket.SOCK_STREAM, reuse=False):
    one = socket.socket(family, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse: one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if source: one.bind(('::' if family == socket.AF_INET6 else '127.0.0.1', source))
    one.connect((host, port))
    if kind == socket.SOCK_DGRAM: one.send(b'x')
    return one
def reset(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    one.close()
def step(name):
    print(json.dumps({'done': name}), flush=True)
    sys.stdin.readline()

# two processes
def acting(port, count, cgroup, user, name, **how):
    # the listener is made where it accepts
    def does():
        one = listener(port, **how)
        child = os.fork()
        if child == 0:
            kept = [one.accept()[0] for _ in range(count)]
            signal.pause()
        return one
    act(cgroup, user, name, does)
acting(7001, 1, B, 1002, 'server')
act(A, 1001, 'client', lambda: client(7001, 40001))
# a listener that another process has made, as by socket activation
def activated():
    one = listener(7002)
    child = os.fork()
    if child == 0:
        open('/proc/self/comm', 'w').write('service')
        open(D + '/cgroup.procs', 'w').write(str(os.getpid()))
        os.setgid(1003); os.setuid(1003)
        kept = one.accept()[0]
        one.close()
        signal.pause()
    one.close()
act(C, 0, 'activator', activated)
act(A, 1001, 'client', lambda: client(7002, 40002))
# a connection that another process has made
near, far = socket.socketpair()
acting(7003, 1, B, 1002, 'server')
def give():
    one = client(7003, 40003)
    near.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [one.fileno()]))])
    one.close()
def take():
    _, ancillary, _, _ = far.recvmsg(1, 64)
    return socket.socket(fileno=struct.unpack('i', ancillary[0][2][:4])[0])
act(A, 1001, 'giver', give)
act(B, 1002, 'taker', take)
# nobody has accepted
act(B, 1002, 'server', lambda: listener(7004))
act(A, 1001, 'client', lambda: client(7004, 40004))
# both have closed: TIME_WAIT
def closed():
    one = listener(7005); two = client(7005, 40005); three = one.accept()[0]
    two.close(); three.recv(1); three.close(); one.close()
act(A, 1001, 'both', closed)
# two listeners share a port
acting(7006, 1, B, 1002, 'server', reuse=True)
act(A, 1001, 'client', lambda: client(7006, 40006))
# IPv6, and IPv4 through a socket of it
acting(7007, 1, B, 1002, 'server', family=socket.AF_INET6, host='::')
act(A, 1001, 'client', lambda: client(7007, 40007, family=socket.AF_INET6, host='::1'))
acting(7008, 1, B, 1002, 'server', family=socket.AF_INET6, host='::')
act(A, 1001, 'client', lambda: client(7008, 40008, family=socket.AF_INET6, host='::ffff:127.0.0.1'))
# redirected to 7009
acting(7009, 1, B, 1002, 'server')
act(A, 1001, 'client', lambda: client(8009, 40009))
# UDP: unconnected, connected, with two sockets on its port
act(B, 1002, 'server', lambda: listener(7010, kind=socket.SOCK_DGRAM))
def unconnected():
    one = listener(40010, kind=socket.SOCK_DGRAM); one.sendto(b'x', ('127.0.0.1', 7010)); return one
act(A, 1001, 'client', unconnected)
act(A, 1001, 'client', lambda: client(7010, 40011, kind=socket.SOCK_DGRAM))
for port in (40012,):
    act(A, 1001, 'client', lambda: client(7010, port, kind=socket.SOCK_DGRAM, reuse=True))
    act(A, 1001, 'client', lambda: client(7010, port, kind=socket.SOCK_DGRAM, reuse=True))
# connected, and silent up to the second look
def silent():
    one = socket.socket(type=socket.SOCK_DGRAM); one.bind(('127.0.0.1', 40013)); one.connect(('127.0.0.1', 7010))
    def speak(*_): one.send(b'x')
    signal.signal(signal.SIGUSR1, speak)
    return one
act(A, 1001, 'silent', silent)
speaker = children[-1]
# a port that is used twice; the first one resets
acting(7014, 2, B, 1002, 'server')
def first():
    one = client(7014, 40014)
    signal.signal(signal.SIGUSR1, lambda *_: reset(one))
    return one
act(A, 1001, 'first', first)
firstly = children[-1]
step('made')
os.kill(speaker, signal.SIGUSR1)
os.kill(firstly, signal.SIGUSR1)
time.sleep(0.2)
act(B, 1004, 'second', lambda: client(7014, 40014))
step('again')
end()
`;

type Named = Pick<SocketOwner, 'user' | 'command'> & { readonly cgroup: string };
/** By the source port of the connection: owners of source and destination. */
type Found = ReadonlyMap<number, readonly (Named | undefined)[]>;

/** Rows as they are now. */
async function rowsOf(source: Source): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  await source.dump(batch => void parts.push(Buffer.from(batch.bytes.subarray(0, batch.count * row.ROW_SIZE))));
  return Uint8Array.from(Buffer.concat(parts));
}

async function look(source: Source, rows: Uint8Array): Promise<Found> {
  const slots = Uint32Array.from({ length: rows.length / row.ROW_SIZE }, (_, i) => i);
  const { found, owners } = await source.owners!()!.look(rows, slots);
  const ports = new Uint16Array(rows.buffer);
  return new Map(
    [...slots].map(slot => [
      ports[(slot * row.ROW_SIZE + row.ORIG_SPORT) >> 1],
      [0, 1].map(side => owners[found[slot * 2 + side] - 1] as Named | undefined),
    ]),
  );
}

async function rig(t: ExecutionContext) {
  const cgroups = Cgroups.create(t, 'owners');
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => cgroups.make(`${name}.service`));
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  await namespace.nft(`table inet nat {
    chain out { type nat hook output priority -100; ip daddr 127.0.0.1 tcp dport 8009 redirect to :7009; }
  }`);
  const backend = await loadBackend('native');
  const source = backend.openKernel({ filter: {}, netns: `/proc/${namespace.pid}/ns/net` });
  t.teardown(() => source.close());
  const peer = namespace.spawn(PYTHON, ['-c', PEER, a.folder, b.folder, c.folder, d.folder]);
  const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
  peer.stderr.on('data', text => t.log(String(text)));
  t.teardown(async () => {
    peer.stdin.end('\n\n');
    if (peer.exitCode === null) await once(peer, 'exit');
  });
  const said = async (): Promise<unknown> => JSON.parse((await lines.next()).value as string);
  const off = (): Promise<void> => namespace.sysctl('nf_conntrack_timestamp', 0);
  return { namespace, off, source, said, go: () => peer.stdin.write('\n'), a: a.path, b: b.path, c: c.path };
}

rigged('an owner is named where exactly one socket is the connection’s, and was so from its beginning', async t => {
  t.truthy(cgroupRoot(), 'cgroups of version 2');
  const { source, said, go, a, b, c } = await rig(t);
  t.deepEqual(await said(), { done: 'made' });
  const client = { user: 1001, cgroup: a, command: 'client' };
  const server = { user: 1002, cgroup: b, command: 'server' };
  const before = await rowsOf(source);
  const found = await look(source, before);
  const expected: readonly [port: number, what: string, source: Named | undefined, destination: Named | undefined][] = [
    [40001, 'two processes', client, server],
    [40002, 'socket activation', client, { user: 1003, cgroup: c, command: 'service' }],
    [40003, 'a descriptor that was passed', { ...client, command: 'taker' }, server],
    [40004, 'not accepted yet', client, undefined],
    [40005, 'TIME_WAIT', undefined, undefined],
    [40006, 'a listener with SO_REUSEPORT', client, server],
    [40007, 'IPv6', client, server],
    [40008, 'IPv4 through a socket of IPv6', client, server],
    [40009, 'redirected', client, server],
    [40010, 'unconnected UDP', undefined, undefined],
    [40011, 'connected UDP, which another socket may have begun', undefined, undefined],
    [40012, 'UDP with SO_REUSEPORT', undefined, undefined],
    [40014, 'a port that is used twice, the first time', { ...client, command: 'first' }, server],
  ];
  for (const [port, what, ...owners] of expected) t.deepEqual(found.get(port), owners, what);
  t.is(found.size, expected.length, 'and no other');
  go();
  t.deepEqual(await said(), { done: 'again' });
  const rows = await rowsOf(source);
  const again = await look(source, rows);
  t.deepEqual(again.get(40013), [{ ...client, command: 'silent' }, undefined], 'UDP that was connected before');
  t.deepEqual(again.get(40014), [{ user: 1004, cgroup: b, command: 'second' }, server], 'the second time');
  // what was the first connection then has the ports of the second
  t.deepEqual((await look(source, before)).get(40014), [undefined, undefined], 'the first one has ended');
  const counts = source.owners!()!.counts();
  t.is(counts.looks, 3);
  t.true(counts.ended >= 1 && counts.unproven >= 1 && counts.ambiguous >= 1, JSON.stringify(counts));
});

rigged('where connections have no start time nobody is named, and dump says it', async t => {
  const { namespace, source, said, off } = await rig(t);
  t.deepEqual(await said(), { done: 'made' });
  t.is(ownersLack(source), undefined);
  await off();
  t.regex(ownersLack(source)!, /^timestamps are off: no owner is known/);
  const { stderr } = await ctflow(namespace, ['dump', '--owners', '--limit', '1']);
  t.true(stderr.includes('no owner is known'), stderr);
  const rows = await rowsOf(source);
  const words = new Uint32Array(rows.buffer);
  for (let at = row.PRESENT_WORD; at < words.length; at += row.ROW_WORDS) words[at] &= ~row.HAS_START;
  for (const [port, owners] of await look(source, rows)) t.deepEqual(owners, [undefined, undefined], `${port}`);
});

rigged('dump prints owners in fields of their own, in each format and in an order, too', async t => {
  const { namespace, said, a, b } = await rig(t);
  t.deepEqual(await said(), { done: 'made' });
  const dump = async (...more: string[]): Promise<string> => {
    const { code, stdout, stderr } = await ctflow(namespace, ['dump', '--owners', ...more]);
    t.is(code, 0, stderr);
    return stdout;
  };
  const filter = ['--filter', 'src.port == 40001 || src.port == 40005'];
  const client = { user: '1001', uid: 1001, socketCgroup: `${a}`, command: 'client' };
  const server = { user: '1002', uid: 1002, socketCgroup: `${b}`, command: 'server' };
  for (const order of [[], ['--sort', 'src']]) {
    const lines = (await dump('--format', 'json', ...filter, ...order)).trim().split('\n');
    const views = lines.map(line => JSON.parse(line) as { original: { sourcePort: number } } & OwnerViews);
    const [one, ended] = [40001, 40005].map(port => views.find(({ original }) => original.sourcePort === port)!);
    t.deepEqual([one.sourceOwner, one.destinationOwner], [client, server]);
    t.false('sourceOwner' in ended || 'destinationOwner' in ended);
  }
  const [head, line] = (await dump('--format', 'csv', '--filter', 'src.port == 40001')).split('\r\n');
  const columns = head.split(',');
  t.is(line.split(',')[columns.indexOf('destinationOwner.socketCgroup')], b);
  t.true((await dump('--filter', 'src.port == 40001')).includes(`from=1001@${a}(client) to=1002@${b}(server)`));
});
