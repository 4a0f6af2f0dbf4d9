/** Destinations of profile nat beside others. */
import type { ExecutionContext } from 'ava';
import type { Backend } from '../src/backend/backend.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterOptions } from '../src/exporter.js';
import { EVENT_NEW } from '../src/row/layout.generated.js';
import type { EventKind, EventSource } from '../src/sources/events.js';
import { perBackend } from './helpers/backends.js';
import { changed, udp } from './helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from './helpers/builders/rows.js';
import { CREATE, DELETE, masqueraded } from './helpers/builders/translated.js';
import { valuesOf } from './helpers/builders/wire.js';
import { eventually } from './helpers/eventually.js';
import { flows, TcpCollector, type CollectorSocket } from './helpers/fakes/collector-socket.js';
import { EVENTS, FakeEvents } from './helpers/fakes/fake-events.js';
import { FakeSource } from './helpers/fakes/fake-source.js';
import { listeningLogger } from './helpers/fakes/listening-logger.js';

/** Of each destination. */
type Profiles = readonly DestinationOptions['profile'][];

async function begin(
  t: ExecutionContext,
  backend: Backend,
  profiles: Profiles,
  changed: Partial<ExporterOptions> = {},
) {
  const events = new FakeEvents();
  const opened: EventKind[] = [];
  const openEvents: Backend['openEvents'] = ({ kinds }, receiver) => {
    opened.push(...kinds);
    if (kinds.includes('destroy')) events.receiver = receiver;
    else events.changes = receiver;
    return events as unknown as EventSource;
  };
  const collectors = await Promise.all(profiles.map(() => TcpCollector.listen(t)));
  const source = new FakeSource([{ connections: [] }]);
  const { log } = listeningLogger();
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 3_600_000,
    maxConnections: 1_000,
    shutdownTimeout: 60_000,
    events: { ...EVENTS, kind: 'all' },
    ...changed,
    backend: { ...backend, openEvents },
    source,
    destinations: profiles.map((profile, i) => ({
      ...DESTINATION_DEFAULTS,
      activeFlowExportTimeout: 3_600_000,
      idleFlowExportTimeout: 3_600_000,
      optionsInterval: 0,
      observationDomain: 1,
      profile,
      endpoint: collectors[i].endpoint,
    })),
    log,
  });
  t.teardown(() => exporter.close());
  await exporter.open();
  return { exporter, events, collectors, source, opened };
}

const natEvents = (collector: CollectorSocket): unknown[] =>
  flows(collector).map(record => valuesOf(record)['natEvent']);
const ended = ({ timeout: _, ...facts }: Facts): Facts => ({ ...facts, stop: nanoseconds(Date.now()) });

perBackend(
  'a NEW event is exported at once, also without a poll; another profile gets flows alone',
  async (t, backend) => {
    const { exporter, events, collectors, opened } = await begin(t, backend, ['nat', 'standard']);
    t.deepEqual(opened, ['new', 'update', 'destroy']);
    const [nat, standard] = collectors;
    const began = Date.now();
    const one = masqueraded(1, began, [3, 300, 2, 200]);
    const plain = udp(2, began, [1, 60, 0, 0]);
    await events.changes!.onBatch(rows(changed(EVENT_NEW, one), changed(EVENT_NEW, plain)));
    await eventually('the create event', () => flows(nat).length === 1);
    await events.receiver.onBatch(rows(ended(one), ended(plain)));
    await eventually('all events', () => flows(nat).length === 3);
    t.deepEqual(natEvents(nat), [CREATE, DELETE, undefined]);
    await eventually('both flows', () => flows(standard).length === 2);
    t.deepEqual(natEvents(standard), [undefined, undefined]);
    await exporter.close();
    t.is(flows(nat).length, 3, 'a shutdown deletes no session');
    t.deepEqual(exporter.stats().nat, { created: 1, lateFromPoll: 0, lateFromDestroy: 0, deleted: 1, unregistered: 0 });
    t.is(exporter.stats().connections, 0);
  },
);

perBackend(
  'where all destinations have profile nat, UPDATE is not received, and the store keeps no ended ones',
  async (t, backend) => {
    const { exporter, events, collectors, opened, source } = await begin(t, backend, ['nat', 'nat']);
    t.deepEqual(opened, ['new', 'destroy']);
    const one = masqueraded(1, Date.now(), [3, 300, 2, 200]);
    source.next({ connections: [one] });
    await events.receiver.onBatch(rows(ended(one)));
    for (const collector of collectors) {
      await eventually('all events', () => flows(collector).length === 3);
      t.deepEqual(natEvents(collector), [CREATE, DELETE, undefined]);
    }
    t.is(exporter.stats().connections, 0);
    t.like(exporter.stats().nat, { created: 1, lateFromDestroy: 1 });
  },
);

perBackend('polls alone have create and delete events of what they show', async (t, backend) => {
  const { exporter, collectors, source } = await begin(t, backend, ['nat'], {
    events: undefined as never,
    flowPollInterval: 20,
  });
  source.next({ connections: [masqueraded(1, Date.now() + 1_000, [1, 60, 0, 0])] });
  await eventually('the create event', () => flows(collectors[0]).length === 1);
  source.next({ connections: [] });
  await eventually('all events', () => flows(collectors[0]).length === 3);
  t.deepEqual(natEvents(collectors[0]), [CREATE, DELETE, undefined]);
  t.like(exporter.stats().nat, { created: 1, lateFromPoll: 1, deleted: 1 });
});
