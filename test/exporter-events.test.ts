import test from 'ava';
import type { Backend } from '../src/backend/backend.js';
import type { EventOptions, EventReceiver, EventSource } from '../src/sources/events.js';
import { backends } from './helpers/backends.js';
import { rows } from './helpers/builders/rows.js';
import { eventually } from './helpers/eventually.js';
import { flows, TcpCollector, udpCollector } from './helpers/fakes/collector-socket.js';
import { EVENTS, FakeEvents } from './helpers/fakes/fake-events.js';
import { FakeSource } from './helpers/fakes/fake-source.js';
import { exporterRig, facts, LATER } from './helpers/rigs/exporter-rig.js';

/** A backend whose events are in the hands of the test. */
function withEvents(): { backend: Backend; events: FakeEvents } {
  const events = new FakeEvents();
  const openEvents = ({ kinds }: EventOptions, receiver: EventReceiver): EventSource => {
    if (kinds.includes('destroy')) events.receiver = receiver;
    else events.changes = receiver;
    return events as unknown as EventSource;
  };
  return { backend: { ...backends()[0], openEvents }, events };
}

test('packets lost with events are reported to the collector as ignored', async t => {
  const collector = await udpCollector(t);
  const { backend, events } = withEvents();
  const source = new FakeSource([{ connections: [facts(1, 3, LATER)] }, { connections: [] }]);
  const { exporter } = exporterRig(t, backend, source, [collector.endpoint], {
    events: EVENTS,
    destination: { optionsInterval: 20 },
  });
  await exporter.open();
  await eventually('an end without its event', () => exporter.stats().store.eventless === 1);
  void events.receiver.onBatch(rows(facts(1, 8, LATER)));
  const ignored = await eventually('the reliability record', () =>
    collector.records.find(record => record.get('ignoredPacketTotalCount') !== undefined),
  );
  t.is(ignored.get('ignoredPacketTotalCount'), 5);
  t.is(ignored.get('ignoredOctetTotalCount'), 500);
  t.deepEqual(exporter.stats().store.late, { connections: 1, packets: 5, octets: 500 });
});

test('where the last poll of a shutdown takes too long, waiting events are still exported', async t => {
  const collector = await udpCollector(t);
  const { backend, events } = withEvents();
  const source = new FakeSource([{ connections: [] }]);
  const { exporter } = exporterRig(t, backend, source, [collector.endpoint], {
    shutdownTimeout: 12_000,
    events: EVENTS,
  });
  await exporter.open();
  source.gate = new Promise(() => {});
  events.waiting = rows(facts(1, 8, LATER));
  await exporter.close();
  t.true(events.calls.includes('leave'));
  await eventually('the record', () => flows(collector).length === 1);
  t.is(flows(collector)[0].get('packetDeltaCount'), 8);
});

test('lost NEW and UPDATE events cause a poll at once, and another after a poll under way', async t => {
  const collector = await udpCollector(t);
  const { backend, events } = withEvents();
  const source = new FakeSource([{ connections: [] }]);
  const { exporter } = exporterRig(t, backend, source, [collector.endpoint], {
    flowPollInterval: 3_600_000,
    events: { ...EVENTS, kind: 'all' },
  });
  await exporter.open();
  t.is(source.dumps, 1);
  let open!: () => void;
  source.gate = new Promise<void>(resolve => (open = resolve));
  source.next({ connections: [facts(1, 8, LATER)] });
  events.changes!.onOverrun!();
  await eventually('a poll', () => source.dumps === 2);
  events.changes!.onOverrun!();
  open();
  await eventually('another', () => source.dumps === 3);
  await eventually('the record', () => flows(collector).length > 0);
  t.is(exporter.stats().pendingEvents?.resyncs, 2);
});

test('a part that cannot be drained leaves no other open', async t => {
  const { backend, events } = withEvents();
  const collector = await TcpCollector.listen(t);
  const source = new FakeSource([{ connections: [facts(1, 3, LATER)] }]);
  const { exporter } = exporterRig(t, backend, source, [collector.endpoint], {
    shutdownTimeout: 60_000, // the record must leave, also where this process is held up
    events: EVENTS,
    destination: { activeFlowExportTimeout: 3_600_000 },
  });
  await exporter.open();
  const socket = await collector.nth(1);
  events.leave = () => Promise.reject(new Error('the socket is gone'));
  await t.throwsAsync(exporter.close(), { message: 'the socket is gone' });
  t.true(source.closed);
  t.true(events.calls.includes('close'));
  await eventually('the end of the session', () => socket.destroyed || socket.readableEnded);
  t.is(flows(collector).at(-1)!.get('flowEndReason'), 4);
});
