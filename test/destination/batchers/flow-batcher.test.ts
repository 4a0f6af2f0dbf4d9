/** The contract between schedule, encoder, journal and session. */
import type { Backend } from '../../../src/backend/backend.js';
import { FlowBatcher } from '../../../src/destination/batchers/flow-batcher.js';
import { FLOW_INTERFACES, type FlowExtras } from '../../../src/encoder/columns.js';
import { createProfile } from '../../../src/ipfix/profile.js';
import { DestinationJournal } from '../../../src/state/destination-journal.js';
import { DONE, ENDED, HEAD_WORDS, PENDING } from '../../../src/state/entry-block.js';
import { ConnectionStore } from '../../../src/store/connection-store.js';
import { perBackend } from '../../helpers/backends.js';
import { tcp, udp } from '../../helpers/builders/connections.js';
import { rows, type Facts } from '../../helpers/builders/rows.js';
import { Decoder, readMessage, valuesOf } from '../../helpers/builders/wire.js';
import { SessionRig } from '../../helpers/rigs/session-rig.js';
import { kernelTimeouts } from '../../helpers/rigs/store-rig.js';

const BORN = Date.now();
const now = () => ({ wall: Date.now(), monotonic: performance.now() });

/** A store with a batcher on a session; connections are due at once. */
class BatcherRig extends SessionRig {
  readonly store: ConnectionStore;
  readonly batcher: FlowBatcher;
  /** Kinds of journal blocks and messages, in the order in which they were written. */
  readonly written: string[] = [];
  readonly blocks: Uint32Array[] = [];
  readonly journal: DestinationJournal | undefined;
  readonly decoder = new Decoder('tcp');

  constructor(
    backend: Backend,
    options: ConstructorParameters<typeof SessionRig>[1] & {
      maxConnections?: number;
      journal?: true;
      extras?: (capacity: number) => FlowExtras;
    } = {},
  ) {
    super(backend, { limit: 1_400, unreliable: false, ...options });
    const { maxConnections = 100 } = options;
    this.store = new ConnectionStore({ maxConnections, endedRoom: 100, firstSight: 'total', born: now() });
    if (options.journal) {
      const writer = {
        announce: () => {},
        append: (block: Uint8Array) => {
          const words = new Uint32Array(Uint8Array.from(block).buffer);
          this.blocks.push(words);
          this.written.push(['', 'exported', 'pending', 'done', '', '', 'withdrawn'][words[0] & 0xffff]);
        },
      };
      const facts = { number: 3, name: '', born: 0, known: undefined, table: undefined };
      this.journal = new DestinationJournal(writer, facts);
      const send = this.transport.send.bind(this.transport);
      this.transport.send = (bytes, lengths, messages) => {
        this.written.push('sent');
        send(bytes, lengths, messages);
      };
    }
    const schedule = {
      activeFlowExportTimeout: 0,
      idleFlowExportTimeout: 3_600_000,
      staleConnectionTimeout: 300_000,
      endedQueue: 100,
      zeroDeltas: 'none',
    } as const;
    const extras = options.extras?.(this.store.table.capacity) ?? {};
    this.batcher = new FlowBatcher({ store: this.store, extras }, schedule, this.session, this.journal);
  }

  poll(...connections: Facts[]): void {
    this.store.beginPoll(now(), kernelTimeouts());
    this.store.merge(rows(...connections), now());
    for (let from = 0; from >= 0;) from = this.store.sweep(from, 1_000, now());
    this.store.endPoll(true);
  }

  /** Source ports of the records that were sent. */
  ports(): unknown[] {
    const records = this.decoder.decode(this.transport.take());
    return records.map(record => valuesOf(record)['sourceTransportPort']);
  }

  exported(): string {
    return Buffer.from(this.batcher.schedule.slots.bytes).toString('hex');
  }
}

const flows = (count: number, packets = 1): Facts[] =>
  Array.from({ length: count }, (_, i) => udp(i + 1, BORN - 10, [packets, packets * 100, 0, 0]));

/** Time passes, so that a poll may evict what the one before has shown. */
const wait = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5));

perBackend('a transport that is not ready takes nothing, and nothing is changed', (t, backend) => {
  const rig = new BatcherRig(backend, { journal: true });
  rig.poll(...flows(3));
  const before = rig.exported();
  rig.transport.ready = false;
  t.true(rig.batcher.export(100));
  t.is(rig.exported(), before);
  t.deepEqual(rig.written, []);
  rig.transport.ready = true;
  t.false(rig.batcher.export(100));
  t.deepEqual(rig.ports(), [1, 2, 3]);
});

