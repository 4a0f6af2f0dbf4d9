import test from 'ava';
import { IN_USE } from '../../src/store/connection-table.js';
import { Enrichment, FROM_EXTERNAL, INTER_NODE, INTRA_NODE, TO_EXTERNAL } from '../../src/inventory/enrichment.js';
import { ORIG_SPORT, ROW_SIZE } from '../../src/row/layout.generated.js';
import { NameTable } from '../../src/record/name-table.js';
import { ping, tcp, udp } from '../helpers/builders/connections.js';
import { lookupOf, type WrittenInventory } from '../helpers/builders/inventory.js';
import type { Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const CLUSTER: WrittenInventory = {
  node: 'worker-1',
  pods: [
    { name: 'web-0', namespace: 'shop', addresses: ['10.1.1.5', 'fd00:1:1::5'] },
    { name: 'web-1', namespace: 'shop', addresses: ['10.1.1.6'] },
    { name: 'db-0', namespace: 'data', node: 'worker-2', addresses: ['10.1.2.5', 'fd00:1:2::5'] },
  ],
  nodes: [
    { name: 'worker-1', addresses: ['192.0.2.11', '10.1.1.0/24'] },
    { name: 'worker-2', addresses: ['192.0.2.12', '10.1.2.0/24'] },
  ],
  services: [
    {
      name: 'db',
      namespace: 'data',
      addresses: ['10.96.0.10', 'fd00:96::10'],
      ports: [
        { name: 'sql', port: 5432 },
        { port: 53, protocol: 'udp' },
      ],
    },
  ],
  podPrefixes: ['10.1.0.0/16', 'fd00:1::/32'],
};

/** What a record says of a flow: pod, namespace and node of both sides, the service port, the flow type. */
type Answer = readonly [...string[], number];

class Rig extends StoreRig {
  readonly names = new NameTable({ names: 64, bytes: 2_048 });
  readonly enrichment: Enrichment;

  constructor(inventory: WrittenInventory, maxConnections = 64) {
    super({ maxConnections });
    this.enrichment = new Enrichment(this.store, lookupOf(inventory, this.names), this.names);
  }

  async use(inventory: WrittenInventory): Promise<void> {
    await this.enrichment.use({ lookup: lookupOf(inventory, this.names) });
  }

  answer(slot = 0): Answer {
    const { names: numbers, types } = this.enrichment.extras;
    const names = [...numbers!.subarray(slot * 7, slot * 7 + 7)].map(number => {
      const start = number === 0 ? 0 : this.names.ends[number - 1];
      return Buffer.from(this.names.bytes.subarray(start, this.names.ends[number])).toString();
    });
    return [...names, types![slot]];
  }

  /** What is said of the connection from a port. */
  answerOf(port: number): Answer {
    const { flags, rows, top } = this.store.table;
    const ports = new Uint16Array(rows.buffer, rows.byteOffset);
    for (let slot = 0; slot < top; slot++) {
      if (flags[slot] === IN_USE && ports[(slot * ROW_SIZE + ORIG_SPORT) >> 1] === port) return this.answer(slot);
    }
    throw new Error(`no connection from port ${port}`);
  }

  /** What is said of a connection that a poll shows. */
  see(facts: Facts): Answer {
    this.poll([facts]);
    return this.answer();
  }
}

const NOBODY = ['', '', ''];
const WEB = ['web-0', 'shop', 'worker-1'];
const DB = ['db-0', 'data', 'worker-2'];

function between(source: string, destination: string, more: Facts = {}): Facts {
  return tcp(1_000, 1_700_000_000_000 - 5_000, [1, 60, 1, 60], { source, destination, destinationPort: 5432, ...more });
}

for (const [what, facts, answer] of [
  ['pods of one node', between('10.1.1.5', '10.1.1.6'), [...WEB, 'web-1', 'shop', 'worker-1', '', INTRA_NODE]],
  ['pods of two nodes', between('10.1.1.5', '10.1.2.5'), [...WEB, ...DB, '', INTER_NODE]],
  ['pods with IPv6 addresses', between('fd00:1:1::5', 'fd00:1:2::5'), [...WEB, ...DB, '', INTER_NODE]],
  ['a pod and the world', between('10.1.1.5', '203.0.113.9'), [...WEB, ...NOBODY, '', TO_EXTERNAL]],
  ['the world and a pod', between('203.0.113.9', '10.1.2.5'), [...NOBODY, ...DB, '', FROM_EXTERNAL]],
  ['a pod and a node', between('10.1.1.5', '192.0.2.12'), [...WEB, '', '', 'worker-2', '', TO_EXTERNAL]],
  ['two nodes', between('192.0.2.11', '192.0.2.12'), ['', '', 'worker-1', '', '', 'worker-2', '', 0]],
  ['strangers', between('203.0.113.9', '203.0.113.8'), [...NOBODY, ...NOBODY, '', 0]],
  ['this host and itself', between('127.0.0.1', '127.0.0.53'), ['', '', 'worker-1', '', '', 'worker-1', '', 0]],
  [
    'a pod that is not listed, on a known node',
    between('10.1.1.5', '10.1.2.77'),
    [...WEB, '', '', 'worker-2', '', INTER_NODE],
  ],
  [
    'a pod that is not listed, on a node that nobody knows',
    between('10.1.1.5', '10.1.3.77'),
    [...WEB, ...NOBODY, '', 0],
  ],
  [
    'a service, translated',
    between('10.1.1.5', '10.96.0.10', { replySource: '10.1.2.5' }),
    [...WEB, ...DB, 'data/db:sql', INTER_NODE],
  ],
  [
    'a service of IPv6',
    between('fd00:1:1::5', 'fd00:96::10', { replySource: 'fd00:1:2::5' }),
    [...WEB, ...DB, 'data/db:sql', INTER_NODE],
  ],
  ['a service without endpoints', between('10.1.1.5', '10.96.0.10'), [...WEB, ...NOBODY, 'data/db:sql', 0]],
  ['a service on another port', between('10.1.1.5', '10.96.0.10', { destinationPort: 80 }), [...WEB, ...NOBODY, '', 0]],
  [
    'a service of another protocol',
    udp(9, 1, [1, 60, 1, 60], { source: '10.1.1.5', destination: '10.96.0.10', destinationPort: 5432 }),
    [...WEB, ...NOBODY, '', 0],
  ],
  [
    'a service port without a name',
    udp(9, 1, [1, 60, 1, 60], { source: '203.0.113.9', destination: '10.96.0.10' }),
    [...NOBODY, ...NOBODY, 'data/db', 0],
  ],
  [
    'the ping of a service',
    ping(5_432, 1, [1, 60, 1, 60], { source: '10.1.1.5', destination: '10.96.0.10' }),
    [...WEB, ...NOBODY, '', 0],
  ],
  [
    'a source that is translated',
    between('10.1.1.5', '203.0.113.9', { replyDestination: '192.0.2.11' }),
    [...WEB, ...NOBODY, '', TO_EXTERNAL],
  ],
] as const) {
  test(`${what}: names and flow type`, t => {
    t.deepEqual(new Rig(CLUSTER).see(facts), answer as unknown as Answer);
  });
}

test('without pod prefixes no address counts as external', t => {
  const { podPrefixes: _, ...rest } = CLUSTER;
  t.deepEqual(new Rig(rest).see(between('10.1.1.5', '203.0.113.9')), [...WEB, ...NOBODY, '', 0]);
  t.deepEqual(new Rig(rest).see(between('10.1.1.5', '10.1.2.5')), [...WEB, ...DB, '', INTER_NODE]);
});

test('a pod on an unknown node has no node and no flow type', t => {
  const { node: _, nodes: __, ...rest } = CLUSTER;
  t.deepEqual(new Rig(rest).see(between('10.1.1.5', '10.1.2.5')), ['web-0', 'shop', '', ...DB, '', 0]);
});

test('a known service has its fields, with or without NAT', t => {
  const rig = new Rig(CLUSTER);
  rig.poll([between('10.1.1.5', '10.96.0.10'), between('10.1.1.5', '203.0.113.9')]);
  t.is(rig.answer(0)[6], 'data/db:sql');
  t.is(rig.answer(1)[6], '');
});

const OWNERS: WrittenInventory = {
  pods: [
    { name: 'middle', namespace: 'n', addresses: ['10.1.1.5'], since: '2023-11-14T22:10:00Z' },
    { name: 'late', namespace: 'n', addresses: ['10.1.1.5'], since: '2023-11-14T22:12:00Z' },
    { name: 'early', namespace: 'n', addresses: ['10.1.1.5'] },
    { name: 'other', namespace: 'n', addresses: ['10.1.1.6'], since: '2023-11-14T22:12:00Z' },
  ],
};

// antrea-io/antrea#8030
test('a reused address has the pod that it had at the start of the flow', t => {
  const late = Date.parse('2023-11-14T22:12:00Z');
  for (const [start, name] of [
    [late + 1, 'late'],
    [late, 'late'],
    [late - 1, 'middle'],
    [late - 120_000, 'middle'],
    [late - 120_001, 'early'],
  ] as const) {
    const facts = tcp(1, start, [1, 60, 1, 60], { source: '10.1.1.5', destination: '10.1.1.6' });
    const answer = new Rig(OWNERS).see(facts);
    t.deepEqual(answer.slice(0, 6), [name, 'n', '', ...(start >= late ? ['other', 'n', ''] : NOBODY)]);
  }
});

// antrea-io/antrea#8030
test('a connection keeps its names when its address moves to another pod', async t => {
  const rig = new Rig(CLUSTER);
  rig.poll([between('10.1.1.5', '10.1.2.5')]);
  const before = rig.answer();
  const pods = [{ name: 'newcomer', namespace: 'n', node: 'worker-9', addresses: ['10.1.1.5', '10.1.2.5'] }];
  await rig.use({ ...CLUSTER, pods });
  t.deepEqual(rig.answer(), before);
  t.deepEqual(new Rig({ ...CLUSTER, pods }).see(between('10.1.1.5', '10.1.2.5')).slice(0, 3), [
    'newcomer',
    'n',
    'worker-9',
  ]);
});

// antrea-io/antrea at its head
test('a connection without names gets them when the inventory has its address', async t => {
  const rig = new Rig({}, 10_000);
  rig.poll(
    [...Array(9_000).keys()].map(i =>
      between('10.1.1.5', '10.96.0.10', { sourcePort: i + 1, replySource: '10.1.2.5' }),
    ),
  );
  t.deepEqual(rig.answer(8_999), [...NOBODY, ...NOBODY, '', 0]);
  await rig.use(CLUSTER);
  for (const slot of [0, 4_095, 4_096, 8_999]) {
    t.deepEqual(rig.answer(slot), [...WEB, ...DB, 'data/db:sql', INTER_NODE], `slot ${slot}`);
  }
});

test('a partial match is completed', async t => {
  const rig = new Rig({ pods: [{ name: 'web-0', namespace: 'shop', addresses: ['10.1.1.5'] }] });
  t.deepEqual(rig.see(between('10.1.1.5', '10.1.2.5')), ['web-0', 'shop', '', ...NOBODY, '', 0]);
  await rig.use(CLUSTER);
  t.deepEqual(rig.answer(), [...WEB, ...DB, '', INTER_NODE]);
});

test('a partial match is not completed with names of another pod or node', async t => {
  const rig = new Rig({
    pods: [{ name: 'before', namespace: 'shop', addresses: ['10.1.1.5'] }],
    nodes: [{ name: 'worker-7', addresses: ['10.1.2.5'] }],
  });
  rig.poll([between('10.1.1.5', '10.1.2.5')]);
  await rig.use(CLUSTER);
  t.deepEqual(rig.answer().slice(0, 6), ['before', 'shop', '', '', '', 'worker-7']);
});

test('a pod without a node completes a match that has the node', async t => {
  const rig = new Rig({ nodes: [{ name: 'worker-7', addresses: ['10.1.1.5'] }] });
  rig.poll([between('10.1.1.5', '203.0.113.9')]);
  await rig.use({ pods: [{ name: 'web-0', namespace: 'shop', addresses: ['10.1.1.5'] }] });
  t.deepEqual(rig.answer().slice(0, 3), ['web-0', 'shop', 'worker-7']);
});

test('an inventory loaded while flows are looked up applies to the flows that are left', async t => {
  const rig = new Rig({}, 10_000);
  rig.poll([...Array(9_000).keys()].map(i => between('10.1.1.5', '10.1.2.5', { sourcePort: i + 1 })));
  const older = rig.use({ pods: [{ name: 'older', namespace: 'n', addresses: ['10.1.1.5'] }] });
  await rig.use(CLUSTER);
  await older;
  t.is(rig.answer(0)[0], 'older', 'looked up before the newer one came');
  t.is(rig.answer(8_999)[0], 'web-0');
});

test('a slot that is reused has no names of its last connection', t => {
  const rig = new Rig(CLUSTER, 1);
  rig.poll([between('10.1.1.5', '10.96.0.10', { replySource: '10.1.2.5' })]);
  rig.advance(1_000);
  rig.poll([]);
  rig.due();
  t.is(rig.store.size, 0);
  t.deepEqual(rig.see(between('203.0.113.9', '203.0.113.8')), [...NOBODY, ...NOBODY, '', 0]);
});

test('a connection that only its DESTROY event shows is looked up', t => {
  const rig = new Rig(CLUSTER);
  rig.poll([]);
  rig.destroy(between('10.1.1.5', '10.1.2.5'));
  t.deepEqual(rig.answer(), [...WEB, ...DB, '', INTER_NODE]);
});

test('unused names are removed after many inventories; names of connections stay', async t => {
  const rig = new Rig(CLUSTER);
  rig.poll([between('10.1.1.5', '10.1.2.5')]);
  const before = rig.answer();
  for (let i = 0; i < 100; i++) {
    const inventory = { pods: [{ name: `pod-${i}`, namespace: `n-${i}`, addresses: ['10.1.7.7'] }] };
    await rig.use(inventory);
    rig.poll([between('10.1.1.5', '10.1.2.5'), between('10.1.7.7', '10.1.7.8', { sourcePort: i + 1 })]);
    t.deepEqual(rig.answerOf(i + 1).slice(0, 2), [`pod-${i}`, `n-${i}`]);
    rig.names.tidy();
    // others' names take the room that was made
    for (let other = 0; other < 25; other++) rig.names.intern(`${'r'.repeat((other * 7 + i) % 23)}ule-${i}-${other}`);
    t.deepEqual(rig.answerOf(i + 1).slice(0, 2), [`pod-${i}`, `n-${i}`]);
    rig.poll([between('10.1.1.5', '10.1.2.5'), between('10.1.7.7', '10.1.7.8', { sourcePort: 5_000 + i })]);
    t.deepEqual(rig.answerOf(5_000 + i).slice(0, 2), [`pod-${i}`, `n-${i}`], 'the inventory knows the new numbers');
    rig.advance(1_000);
    rig.poll([between('10.1.1.5', '10.1.2.5')]);
    rig.due();
  }
  t.deepEqual(rig.answer(), before);
  t.is(rig.names.overflow, 0);
});
