import type { ExecutionContext } from 'ava';
import type { Backend } from '../src/backend/backend.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterOptions } from '../src/exporter.js';
import { Filter } from '../src/filter/filter.js';
import { perBackend } from './helpers/backends.js';
import { udp } from './helpers/builders/connections.js';
import { openJournal } from './helpers/builders/journals.js';
import { eventually } from './helpers/eventually.js';
import { type CollectorSocket, flows, TcpCollector } from './helpers/fakes/collector-socket.js';
import { FakeSource } from './helpers/fakes/fake-source.js';
import { listeningLogger } from './helpers/fakes/listening-logger.js';
import { temporaryPath } from './helpers/temporary.js';

const MANY = 40;
/** After the start of any exporter here. */
const LATER = Date.now() + 3_600_000;

function packetsAt(collector: CollectorSocket): number {
  return flows(collector).reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
}

/** An exporter of connections that all count the same. */
class Rig {
  readonly exporter: Exporter;
  readonly lines: Record<string, unknown>[];
  readonly #source: FakeSource;
  #packets = 0;

  constructor(
    t: ExecutionContext,
    backend: Backend,
    destinations: DestinationOptions[],
    changed: Partial<ExporterOptions> = {},
  ) {
    const { log, lines } = listeningLogger();
    this.lines = lines;
    this.#source = new FakeSource([{ connections: [] }]);
    this.exporter = new Exporter({
      ...EXPORTER_DEFAULTS,
      flowPollInterval: 20,
      maxConnections: 1_000,
      spareEnded: 2_000,
      backend,
      source: this.#source,
      destinations,
      log,
      ...changed,
    });
    t.teardown(() => this.exporter.close());
  }