perBackend('a transport that is full meanwhile leaves the rest as it was', (t, backend) => {
  const rig = new BatcherRig(backend, { maxConnections: 2_000, limit: 300 });
  rig.poll(...flows(2_000));
  const send = rig.transport.send.bind(rig.transport);
  rig.transport.send = (bytes, lengths, messages) => {
    send(bytes, lengths, messages);
    rig.transport.ready = false;
  };
  t.true(rig.batcher.export(2_000));
  const first = rig.ports();
  const { slots } = rig.batcher.schedule;
  const updated = Array.from({ length: 2_000 }, (_, slot) => slot).filter(slot => slots.lastReason(slot) > 0);
  t.is(first.length, updated.length);
  t.true(first.length > 0 && first.length < 2_000, `${first.length} records`);
  rig.transport.send = send;
  rig.transport.ready = true;
  rig.batcher.export(2_000);
  const all = [...first, ...rig.ports()].map(Number).toSorted((a, b) => a - b);
  t.deepEqual(
    all,
    Array.from({ length: 2_000 }, (_, i) => i + 1),
    'each once',
  );
});

perBackend('an evicted connection is written before another takes its slot', async (t, backend) => {
  const rig = new BatcherRig(backend, { maxConnections: 2 });
  rig.poll(...flows(2, 7));
  await wait();
  rig.poll(udp(8, Date.now(), [1, 50, 0, 0]), udp(9, Date.now(), [1, 50, 0, 0]));
  t.deepEqual(rig.transport.take(), [], 'their message is open');
  rig.batcher.export(100);
  const records = new Decoder('tcp').decode(rig.transport.take()).map(valuesOf);
  t.deepEqual(
    records.map(({ sourceTransportPort, packetDeltaCount, flowEndReason }) => [
      sourceTransportPort,
      packetDeltaCount,
      flowEndReason,
    ]),
    [
      [1, 7, 5],
      [2, 7, 5],
      [8, 1, 2],
      [9, 1, 2],
    ],
  );
});

perBackend(
  'an open message survives a reconnect, and goes behind the templates of the new session',
  async (t, backend) => {
    for (const unreliable of [true, false]) {
      const rig = new BatcherRig(backend, { maxConnections: 2, unreliable });
      rig.poll(...flows(2));
      rig.batcher.export(100);
      rig.transport.take();
      await wait();
      rig.poll(...flows(2, 3));
      await wait();
      rig.poll(udp(8, Date.now(), [1, 50, 0, 0]), udp(9, Date.now(), [1, 50, 0, 0]));
      rig.session.open();
      rig.batcher.export(100);
      const sent = rig.transport.take();
      t.is(readMessage(sent[0].bytes).sequence, 0);
      const decoder = new Decoder(unreliable ? 'udp' : 'tcp');
      t.deepEqual(
        decoder.decode(sent).map(record => valuesOf(record)['sourceTransportPort']),
        [1, 2, 8, 9],
      );
    }
  },
);

perBackend('open messages that are dropped count as lost', async (t, backend) => {
  const rig = new BatcherRig(backend, { maxConnections: 2, journal: true });
  rig.poll(...flows(2, 7));
  await wait();
  rig.poll(udp(8, Date.now(), [1, 50, 0, 0]), udp(9, Date.now(), [1, 50, 0, 0]));
  t.is(rig.batcher.drop(), 2);
  t.deepEqual(rig.session.lost, { flows: 2, packets: 14, octets: 1_400 });
  t.is(rig.batcher.drop(), 0);
  t.false(rig.written.includes('pending'));
});

perBackend('the journal has entries as pending before the transport sends their records', (t, backend) => {
  const rig = new BatcherRig(backend, { maxConnections: 1_000, journal: true, limit: 300 });
  rig.poll(...flows(600).map(({ ...facts }, i) => ({ ...facts, id: i + 1 })));
  rig.batcher.export(1_000);
  t.deepEqual(rig.written.slice(0, 2), ['pending', 'sent']);
  rig.written.forEach((what, i) => {
    if (what === 'sent') t.true(rig.written[i - 1] === 'pending' || rig.written[i - 1] === 'sent');
  });
  const pending = rig.blocks.filter(words => (words[0] & 0xffff) === PENDING);
  t.is(
    pending.reduce((sum, words) => sum + words[1], 0),
    600,
  );
  const order = pending.flatMap(words => Array.from({ length: words[1] }, (_, i) => words[HEAD_WORDS + i * 12]));
  t.deepEqual(order, rig.ports(), 'in the order of the records');
  rig.journal!.settled(600);
  t.is(rig.blocks.at(-1)![0] & 0xffff, DONE);
});

