import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CtflowError } from '../../../src/common/errors.js';
import { OWNER_WORDS } from '../../../src/encoder/columns.js';
import { LocalAddresses } from '../../../src/inventory/local-ends.js';
import { ContainerNames } from '../../../src/inventory/owners/container-names.js';
import { HostOwners } from '../../../src/inventory/owners/host-owners.js';
import { NameTable } from '../../../src/record/name-table.js';
import { ROW_SIZE } from '../../../src/row/layout.generated.js';
import type { LookedOwners, OwnerCounts, SocketOwner, SocketOwners } from '../../../src/sources/source.js';
import { ping, tcp, udp } from '../../helpers/builders/connections.js';
import type { Facts } from '../../helpers/builders/rows.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { temporaryFolder } from '../../helpers/temporary.js';
import { StoreRig } from '../../helpers/rigs/store-rig.js';

const NONE: OwnerCounts = {
  looks: 0,
  sockets: 0,
  connections: 0,
  named: 0,
  without: 0,
  ambiguous: 0,
  unproven: 0,
  ended: 0,
  cpu: 0,
};
const CONTAINER = 'ab'.repeat(32);
const OWNERS: readonly SocketOwner[] = [
  { user: 0, cgroup: '/system.slice/web.service', command: 'web' },
  { user: 0, cgroup: `/docker/${CONTAINER}`, command: '' },
];
const HERE = { source: '192.0.2.1', destination: '198.51.100.1' };
const here = (port: number, more: Facts = {}): Facts => tcp(port, 0, [1, 60, 1, 60], { ...HERE, ...more });

/** Says that the source has the first owner and the destination the second. */
class FakeSockets implements SocketOwners {
  /** Slots of each look, and the first octet of the row of each. */
  readonly looks: number[][] = [];
  fails = false;
  /** Called while a look is under way. */
  meanwhile: () => void = () => {};

  async look(rows: Uint8Array, slots: Uint32Array): Promise<LookedOwners> {
    this.looks.push([...slots].map(slot => rows[slot * ROW_SIZE]));
    await Promise.resolve();
    this.meanwhile();
    if (this.fails) throw new CtflowError('CTFLOW_NETLINK', 'Cannot ask', 'Wait');
    return { found: Uint32Array.from([...slots].flatMap(() => [1, 2])), owners: OWNERS, cpu: 0 };
  }

  counts(): OwnerCounts {
    return { ...NONE, looks: this.looks.length };
  }
}

function rig(sockets: () => SocketOwners | undefined, most?: number, containers?: ContainerNames) {
  const { log, lines } = listeningLogger();
  const names = new NameTable();
  const addresses = new LocalAddresses({ localAddresses: () => ['192.0.2.1'] }, log);
  const owners = new HostOwners({ kind: 'netlink', owners: sockets }, addresses, names, log, most, containers);
  const store = new StoreRig({ maxConnections: 8 });
  const extras = owners.of(store.store);
  const text = (number: number): string =>
    new TextDecoder().decode(names.bytes.subarray(names.ends[number - 1], names.ends[number]));
  const namesOf = (owner: number): string[] =>
    [...extras.ownerFacts.subarray(owner * OWNER_WORDS, (owner + 1) * OWNER_WORDS)].map(name => text(name));
  return { owners, store, column: extras.owners, namesOf, lines };
}

test('connections with an end here are looked for together, once, and have their owners', async t => {
  const sockets = new FakeSockets();
  const { owners, store, column, namesOf } = rig(() => sockets);
  store.poll([here(1), here(2)]);
  await eventually('owners are known', () => column[2] !== 0);
  t.deepEqual(sockets.looks, [[192, 192]]);
  t.deepEqual([...column.subarray(0, 4)], [1, 2, 1, 2]);
  t.deepEqual(namesOf(1), ['root', '/system.slice/web.service', 'web.service', '', '', '', 'web']);
  t.deepEqual(
    namesOf(2),
    ['0', `/docker/${CONTAINER}`, '', CONTAINER, '', '', ''],
    'its users are not those of the host',
  );
  store.poll([here(1), here(2)]);
  await new Promise(resolve => setTimeout(resolve, 120));
  t.is(sockets.looks.length, 1);
  t.is(owners.stats().looks, 1);
});

