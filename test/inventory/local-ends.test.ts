import test from 'ava';
import { FROM_HOST, TO_HOST } from '../../src/encoder/columns.js';
import { LocalAddresses, LocalEnds } from '../../src/inventory/local-ends.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import type { Facts } from '../helpers/builders/rows.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const HOST = ['192.0.2.1', '10.0.0.1', '2001:db8::1', 'fe80::1', '2001:db8:1::1'];
const ENDS = FROM_HOST | TO_HOST;

/** Which end of the connection is this host. */
function endOf(facts: Facts, addresses = HOST): number {
  const rig = new StoreRig({ maxConnections: 4 });
  rig.store.subscribe(
    new LocalEnds(rig.store, new LocalAddresses({ localAddresses: () => addresses }, listeningLogger().log)),
  );
  rig.poll([facts]);
  return rig.store.table.flags[0] & ENDS;
}

const far = (facts: Facts): Facts => tcp(1000, 0, [1, 60, 1, 60], facts);
const cases: [string, Facts, number][] = [
  ['the source alone', far({ source: '192.0.2.1', destination: '198.51.100.1' }), FROM_HOST],
  ['the destination alone', far({ source: '198.51.100.1', destination: '192.0.2.1' }), TO_HOST],
  ['neither: it is forwarded', far({ source: '198.51.100.1', destination: '198.51.100.2' }), 0],
  ['both: it stays inside', far({ source: '192.0.2.1', destination: '10.0.0.1' }), 0],
  ['both, of 127.0.0.0/8', far({ source: '127.0.0.1', destination: '127.99.0.9' }), 0],
  [
    'its address is translated to this host’s: it is forwarded',
    far({ source: '198.51.100.1', destination: '203.0.113.1', replyDestination: '192.0.2.1' }),
    0,
  ],
  [
    'it asks for this host, and is sent on to another',
    far({ source: '198.51.100.1', destination: '192.0.2.1', replySource: '10.0.0.80' }),
    0,
  ],
  [
    'it asks for another, and is redirected to this host',
    far({ source: '198.51.100.1', destination: '203.0.113.1', replySource: '10.0.0.1' }),
    TO_HOST,
  ],
  [
    'the source, of IPv6',
    udp(1, 0, [1, 1, 1, 1], { source: '2001:db8:1::1', destination: '2001:db8:9::1' }),
    FROM_HOST,
  ],
  [
    'neither, though the last word of an address is the same',
    udp(1, 0, [1, 1, 1, 1], { source: '2001:db8:7::1', destination: '2001:db8:9::2' }),
    0,
  ],
];
for (const [what, facts, end] of cases) test(`this host is ${what}`, t => t.is(endOf(facts), end));

test('addresses come and go with each poll; what a flow had at its beginning stays', t => {
  let list = ['192.0.2.1'];
  const addresses = new LocalAddresses({ localAddresses: () => list }, listeningLogger().log);
  const rig = new StoreRig({ maxConnections: 4 });
  rig.store.subscribe(new LocalEnds(rig.store, addresses));
  const first = far({ source: '192.0.2.1', destination: '198.51.100.1' });
  const later = tcp(2000, 0, [1, 60, 1, 60], { source: '192.0.2.2', destination: '198.51.100.1' });
  rig.poll([first]);
  list = ['192.0.2.2'];
  addresses.beforeDump();
  rig.poll([first, later]);
  const { flags } = rig.store.table;
  t.deepEqual([flags[0] & ENDS, flags[1] & ENDS], [FROM_HOST, FROM_HOST]);
});

test('where the addresses cannot be read, those before hold, and it is said once', t => {
  let fails = false;
  const source = {
    localAddresses(): string[] {
      if (fails) throw new Error('no');
      return ['192.0.2.1'];
    },
  };
  const listening = listeningLogger();
  const addresses = new LocalAddresses(source, listening.log);
  fails = true;
  addresses.beforeDump();
  addresses.beforeDump();
  const rig = new StoreRig({ maxConnections: 4 });
  rig.store.subscribe(new LocalEnds(rig.store, addresses));
  rig.poll([far({ source: '192.0.2.1', destination: '198.51.100.1' })]);
  t.is(rig.store.table.flags[0] & ENDS, FROM_HOST);
  t.is(listening.lines.length, 1);
});