  /** Each connection has counted so many more packets. */
  count(packets: number): void {
    this.#packets += packets;
    const all = Array.from({ length: MANY }, (_, i) => udp(i + 1, LATER, [this.#packets, this.#packets * 100, 0, 0]));
    this.#source.next({ connections: all });
  }

  async end(): Promise<void> {
    this.#source.next({ connections: [] });
    await eventually('all have ended', () => this.exporter.stats().connections === 0);
  }
}

function to(
  name: string,
  { endpoint }: CollectorSocket,
  changed: Partial<DestinationOptions> = {},
): DestinationOptions {
  return {
    ...DESTINATION_DEFAULTS,
    activeFlowExportTimeout: 30,
    idleFlowExportTimeout: 3_600_000,
    reconnectInterval: 20,
    endedQueue: 1_000,
    observationDomain: 1,
    name,
    endpoint,
    ...changed,
  };
}

perBackend(
  'destinations are added, changed and removed while one stays, which has everything once',
  async (t, backend) => {
    const [stays, comes] = [await TcpCollector.listen(t), await TcpCollector.listen(t)];
    const journal = await openJournal(temporaryPath(t, 'state'));
    const rig = new Rig(t, backend, [to('stays', stays)], { state: journal.journal });
    const { exporter } = rig;
    await exporter.open();
    rig.count(10);
    await eventually('the first has it', () => packetsAt(stays) === 10 * MANY);

    const added = await exporter.reload({ destinations: [to('stays', stays), to('comes', comes)] });
    t.deepEqual(added, { added: ['comes'], removed: [], changed: [], needRestart: [] });
    rig.count(5);
    await eventually('both have it', () => packetsAt(stays) === 15 * MANY && packetsAt(comes) === 5 * MANY);
    t.is(stays.sessions.length, 1, 'what is the same is not touched');

    const renewed = to('stays', stays, { collectorBuffer: 65_536 });
    t.like(await exporter.reload({ destinations: [renewed, to('comes', comes)] }), { changed: ['stays'] });
    t.is(exporter.stats().destinations[0].session.records, flows(stays).length, 'its counts go on');
    rig.count(3);
    await eventually('both have that', () => packetsAt(stays) === 18 * MANY && packetsAt(comes) === 8 * MANY);
    t.is(stays.sessions.length, 2, 'another session');

    t.like(await exporter.reload({ destinations: [renewed] }), { removed: ['comes'] });
    await eventually('it is gone', () => rig.lines.some(({ msg }) => msg === 'destination removed'));
    t.deepEqual(
      exporter.stats().destinations.map(({ name }) => name),
      ['stays'],
    );
    rig.count(2);
    await eventually('the other goes on', () => packetsAt(stays) === 20 * MANY);
    t.is(packetsAt(comes), 8 * MANY);

    t.like(await exporter.reload({ destinations: [renewed, to('comes', comes)] }), { added: ['comes'] });
    rig.count(1);
    await eventually('it has what came since', () => packetsAt(comes) === 9 * MANY);
    await rig.end();
    const { recordsExported } = exporter.stats();
    t.is(await exporter.close(), 0);
    t.is(packetsAt(stays), 21 * MANY);
    t.is(packetsAt(comes), 9 * MANY);
    t.is(recordsExported, flows(stays).length + flows(comes).length, 'those of removed ones too');
  },
);

perBackend('timeouts change in the same session', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const rig = new Rig(t, backend, [to('one', collector, { activeFlowExportTimeout: 3_600_000 })]);
  await rig.exporter.open();
  rig.count(10);
  await eventually('they are stored', () => rig.exporter.stats().connections === MANY);
  t.is(packetsAt(collector), 0);
  t.like(await rig.exporter.reload({ destinations: [to('one', collector)] }), { changed: ['one'] });
  await eventually('they are due', () => packetsAt(collector) === 10 * MANY);
  t.is(collector.sessions.length, 1);
});

perBackend(
  'with another filter connections come that it shows, and those that were exported go on',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    const filtered = (text: string): DestinationOptions => to('one', collector, { filter: new Filter(text, 'run') });
    const rig = new Rig(t, backend, [filtered('src.port <= 10')]);
    const { exporter } = rig;
    await exporter.open();
    rig.count(10);
    await eventually('some are exported', () => packetsAt(collector) === 10 * 10);
    t.deepEqual((await exporter.reload({ destinations: [filtered('src.port <= 10')] })).changed, [], 'it is the same');
    t.deepEqual((await exporter.reload({ destinations: [filtered('src.port > 30')] })).changed, ['one']);
    rig.count(5);
    await eventually('others come', () => packetsAt(collector) === 15 * 20);
    t.deepEqual((await exporter.reload({ destinations: [to('one', collector)] })).changed, ['one']);
    rig.count(1);
    await eventually('all come', () => packetsAt(collector) === 16 * MANY);
    await rig.end();
    t.is(packetsAt(collector), 16 * MANY);
    t.is(collector.sessions.length, 1);
  },
);

perBackend('where a destination cannot be made all are as they were', async (t, backend) => {
  const [first, second] = [await TcpCollector.listen(t), await TcpCollector.listen(t)];
  const rig = new Rig(t, backend, [to('first', first)]);
  const { exporter } = rig;
  await exporter.open();
  const secured = { ...first.endpoint, protocol: 'tls' } as const;
  const wrong = { ...to('wrong', first), endpoint: secured, tlsCa: temporaryPath(t, 'no.pem') };
  const changed = to('first', first, { collectorBuffer: 65_536, activeFlowExportTimeout: 3_600_000 });
  const error = await t.throwsAsync(exporter.reload({ destinations: [changed, to('second', second), wrong] }));
  t.like(error, { code: 'CTFLOW_TLS' });
  const broken = { ...changed, endpoint: secured, tlsCa: temporaryPath(t, 'no.pem') };
  t.like(await t.throwsAsync(exporter.reload({ destinations: [broken, to('second', second)] })), {
    code: 'CTFLOW_TLS',
  });
  t.deepEqual(exporter.destinations, [to('first', first)]);
  rig.count(10);
  await eventually('it goes on', () => packetsAt(first) === 10 * MANY);
  t.is(packetsAt(second), 0);
  await rig.end();
});

perBackend('what cannot change while it runs is named', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const rig = new Rig(t, backend, [to('one', collector)]);
  await rig.exporter.open();
  const { needRestart, changed, added } = await rig.exporter.reload({
    destinations: [
      to('one', collector, { interfaces: 'route' }),
      to('nat', collector, { profile: 'nat' }),
      to('large', collector, { endedQueue: 1_500 }),
      to('larger', collector, { endedQueue: 1_000 }),
    ],
  });
  t.deepEqual(needRestart, [
    { destination: 'one', why: 'no destination had interfaces when ctflow started' },
    { destination: 'nat', why: 'no destination had profile nat when ctflow started' },
    { destination: 'larger', why: 'there is no room for its queue of ended connections' },
  ]);
  t.deepEqual([changed, added], [[], ['large']]);
});
