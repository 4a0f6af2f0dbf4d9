import test from 'ava';
import { InventoryLookup } from '../../src/inventory/lookup.js';
import { NameTable, NO_NAME } from '../../src/record/name-table.js';
import { inventoryOf } from '../helpers/builders/inventory.js';

const WEB = Uint8Array.of(10, 0, 0, 1);
const NOBODY = Uint8Array.of(10, 0, 0, 9);

function nameOf(table: NameTable, number: number): string {
  const start = number === NO_NAME ? 0 : table.ends[number - 1];
  return Buffer.from(table.bytes.subarray(start, table.ends[number])).toString();
}

const INVENTORY = inventoryOf({
  pods: Array.from({ length: 200 }, (_, i) => ({
    name: `web-${i}`,
    namespace: 'shop',
    addresses: [`10.0.0.${i + 1}`],
  })),
  services: [
    {
      name: 'dns',
      namespace: 'kube',
      addresses: ['10.0.1.1'],
      ports: [
        { name: 'udp', port: 53, protocol: 'UDP' },
        { name: 'tcp', port: 53 },
      ],
    },
    {
      name: 'two',
      namespace: 'shop',
      addresses: ['10.0.1.2', '10.0.1.3'],
      ports: [{ port: 53 }, { name: 'b', port: 8443, protocol: 'sctp' }],
    },
  ],
});

test('a name is added to the table at its first lookup, once', t => {
  const names = new NameTable();
  const lookup = new InventoryLookup(INVENTORY, names);
  t.is(names.count, 1);
  const pod = lookup.podAt(WEB, 0, 2, 0);
  t.is(nameOf(names, lookup.podName(pod)), 'web-0');
  t.is(lookup.podName(pod), lookup.podName(pod));
  t.is(nameOf(names, lookup.podNamespace(pod)), 'shop');
  t.is(lookup.podNode(pod), NO_NAME);
  t.is(names.count, 3);
  t.is(lookup.podAt(new Uint8Array(16), 0, 10, 0), 0, 'of IPv6 there is none');
});

test('a service port is found by address, protocol and port together', t => {
  const names = new NameTable();
  const lookup = new InventoryLookup(INVENTORY, names);
  const port = (last: number, protocol: number, number: number): string =>
    nameOf(names, lookup.servicePortAt(Uint8Array.of(10, 0, 1, last), 0, 2, protocol, number));
  t.is(port(1, 17, 53), 'kube/dns:udp');
  t.is(port(1, 6, 53), 'kube/dns:tcp');
  for (const last of [2, 3]) {
    t.is(port(last, 6, 53), 'shop/two');
    t.is(port(last, 132, 8443), 'shop/two:b');
    t.is(port(last, 17, 53), '');
  }
  t.is(port(1, 132, 8443), '', 'a port of the next address is not one of this');
  t.is(port(4, 6, 53), '');
});

test('names of an inventory keep their numbers when the name table is compacted', t => {
  const names = new NameTable({ names: 40, bytes: 10_000 });
  const lookup = new InventoryLookup(INVENTORY, names);
  names.hold(lookup);
  for (let other = 0; other < 30; other++) names.intern(`rule-${other}`);
  const pod = lookup.podAt(WEB, 0, 2, 0);
  const before = lookup.podName(pod);
  names.tidy();
  for (let other = 0; other < 35; other++) names.intern(`another-rule-${other}`);
  t.is(lookup.podName(pod), before);
  t.is(nameOf(names, before), 'web-0');
});

test('an unknown address has no pod, nor has one before its time', t => {
  const lookup = new InventoryLookup(
    inventoryOf({ pods: [{ name: 'a', namespace: 'n', addresses: ['10.0.0.1'], since: '2026-01-01T00:00:00Z' }] }),
    new NameTable(),
  );
  t.is(lookup.podAt(NOBODY, 0, 2, Date.UTC(2026, 0, 2)), 0);
  t.is(lookup.podAt(WEB, 0, 2, Date.UTC(2025, 11, 31)), 0);
  t.not(lookup.podAt(WEB, 0, 2, Date.UTC(2026, 0, 1)), 0);
});
