/** `ctflow dump`, its filters, `ctflow record` and replay: what they say is what conntrack -L says. */
import test, { type ExecutionContext } from 'ava';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BACKENDS, ctflow, type BackendName } from '../../helpers/kernel/command.js';
import {
  settledConnections,
  type ListedConnection,
  type ListedDirection,
} from '../../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { furnish, perform } from '../scene.js';

const RIG = ['namespace', 'conntrack', 'ping'];
const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

interface Scene {
  readonly namespace: PrivateNamespace;
  /** Before the listing, milliseconds of the monotonic clock. */
  readonly begun: number;
  readonly listed: readonly ListedConnection[];
}

const closing: (() => Promise<void>)[] = [];
test.after.always(async () => {
  for (const close of closing) await close();
});

async function makeScene(): Promise<Scene> {
  const namespace = await PrivateNamespace.create({ teardown: close => closing.push(close) });
  await furnish(namespace);
  await perform(namespace);
  const begun = performance.now();
  return { namespace, begun, listed: await settledConnections(namespace) };
}
let made: Promise<Scene> | undefined;
const scene = () => (made ??= makeScene());

/** A line of the listing as an object of `ctflow dump --format json`, without what moves or is the kernel's alone. */
function view(connection: ListedConnection, backend: BackendName) {
  const { family, protocol, state, original, reply, flags, zone, mark, id } = connection;
  return {
    family,
    protocol: PROTOCOLS[protocol],
    ...(state !== undefined && { state }),
    original: side(original, zone),
    reply: side(reply, zone),
    offloaded: flags.some(flag => flag.endsWith('OFFLOAD')),
    ...(mark !== '0' && { mark: Number(mark) }),
    ...(backend === 'native' && { id: Number(id) }),
  };
}

function side(direction: ListedDirection, zone: string | undefined) {
  const { src, dst, sport, dport, type, code, icmpId, packets, bytes } = direction;
  const zoneHere = direction.zone ?? zone;
  return {
    source: src,
    destination: dst,
    ...(sport !== undefined && { sourcePort: Number(sport), destinationPort: Number(dport) }),
    ...(type !== undefined && { icmpType: Number(type), icmpCode: Number(code), icmpId: Number(icmpId) }),
    ...(zoneHere !== undefined && { zone: Number(zoneHere) }),
    packets: Number(packets),
    octets: Number(bytes),
  };
}

interface Dumped extends ReturnType<typeof view> {
  timeout?: number;
  start?: string;
  status?: string[];
}

/** Runs a command that dumps; again, a few times, where somebody resizes the hash table meanwhile. */
async function whole(namespace: PrivateNamespace, args: readonly string[]): ReturnType<typeof ctflow> {
  for (let attempt = 1; ; attempt++) {
    const run = await ctflow(namespace, args);
    if (!/resized|Dump 1 is incomplete/.test(run.stderr) || attempt === 5) return run;
  }
}

/** Runs `ctflow dump --format json` and compares it, in whatever order, with these lines of the listing. */
async function compare(
  t: ExecutionContext,
  args: readonly string[],
  expected: readonly ListedConnection[],
  backend: BackendName,
): Promise<void> {
  const { namespace, begun } = await scene();
  const called = performance.now();
  const { code, stdout, stderr } = await whole(namespace, ['dump', '--format', 'json', ...args]);
  t.is(code, 0, stderr);
  const passed = Math.ceil((performance.now() - begun) / 1000);
  // worked out from an age in whole seconds, by a process that may be held up between the kernel's clock and its own
  const latest = backend === 'native' ? 1000 : 2000 + performance.now() - called;
  const dumped = stdout
    .split('\n')
    .filter(line => line)
    .map(line => JSON.parse(line) as Dumped);
  const byText = (one: object, other: object) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
  t.deepEqual(
    dumped
      .map(({ timeout, start, status, mark, ...rest }) => ({ ...rest, ...(mark && { mark }) }))
      .map(ordered)
      .toSorted(byText),
    expected
      .map(connection => view(connection, backend))
      .map(ordered)
      .toSorted(byText),
    args.join(' '),
  );
  for (const { original, timeout, start, status } of dumped) {
    const match = expected.find(
      other => other.original.sport === String(original.sourcePort) && other.original.dst === original.destination,
    );
    if (!match || original.sourcePort === undefined) continue;
    const run = match.timeout - timeout!;
    t.true(run >= 0 && run <= passed + 1, `timeout ${timeout} of ${match.timeout}`);
    const late = Date.parse(start!) - match.start! * 1000;
    t.true(late >= 0 && late < latest, `${late} ms later than ${match.start}, ${latest} at most`);
    t.is(status!.includes('ASSURED'), match.flags.includes('ASSURED'));
    t.is(!status!.includes('SEEN_REPLY'), match.flags.includes('UNREPLIED'));
  }
}

