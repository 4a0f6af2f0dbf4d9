/** Connections summed up by keys, on exact bytes and as a collector reads them. */
import type { Backend } from '../../../src/backend/backend.js';
import { SumBatcher } from '../../../src/destination/batchers/sum-batcher.js';
import { aggregateProfile, type AggregateKey } from '../../../src/ipfix/profile-aggregate.js';
import type { Biflow } from '../../../src/ipfix/profile-standard.js';
import { DestinationJournal } from '../../../src/state/destination-journal.js';
import { DONE, EXPORTED, PENDING, PENDING_SUMS, SUMMED, WITHDRAWN } from '../../../src/state/entry-block.js';
import { ConnectionStore } from '../../../src/store/connection-store.js';
import type { FlowFilter } from '../../../src/schedule/visibility.js';
import { perBackend } from '../../helpers/backends.js';
import { ping, tcp, udp } from '../../helpers/builders/connections.js';
import { rows, type Facts } from '../../helpers/builders/rows.js';
import { Decoder, readMessage, valuesOf } from '../../helpers/builders/wire.js';
import { SessionRig } from '../../helpers/rigs/session-rig.js';
import { kernelTimeouts } from '../../helpers/rigs/store-rig.js';

const BEGAN = 1_700_000_000_000;
const INTERVAL = 60_000;
const KEYS: readonly AggregateKey[] = ['src', 'dst', 'dst.port', 'protocol'];

interface Options {
  keys?: readonly AggregateKey[];
  limit?: number;
  biflow?: Biflow;
  journal?: true;
  filter?: FlowFilter;
  maxConnections?: number;
  denied?: boolean;
}

class SumRig extends SessionRig {
  now = BEGAN;
  readonly store: ConnectionStore;
  readonly batcher: SumBatcher;
  /** Kinds of journal blocks, in the order in which they were written. */
  readonly written: string[] = [];
  readonly journal: DestinationJournal | undefined;
  readonly #decoder = new Decoder('tcp');

  constructor(backend: Backend, options: Options = {}) {
    const { keys = KEYS, limit = 100, biflow = 'reverse', maxConnections = 1_000, denied = false } = options;
    super(backend, { limit: 1_400, unreliable: false, profile: aggregateProfile(keys, biflow, undefined) });
    this.store = new ConnectionStore({ maxConnections, endedRoom: 100, firstSight: 'total', born: this.at() });
    if (options.journal) {
      const names = new Map([
        [EXPORTED, 'exported'],
        [PENDING, 'pending'],
        [DONE, 'done'],
        [WITHDRAWN, 'withdrawn'],
        [SUMMED, 'summed'],
        [PENDING_SUMS, 'pending sums'],
      ]);
      const append = (block: Uint8Array): void =>
        void this.written.push(names.get(new DataView(block.buffer).getUint16(block.byteOffset, true))!);
      const facts = { number: 3, name: '', born: 0, known: undefined, table: undefined };
      this.journal = new DestinationJournal({ announce: () => {}, append }, facts);
    }
    const schedule = {
      activeFlowExportTimeout: 0,
      idleFlowExportTimeout: 3_600_000,
      staleConnectionTimeout: 300_000,
      endedQueue: 100,
      zeroDeltas: 'none',
      aggregation: { keys, limit, interval: INTERVAL },
      denied,
      filter: options.filter,
    } as const;
    const flows = { store: this.store, extras: {} };
    this.batcher = new SumBatcher(flows, schedule, this.session, this.journal, () => this.now);
  }

  at(): { wall: number; monotonic: number } {
    return { wall: this.now, monotonic: this.now };
  }

  poll(...connections: Facts[]): void {
    this.store.beginPoll(this.at(), kernelTimeouts());
    if (connections.length > 0) this.store.merge(rows(...connections), this.at());
    for (let from = 0; from >= 0;) from = this.store.sweep(from, 1_000, this.at());
    this.store.endPoll(true);
    while (this.batcher.take(2));
  }

  /** The interval is over. @returns what a collector reads */
  records(): Record<string, unknown>[] {
    this.now += INTERVAL;
    this.batcher.export(100);
    return this.#decoder.decode(this.transport.take()).map(valuesOf);
  }
}

