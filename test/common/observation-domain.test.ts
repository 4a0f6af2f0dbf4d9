import test from 'ava';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultDomain, type DomainSources } from '../../src/common/observation-domain.js';

const MACHINE = '3d1219c7c4c5404aaa1f6d2a48adfda4';
const HARDWARE = '4c4c4544-0042-3510-8054-b4c04f4d4d32';

const root = mkdtempSync(join(tmpdir(), 'ctflow-'));
test.after.always(() => rmSync(root, { recursive: true }));
let hosts = 0;

/** A host with these files; undefined for none. */
function host(machine: string | undefined, hardware?: string): DomainSources & { root: string } {
  const at = join(root, `${hosts++}`);
  for (const folder of ['etc', 'sys/class/dmi/id', 'run/netns']) mkdirSync(join(at, folder), { recursive: true });
  if (machine !== undefined) writeFileSync(join(at, 'etc/machine-id'), machine);
  if (hardware !== undefined) writeFileSync(join(at, 'sys/class/dmi/id/product_uuid'), hardware);
  return { root: at, host: 'worker-1', netns: 'blue' };
}

test('it is the same each time: 32 bits, never 0', t => {
  const { id } = defaultDomain({});
  t.true(Number.isInteger(id) && id > 0 && id <= 0xffff_ffff);
  t.is(defaultDomain({}).id, id);
  const one = host(`${MACHINE}\n`, `${HARDWARE}\n`);
  t.is(defaultDomain(one).id, defaultDomain(host(MACHINE, HARDWARE.toUpperCase())).id);
  t.deepEqual(defaultDomain({ ...one, instance: 'edge' }).from, [
    'instance',
    'namespace',
    'machine-id',
    'product_uuid',
    'hostname',
  ]);
});

test('hosts cloned from one image differ by hardware or name, exporters of one host by namespace or instance', t => {
  const one = host(MACHINE, HARDWARE);
  const others = [
    one,
    host(MACHINE, HARDWARE.replace('4c4c', '5d5d')),
    { ...one, host: 'worker-2' },
    { ...one, netns: 'red' },
    { ...one, instance: 'a' },
    { ...one, instance: 'b' },
    // no two lists of values read the same
    { ...one, instance: 'namespace', netns: 'blue' },
  ];
  t.is(new Set(others.map(sources => defaultDomain(sources).id)).size, others.length);
});

for (const placeholder of ['', '\n', 'uninitialized\n', '0'.repeat(32), 'f'.repeat(32), 'my host', undefined]) {
  test(`never from a machine-id that is ${JSON.stringify(placeholder)?.slice(0, 20) ?? 'missing'}`, t => {
    const { id, from } = defaultDomain(host(placeholder));
    t.deepEqual(from, ['namespace', 'hostname']);
    t.is(id, defaultDomain(host(undefined)).id);
  });
}

test('never from hardware or host names that are placeholders', t => {
  for (const hardware of ['00000000-0000-0000-0000-000000000000', '03000200-0400-0500-0006-000700080009', 'Not Set']) {
    t.deepEqual(defaultDomain(host(MACHINE, hardware)).from, ['namespace', 'machine-id', 'hostname']);
  }
  for (const name of ['localhost', 'LOCALHOST.localdomain', '(none)', '']) {
    t.deepEqual(defaultDomain({ ...host(MACHINE), host: name }).from, ['namespace', 'machine-id']);
  }
  const nameless = host(undefined);
  const { from, id } = defaultDomain({ ...nameless, netns: '/no/such/path', host: '' });
  t.deepEqual(from, ['namespace'], 'a path that leads nowhere stands for itself');
  t.true(id > 0);
});

if (process.platform === 'linux') {
  test('a namespace by path, or entered before, has the name that it has under /run/netns', t => {
    const one = host(MACHINE);
    // of another kind, and so never the host's
    symlinkSync('/proc/self/ns/uts', join(one.root, 'run/netns/blue'));
    const byName = defaultDomain(one).id;
    t.is(defaultDomain({ ...one, netns: '/proc/self/ns/uts' }).id, byName);
    t.not(defaultDomain({ ...one, netns: '/proc/self/ns/ipc' }).id, byName);
    symlinkSync('/proc/self/ns/uts', join(one.root, 'run/netns/a-second-name'));
    t.is(defaultDomain({ ...one, netns: join(one.root, 'run/netns/blue') }).id, byName, 'the given one first');
  });
}