/** The same keys in the same order. */
function ordered(object: object): object {
  return Object.fromEntries(Object.entries(object).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

type Filter = readonly [flags: string, matches: (connection: ListedConnection) => boolean];
const inZone = (wanted: string) => (connection: ListedConnection) =>
  [connection.zone, connection.original.zone, connection.reply.zone].includes(wanted);
const FILTERS: readonly Filter[] = [
  ['--family 4', ({ family }) => family === 'ipv4'],
  ['--family 6', ({ family }) => family === 'ipv6'],
  ['--protocol-filter tcp', ({ protocol }) => protocol === 6],
  ['--protocol-filter icmp,icmpv6,132', ({ protocol }) => [1, 58, 132].includes(protocol)],
  ['--zone 7', inZone('7')],
  ['--zone 8', inZone('8')],
  ['--zone 9', inZone('9')],
  ['--mark 0x80000001', ({ mark }) => mark === '2147483649'],
  ['--mark 0/0x80000000', ({ mark }) => mark === '0'],
  ['--status ASSURED', ({ flags }) => flags.includes('ASSURED')],
  ['--status !SEEN_REPLY', ({ flags }) => flags.includes('UNREPLIED')],
  ['--family 6 --protocol-filter udp,tcp', ({ family, protocol }) => family === 'ipv6' && protocol !== 58],
  ['--zone 4711', () => false],
];
const NATIVE_FILTERS: readonly Filter[] = [
  ['--status SRC_NAT', ({ reply }) => reply.dst === '203.0.113.9'],
  ['--status DST_NAT', ({ original, reply }) => original.dport !== reply.sport && original.sport !== undefined],
];

for (const { name: backend, needs: wanted } of BACKENDS) {
  const rigged = needs(test.serial, [...RIG, ...wanted]);
  const flags = ['--backend', backend];

  rigged(`${backend}: ctflow dump shows what conntrack -L shows`, async t => {
    await compare(t, flags, (await scene()).listed, backend);
  });

  rigged(`${backend}: each filter of ctflow dump passes the connections it names`, async t => {
    const { listed } = await scene();
    for (const [filter, matches] of backend === 'native' ? [...FILTERS, ...NATIVE_FILTERS] : FILTERS) {
      const expected = listed.filter(matches);
      t.not(expected.length, listed.length, filter);
      t.is(expected.length === 0, filter === '--zone 4711', filter);
      await compare(t, [...flags, ...filter.split(' ')], expected, backend);
    }
  });

  rigged(`${backend}: ctflow dump prints a table with every connection whole`, async t => {
    const { namespace, listed } = await scene();
    const { code, stdout, stderr } = await whole(namespace, ['dump', ...flags]);
    t.is(code, 0);
    t.regex(stderr, new RegExp(`\\b${listed.length} connections`));
    for (const { original } of listed) {
      const { src, dst, sport, dport } = original;
      const text = (address: string, port: string | undefined) =>
        port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
      const line = stdout
        .split('\n')
        .find(row => row.includes(`${text(src, sport)} `) && row.includes(`${text(dst, dport)} `));
      t.regex(line ?? '', new RegExp(`\\b${original.packets}/\\d+ +${original.bytes}/`), `${src} ${dst} ${sport}`);
    }
    t.regex(stdout, /snat=203\.0\.113\.9:4000\d/);
    t.regex(stdout, /dnat=\[2001:db8::20\]:8080/);
    t.regex(stdout, /zone=7.*\n/);
    t.regex(stdout, /zone-orig=8.*\n/);
    t.regex(stdout, /zone-reply=9.*\n/);
    t.regex(stdout, /mark=0x80000001/);
  });
}

const native = BACKENDS.filter(({ name }) => name === 'native');
for (const { needs: wanted } of native) {
  const rigged = needs(test.serial, [...RIG, ...wanted]);

  rigged('either backend replays what ctflow record stored', async t => {
    const { namespace, listed } = await scene();
    const file = join(tmpdir(), `ctflow-record-${process.pid}.ctflow`);
    t.teardown(() => rm(file, { force: true }));
    const { code, stderr } = await whole(namespace, ['record', file]);
    t.is(code, 0, stderr);
    for (const { name } of BACKENDS) {
      const source = ['--source', `replay:${file}`, '--backend', name];
      await compare(t, source, listed, 'native'); // netlink has what procfs lacks, whoever decodes it
    }
  });

  rigged('a filter that the fallback cannot apply is an error', async t => {
    const { namespace } = await scene();
    const { code, stderr } = await ctflow(namespace, ['dump', '--backend', 'fallback', '--status', 'SRC_NAT']);
    t.is(code, 1);
    t.regex(stderr, /CTFLOW_BACKEND_LACKS/);
  });
}