perBackend(
  'a sum is these bytes: keys, earliest start, latest end, deltas of both directions, connections',
  (t, backend) => {
    const rig = new SumRig(backend);
    rig.poll(
      tcp(1_001, BEGAN - 9_000, [2, 200, 1, 100], { tcpFlags: 0 }),
      tcp(1_002, BEGAN - 12_345, [2 ** 32, 2 ** 33 + 1, 5, 2 ** 32 - 1], { tcpFlags: 0 }),
      tcp(1_003, BEGAN - 10, [1, 60, 0, 0], { tcpFlags: 0 }),
    );
    t.is(rig.transport.take().length, 0, 'nothing before the interval is over');
    rig.now += INTERVAL;
    t.false(rig.batcher.export(100));
    const [{ bytes, records }] = rig.transport.take();
    t.is(records, 1);
    const { sets } = readMessage(bytes);
    const [template, data] = sets;
    // prettier-ignore
    const elements = [
      8, 4, 12, 4, 11, 2, 4, 1, 60, 1, 152, 8, 153, 8, 161, 4, 2, 8, 1, 8,
      0x8002, 8, 0, 29_305, 0x8001, 8, 0, 29_305, 239, 1, 3, 8,
    ];
    const id = template.content.readUInt16BE(0);
    const words = Buffer.alloc(4 + elements.length * 2);
    [id, 14, ...elements].forEach((word, i) => words.writeUInt16BE(word, i * 2));
    t.is(template.content.toString('hex'), words.toString('hex'));
    t.is(data.id, id);
    const end = Math.max(...[0, 1, 2].map(slot => rig.store.table.endMs(slot)));
    const hex = (value: number | bigint, size: number): string =>
      BigInt(value)
        .toString(16)
        .padStart(size * 2, '0');
    t.is(
      data.content.toString('hex'),
      [
        'c0000201',
        'c6336401',
        hex(443, 2),
        hex(6, 1),
        hex(4, 1),
        hex(BEGAN - 12_345, 8),
        hex(end, 8),
        hex(end - (BEGAN - 12_345), 4),
        hex(2n ** 32n + 3n, 8),
        hex(2n ** 33n + 261n, 8),
        hex(6, 8),
        hex(2n ** 32n + 99n, 8),
        hex(1, 1),
        hex(3, 8),
      ].join(''),
    );
  },
);

perBackend('the next interval has what was counted since, and connections that are new to it', (t, backend) => {
  const rig = new SumRig(backend);
  rig.poll(udp(1, BEGAN, [1, 100, 0, 0]), udp(2, BEGAN, [1, 100, 0, 0]));
  rig.poll(udp(1, BEGAN, [4, 400, 0, 0]), udp(2, BEGAN, [1, 100, 0, 0]));
  const [first, ...others] = rig.records();
  t.deepEqual([first['packetDeltaCount'], first['octetDeltaCount'], first['deltaFlowCount']], [5, 500, 2]);
  t.is(others.length, 0);
  t.deepEqual(rig.records(), [], 'nothing was counted');
  rig.poll(udp(1, BEGAN, [5, 550, 0, 0]), udp(3, BEGAN, [1, 10, 0, 0]));
  const [second] = rig.records();
  t.deepEqual([second['packetDeltaCount'], second['octetDeltaCount'], second['deltaFlowCount']], [2, 160, 1]);
});

perBackend('what finds no room for its key is in one record without keys', (t, backend) => {
  const rig = new SumRig(backend, { keys: ['src.port', 'protocol'], limit: 2 });
  rig.poll(...[1, 2, 3, 4].map(port => udp(port, BEGAN - port, [port, port * 100, 1, 10])));
  t.deepEqual(rig.batcher.stats, { keys: 2, overflowed: 2 });
  const records = rig.records();
  t.deepEqual(
    records.map(record => [record['sourceTransportPort'], record['packetDeltaCount'], record['deltaFlowCount']]),
    [
      [1, 1, 1],
      [2, 2, 1],
      [undefined, 7, 2],
    ],
  );
  const remainder = records[2];
  t.deepEqual(Object.keys(remainder).toSorted(), [
    'biflowDirection',
    'deltaFlowCount',
    'flowDurationMilliseconds',
    'flowEndMilliseconds',
    'flowStartMilliseconds',
    'octetDeltaCount',
    'packetDeltaCount',
    'reverseOctetDeltaCount',
    'reversePacketDeltaCount',
  ]);
  t.is(remainder['flowStartMilliseconds'], BEGAN - 4);
  t.is(rig.batcher.stats.keys, 0, 'the next interval has room again');
});

perBackend('a record has only keys that its connections have', (t, backend) => {
  const keys: AggregateKey[] = ['dst', 'dst.port', 'protocol', 'mark', 'zone'];
  const rig = new SumRig(backend, { keys });
  rig.poll(
    ping(9, BEGAN, [1, 84, 1, 84]),
    ping(10, BEGAN, [1, 84, 1, 84], { id: 80 }),
    udp(1, BEGAN, [1, 100, 0, 0], { mark: 7 }),
    udp(2, BEGAN, [1, 100, 0, 0], { zone: 5, source: '2001:db8::1', destination: '2001:db8::2' }),
  );
  const key = (record: Record<string, unknown>): unknown[] =>
    ['destinationIPv4Address', 'destinationIPv6Address', 'destinationTransportPort', 'mark', 'ingressVRFID'].map(
      name => record[name],
    );
  const records = rig.records();
  t.deepEqual(records.map(key), [
    ['198.51.100.1', undefined, undefined, undefined, undefined],
    ['198.51.100.1', undefined, 53, 7, undefined],
    [undefined, '2001:db8::2', 53, undefined, 5],
  ]);
  t.true(records.every(record => !('sourceIPv4Address' in record)));
});