test('what a dump shows is looked for when it is over, together, and what comes meanwhile as well', async t => {
  const sockets = new FakeSockets();
  const { owners, store } = rig(() => sockets);
  owners.beforeDump();
  store.poll([here(1)]);
  await new Promise(resolve => setTimeout(resolve, 60));
  t.is(sockets.looks.length, 0);
  store.poll([here(1), here(2)]);
  let more = true;
  sockets.meanwhile = () => {
    if (more) {
      more = false;
      store.poll([here(1), here(2), here(3)]);
      owners.afterDump();
    }
  };
  owners.afterDump();
  await eventually('both looks are over', () => sockets.looks.length === 2);
  t.deepEqual(
    sockets.looks.map(({ length }) => length),
    [2, 1],
  );
});

test('the name of a container comes later than its owner', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'var/lib/docker/containers', CONTAINER);
  mkdirSync(file, { recursive: true });
  writeFileSync(join(file, 'config.v2.json'), JSON.stringify({ Name: '/shop' }));
  const { store, namesOf } = rig(() => new FakeSockets(), undefined, new ContainerNames(folder));
  store.poll([here(1)]);
  await eventually('the container has its name', () => namesOf(2)[4] === 'shop');
  t.is(namesOf(1)[4], '');
});

test('an owner beyond the limit is counted, and those before stay', async t => {
  const sockets = new FakeSockets();
  const { owners, store, column } = rig(() => sockets, 1);
  store.poll([here(1)]);
  await eventually('the first owner is known', () => column[0] === 1);
  t.is(column[1], 0);
  const { ownersOverflow, owners: count } = owners.stats();
  t.deepEqual([ownersOverflow, count], [1, 1]);
});

test('what is forwarded, has no ports or is in a zone is not looked for', async t => {
  const sockets = new FakeSockets();
  const { owners, store } = rig(() => sockets);
  store.poll([here(1, { source: '198.51.100.7' }), ping(1, 0, [1, 60, 1, 60], HERE), here(3, { zone: 5 })]);
  await new Promise(resolve => setTimeout(resolve, 120));
  t.is(sockets.looks.length, 0);
  t.is(owners.stats().inZone, 1);
  store.poll([udp(4, 0, [1, 60, 1, 60], HERE)]);
  await eventually('it is looked for', () => sockets.looks.length === 1);
});

test('a slot that has another connection by then gets no owner of the one before', async t => {
  const sockets = new FakeSockets();
  const { store, column } = rig(() => sockets);
  let replaced = false;
  sockets.meanwhile = () => {
    if (!replaced) store.poll([]);
    replaced = true;
  };
  store.poll([here(1)]);
  await eventually('the look is over', () => replaced);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.deepEqual([...column.subarray(0, 2)], [0, 0]);
});

test('a look that fails is said once, and what was to be looked for is counted', async t => {
  const sockets = new FakeSockets();
  sockets.fails = true;
  let now: FakeSockets | undefined = sockets;
  const { owners, store, column, lines } = rig(() => now);
  store.poll([here(1)]);
  await eventually('it has failed', () => owners.stats().failed === 1);
  store.poll([here(1), here(2)]);
  await eventually('it has failed again', () => owners.stats().failed === 2);
  t.deepEqual(
    lines.map(({ msg }) => msg),
    ['CTFLOW_NETLINK: Cannot ask. Wait; connections stay without owners'],
  );
  now = undefined;
  store.poll([here(1), here(2), here(3)]);
  await eventually('there is no namespace', () => owners.stats().failed === 3);
  now = new FakeSockets();
  store.poll([here(1), here(2), here(3), here(4)]);
  await eventually('owners are known', () => column[6] !== 0);
  t.is(owners.stats().looks, 3, 'counts go on');
});

test('nothing is looked for any more once it is closed', async t => {
  const sockets = new FakeSockets();
  const { owners, store } = rig(() => sockets);
  store.poll([here(1)]);
  owners.close();
  await new Promise(resolve => setTimeout(resolve, 120));
  t.is(sockets.looks.length, 0);
});

test('a source without sockets is refused in a sentence', t => {
  const { log } = listeningLogger();
  const addresses = new LocalAddresses({}, log);
  const refusal = (kind: 'procfs' | 'replay' | 'ovs'): unknown => {
    const error = t.throws(() => new HostOwners({ kind }, addresses, new NameTable(), log));
    const { code, message } = error as CtflowError;
    return [code, message];
  };
  t.deepEqual(refusal('procfs'), ['CTFLOW_BACKEND_LACKS', 'Only the native backend can ask the kernel for sockets']);
  t.deepEqual(refusal('replay'), ['CTFLOW_USAGE', 'A recording has no sockets']);
  t.deepEqual(refusal('ovs'), ['CTFLOW_USAGE', 'Open vSwitch knows no sockets']);
});