perBackend(
  'where the kernel segments, messages of one length follow one another, and entries their records',
  (t, backend) => {
    const rig = new BatcherRig(backend, { maxConnections: 1_000, journal: true, limit: 300 });
    rig.transport.segments = true;
    const v6 = {
      source: '2001:db8::1',
      destination: '2001:db8::2',
      replySource: '2001:db8::2',
      replyDestination: '2001:db8::1',
    };
    const mixed = (packets: number): void =>
      rig.poll(...flows(600, packets).map((facts, i) => ({ ...facts, id: i + 1, ...(i % 3 === 0 && v6) })));
    mixed(1);
    rig.batcher.export(1_000);
    const records = rig.decoder.decode(rig.transport.take());
    t.is(records.length, 600);
    const pending = rig.blocks.filter(words => (words[0] & 0xffff) === PENDING);
    const order = pending.flatMap(words => Array.from({ length: words[1] }, (_, i) => words[HEAD_WORDS + i * 12]));
    t.deepEqual(
      order,
      records.map(record => valuesOf(record)['sourceTransportPort']),
      'in the order of the records',
    );
    mixed(2);
    rig.batcher.export(1_000);
    const sent = rig.transport.take();
    const lengths = sent.map(({ bytes }) => bytes.length);
    const changes = lengths.filter((length, i) => i > 0 && length > lengths[i - 1]).length;
    t.true(sent.length > 100 && changes <= Math.ceil(sent.length / 64) * 2, `${changes} in ${sent.length} messages`);
    const sequences = sent.map(({ bytes }) => readMessage(bytes).sequence);
    t.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
    t.deepEqual(new Set(rig.decoder.decode(sent).map(record => valuesOf(record)['sourceTransportPort'])).size, 600);
  },
);

perBackend('the last record of a connection ends its entry', (t, backend) => {
  const rig = new BatcherRig(backend, { journal: true });
  const [one, two] = flows(2).map((facts, i) => ({ ...facts, id: i + 1 }));
  rig.poll(one, two);
  rig.poll(one);
  rig.batcher.export(100);
  const { blocks } = rig;
  const pending = blocks.find(words => (words[0] & 0xffff) === PENDING)!;
  t.is(pending[1], 2);
  const last = [0, 1].map(i => pending[HEAD_WORDS + i * 12 + 11]);
  t.deepEqual(
    last.map(word => (word & ENDED) !== 0),
    [true, false],
  );
});

perBackend('an open message holds names, not their numbers', async (t, backend) => {
  const names = { column: new Uint32Array(0) };
  const rig = new BatcherRig(backend, {
    maxConnections: 1,
    profile: createProfile('antrea', 'reverse', false),
    extras: capacity => {
      names.column = new Uint32Array(capacity * 7);
      return { names: names.column, types: new Uint8Array(capacity) };
    },
  });
  rig.poll(tcp(1, BORN, [1, 60, 0, 0]));
  names.column[0] = rig.names.intern('pod-a');
  await wait();
  rig.poll(tcp(2, Date.now(), [1, 60, 0, 0]));
  names.column[0] = 0;
  // nobody holds the name any more, and another takes its number
  for (let n = 0; n < 1 << 19; n++) rig.names.intern(`${n}`);
  rig.names.tidy();
  rig.batcher.export(100);
  const [record] = new Decoder('tcp').decode(rig.transport.take()).map(valuesOf);
  t.like(record, { sourceTransportPort: 1, sourcePodName: 'pod-a' });
});

perBackend('messages are filled over all connections of a slice', (t, backend) => {
  const rig = new BatcherRig(backend, { maxConnections: 2_000, limit: 1_372 });
  rig.poll(...flows(1_500));
  rig.batcher.export(2_048);
  const sent = rig.transport.take();
  const full = Math.max(...sent.map(({ records }) => records));
  t.is(sent.length, Math.ceil((1_500 + (full - sent[0].records)) / full));
});

perBackend(
  'interfaces are looked up for what is exported, before it is encoded, where the profile has them',
  (t, backend) => {
    const looked: number[][] = [];
    const rigOf = (interfaces: 'route' | 'none') =>
      new BatcherRig(backend, {
        profile: createProfile('standard', 'reverse', false, undefined, interfaces),
        extras: capacity => {
          const column = new Uint32Array(capacity * FLOW_INTERFACES);
          const findInterfaces = (slots: Uint32Array, reasons: Uint8Array, count: number): void => {
            for (let i = 0; i < count; i++) {
              if (reasons[i] === 0) continue;
              looked.push([slots[i], count]);
              column.set([10 + slots[i], 0], slots[i] * FLOW_INTERFACES);
            }
          };
          return { interfaces: column, findInterfaces };
        },
      });
    const rig = rigOf('route');
    rig.poll(...flows(2));
    rig.batcher.export(100);
    const values = rig.decoder.decode(rig.transport.take()).map(valuesOf);
    t.deepEqual(
      values.map(({ ingressInterface, egressInterface }) => [ingressInterface, egressInterface]),
      [
        [10, undefined],
        [11, undefined],
      ],
    );
    t.deepEqual(looked, [
      [0, 2],
      [1, 2],
    ]);
    const other = rigOf('none');
    other.poll(...flows(1));
    other.batcher.export(100);
    t.is(other.decoder.decode(other.transport.take()).length, 1);
    t.is(looked.length, 2);
  },
);