perBackend('with two uniflows the reply direction has the key turned round', (t, backend) => {
  const rig = new SumRig(backend, { biflow: 'two-uniflows', keys: ['src', 'dst', 'nat.dst', 'dst.port'] });
  rig.poll(udp(1, BEGAN, [3, 300, 2, 100], { replySource: '10.0.0.9' }), udp(2, BEGAN, [1, 40, 0, 0]));
  const ends = (record: Record<string, unknown>): unknown[] =>
    [
      'sourceIPv4Address',
      'destinationIPv4Address',
      'postNATSourceIPv4Address',
      'postNATDestinationIPv4Address',
      'sourceTransportPort',
      'destinationTransportPort',
      'octetDeltaCount',
    ].map(name => record[name]);
  t.deepEqual(rig.records().map(ends), [
    ['192.0.2.1', '198.51.100.1', undefined, '10.0.0.9', undefined, 53, 300],
    ['10.0.0.9', '192.0.2.1', '198.51.100.1', undefined, 53, undefined, 100],
    ['192.0.2.1', '198.51.100.1', undefined, '198.51.100.1', undefined, 53, 40],
  ]);
});

perBackend('a filter decides what is summed up', (t, backend) => {
  const rig = new SumRig(backend, {
    keys: ['protocol'],
    filter: { lasting: slot => rig.store.table.bytes[slot * 192 + 73] === 17, changing: undefined },
  });
  rig.poll(udp(1, BEGAN, [1, 100, 0, 0]), tcp(2, BEGAN, [1, 60, 0, 0]));
  t.deepEqual(
    rig.records().map(record => [record['protocolIdentifier'], record['octetDeltaCount']]),
    [[17, 100]],
  );
});

perBackend('sums need no session: they wait for it, and grow meanwhile', (t, backend) => {
  const rig = new SumRig(backend, { keys: ['protocol'] });
  rig.transport.ready = false;
  rig.poll(udp(1, BEGAN, [1, 100, 0, 0]));
  t.deepEqual(rig.records(), []);
  t.is(rig.batcher.nextDeadline(false), rig.batcher.schedule.nextDeadline());
  t.is(rig.batcher.nextDeadline(true), 0, 'the interval is over');
  rig.poll(udp(1, BEGAN, [3, 300, 0, 0]));
  rig.transport.ready = true;
  t.deepEqual(
    rig.records().map(record => record['octetDeltaCount']),
    [300],
  );
});

perBackend('an evicted connection is in its sum', (t, backend) => {
  const rig = new SumRig(backend, { keys: ['protocol'], maxConnections: 2 });
  rig.poll(udp(1, BEGAN, [1, 100, 0, 0]), udp(2, BEGAN, [1, 100, 0, 0]));
  rig.now += 5_000;
  rig.poll(udp(3, rig.now, [1, 50, 0, 0]), udp(4, rig.now, [1, 50, 0, 0]));
  t.is(rig.batcher.schedule.evictedUnreported.connections, 0);
  t.deepEqual(
    rig.records().map(record => record['octetDeltaCount']),
    [300],
  );
});

perBackend('the journal has sums before the transport has them, and a rate is kept to', (t, backend) => {
  const rig = new SumRig(backend, { journal: true, keys: ['src.port'] });
  rig.poll(...[1, 2, 3].map(port => udp(port, BEGAN, [1, 100, 0, 0])));
  t.deepEqual(rig.written.splice(0), ['summed', 'summed']);
  rig.now += INTERVAL;
  t.true(rig.batcher.export(100, 2), 'a third is left');
  t.deepEqual(rig.written.splice(0), ['pending sums']);
  rig.journal!.settled(2);
  t.deepEqual(rig.written.splice(0), ['done']);
  t.false(rig.batcher.export(100, 2));
  t.deepEqual(rig.written.splice(0), ['pending sums']);
  rig.journal!.withdraw();
  t.deepEqual(rig.written, ['withdrawn']);
  t.is(new Decoder('tcp').decode(rig.transport.take()).length, 3);
});

perBackend('what is left at the very end is counted, and no message is sent', (t, backend) => {
  const rig = new SumRig(backend, { keys: ['src.port'] });
  rig.poll(...Array.from({ length: 70 }, (_, i) => udp(i + 1, BEGAN, [1, 100, 2, 50])));
  rig.transport.ready = false;
  rig.batcher.endAll();
  t.is(rig.batcher.left, 70);
  t.is(rig.batcher.drop(), 70);
  t.deepEqual(rig.transport.take(), []);
  t.deepEqual(rig.session.lost, { flows: 70, packets: 210, octets: 10_500 });
});

perBackend('denied packets are sums of their own', (t, backend) => {
  const rig = new SumRig(backend, { keys: ['protocol'], denied: true });
  rig.poll(udp(1, BEGAN, [1, 100, 0, 0]));
  const [record] = rig.records();
  t.is(record['firewallEvent'], 3);
  t.is(record['octetDeltaCount'], 100);
});
