import test from 'ava';
import { CtflowError } from '../src/common/errors.js';
import { backends, perBackend } from './helpers/backends.js';
import { tcp } from './helpers/builders/connections.js';
import type { Facts } from './helpers/builders/rows.js';
import { eventually } from './helpers/eventually.js';
import { flows, TcpCollector, udpCollector } from './helpers/fakes/collector-socket.js';
import { FakeSource } from './helpers/fakes/fake-source.js';
import { exporterRig, facts, LATER } from './helpers/rigs/exporter-rig.js';

perBackend('the count of sent records is what each of two collectors receives', async (t, backend) => {
  const collectors = [await udpCollector(t), await TcpCollector.listen(t)];
  const source = new FakeSource([{ connections: [] }]);
  const { exporter } = exporterRig(
    t,
    backend,
    source,
    collectors.map(({ endpoint }) => endpoint),
  );
  await exporter.open();
  const started = Date.now();
  for (let round = 1; round <= 5; round++) {
    source.next({ connections: Array.from({ length: 50 }, (_, i) => facts(i + 1, round * 10, started)) });
    await eventually('a report', () => exporter.stats().recordsExported >= round * 100);
  }
  source.next({ connections: [] });
  await eventually('the ends', () => exporter.stats().connections === 0);
  await exporter.close();
  const stats = exporter.stats();
  await eventually(
    'all records',
    () => collectors.reduce((sum, c) => sum + flows(c).length, 0) === stats.recordsExported,
  );
  for (const [i, collector] of collectors.entries()) {
    const { session, transport } = stats.destinations[i];
    t.is(flows(collector).length, session.records);
    t.is(collector.records.length, session.records + session.optionsRecords);
    t.is(transport.records, collector.records.length);
    t.is(transport.messages, collector.messages.length);
    t.is(
      transport.octets,
      collector.messages.reduce((sum, message) => sum + message.length, 0),
    );
    const packets = flows(collector).reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
    t.is(packets, 50 * 50);
  }
  t.like(stats, { backend: backend.name, poll: { incomplete: 0 }, connections: 0 });
  t.is(stats.poll.polls, source.dumps);
  t.is(stats.store.added, 50);
});

perBackend('where a poll is dear, the next one comes as the budget allows, and this is said', async (t, backend) => {
  const collector = await udpCollector(t);
  const source = new FakeSource([{ connections: [facts(1, 1, LATER)] }]);
  source.cpu = 1_600;
  const { exporter, lines } = exporterRig(t, backend, source, [collector.endpoint], {
    flowPollInterval: 'auto',
    pollBudget: 20,
  });
  await exporter.open();
  const { poll } = exporter.stats();
  t.true(poll.interval >= 8_000 && poll.interval < 10_000, `${poll.interval} ms`);
  t.is(poll.share, 20);
  const said = lines.find(({ pollInterval }) => pollInterval === poll.interval);
  t.regex(
    said?.['msg'] as string,
    /^a poll every \d(\.\d)? s from now on, so that polls take no more than 20 % of a core/,
  );
  const before = exporter.stats().poll.polls;
  await exporter.close();
  t.is(exporter.stats().poll.polls, before + 1, 'the last poll does not wait');
});

perBackend('a last poll that does not see the whole table is made again', async (t, backend) => {
  const source = new FakeSource([{ connections: [] }]);
  const collector = await udpCollector(t);
  const { exporter } = exporterRig(t, backend, source, [collector.endpoint], { flowPollInterval: 3_600_000 });
  await exporter.open();
  const connections = [facts(1, 1, LATER)];
  source.next({ connections: [], complete: false, skipped: { resized: 1 } }, { connections });
  await exporter.close();
  t.is(exporter.stats().recordsExported, 1);
  t.like(exporter.stats().poll, { polls: 3, incomplete: 1 });
});

perBackend('where no last poll sees the whole table, there are three', async (t, backend) => {
  const source = new FakeSource([{ connections: [], complete: false, skipped: { resized: 1 } }]);
  const { exporter } = exporterRig(t, backend, source, [], { flowPollInterval: 3_600_000 });
  await exporter.open();
  await exporter.close();
  t.is(source.dumps, 4);
});

test('an exporter that has no time to close begins no last poll', async t => {
  const source = new FakeSource([{ connections: [facts(1, 1, LATER)] }]);
  const options = { flowPollInterval: 3_600_000, shutdownTimeout: 0 };
  const { exporter, lines } = exporterRig(t, backends()[0], source, [], options);
  await exporter.open();
  await exporter.close();
  t.is(source.dumps, 1);
  t.like(exporter.stats().poll, { polls: 1, incomplete: 0 });
  t.false(lines.some(({ msg }) => String(msg).includes('incomplete poll')));
});

perBackend('records leave while the first dump is still being read', async (t, backend) => {
  const collector = await udpCollector(t);
  const source = new FakeSource([{ connections: [1, 2, 3, 4, 5, 6].map(port => facts(port, 1, LATER)) }]);
  const { exporter } = exporterRig(t, backend, source, [collector.endpoint], { flowPollInterval: 3_600_000 });
  let open!: () => void;
  // the export that finds nothing yet is over
  source.pause = () => new Promise(resolve => setTimeout(resolve, 200));
  source.gate = new Promise<void>(resolve => (open = resolve));
  const opened = exporter.open();
  await eventually('the first records', () => flows(collector).length >= 3);
  t.is(exporter.stats().poll.polls, 0);
  open();
  await opened;
});

test('a poll that takes longer than its interval does not pile up', async t => {
  const collector = await udpCollector(t);
  const source = new FakeSource([{ connections: [facts(1, 1, Date.now())] }]);
  const { exporter } = exporterRig(t, backends()[0], source, [collector.endpoint]);
  await exporter.open();
  let open!: () => void;
  source.gate = new Promise<void>(resolve => (open = resolve));
  const { dumps } = source;
  await eventually('polls left out', () => exporter.stats().poll.overdue >= 5);
  t.is(source.dumps, dumps + 1);
  open();
  await eventually('polls again', () => source.dumps > dumps + 2);
  t.is(exporter.stats().poll.incomplete, 0);
});

// antrea-io/antrea#3650
test('a failed dump ends neither the exporter nor any connection', async t => {
  const collector = await udpCollector(t);
  const connections = [facts(1, 1, Date.now())];
  const source = new FakeSource([{ connections }]);
  const { exporter, lines } = exporterRig(t, backends()[0], source, [collector.endpoint]);
  await exporter.open();
  source.next({ fails: new CtflowError('CTFLOW_NETLINK', 'The kernel is out of sorts', 'Wait') });
  await eventually('failed polls', () => exporter.stats().poll.incomplete >= 3);
  source.next({ connections: [], complete: false, skipped: { overrun: 1 } });
  await eventually('incomplete polls', () => (exporter.stats().poll.skipped['overrun'] ?? 0) >= 3);
  t.is(exporter.stats().connections, 1);
  source.next({ connections: [facts(1, 5, Date.now())] }, { connections });
  source.next({ connections });
  const { polls } = exporter.stats().poll;
  await eventually('polls again', () => exporter.stats().poll.polls > polls + 3);
  t.is(exporter.stats().store.added, 1);
  t.true(lines.some(({ msg }) => String(msg).includes('The kernel is out of sorts')));
  for (const record of flows(collector)) t.is(record.get('flowEndReason'), 2);
});

// antrea-io/antrea#2516
perBackend(
  'a connection that no collector takes is dropped after the stale timeout, also while polls fail',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    const { endpoint } = collector;
    await collector.close();
    const source = new FakeSource([
      { connections: [facts(1, 3, LATER)] },
      { connections: [] },
      { fails: new Error('no more') },
    ]);
    const { exporter } = exporterRig(t, backend, source, [endpoint], { staleConnectionTimeout: 100 });
    await exporter.open();
    await eventually('an empty store', () => exporter.stats().connections === 0);
    t.deepEqual(exporter.stats().destinations[0].stale, { connections: 1, packets: 3, octets: 300 });
  },
);

perBackend(
  'the end of a replay is signalled, and open connections are exported with end reason 4',
  async (t, backend) => {
    const collector = await udpCollector(t);
    const source = new FakeSource(
      [{ connections: [facts(1, 3, 1_000)] }, { connections: [facts(1, 5, 1_000)] }, 'end'],
      'replay',
    );
    const { exporter } = exporterRig(t, backend, source, [collector.endpoint], {
      firstSight: 'total',
      destination: { activeFlowExportTimeout: 3_600_000 },
    });
    await exporter.open();
    await exporter.ended;
    await exporter.close();
    t.is(exporter.stats().poll.polls, 2);
    t.true(source.closed);
    await eventually('a record', () => flows(collector).length > 0);
    t.is(flows(collector).length, 1);
    t.is(flows(collector)[0].get('flowEndReason'), 4);
    t.is(flows(collector)[0].get('packetDeltaCount'), 5);
  },
);

// antrea-io/antrea at its head
perBackend(
  'a shutdown polls once more, and exports open connections with end reason 4 and ended ones with their own',
  async (t, backend) => {
    const collector = await udpCollector(t);
    const source = new FakeSource([
      { connections: [facts(1, 3, LATER), tcp(2, LATER, [1, 60, 0, 0], { state: 1, timeout: 119 })] },
    ]);
    const { exporter } = exporterRig(t, backend, source, [collector.endpoint], {
      flowPollInterval: 3_600_000,
      destination: { activeFlowExportTimeout: 3_600_000 },
    });
    await exporter.open();
    source.next({ connections: [facts(1, 7, LATER)] });
    await exporter.close();
    await eventually('two records', () => flows(collector).length === 2);
    const [refused, open] = flows(collector).toSorted(
      (a, b) => Number(a.get('flowEndReason')) - Number(b.get('flowEndReason')),
    );
    t.is(refused.get('flowEndReason'), 3);
    t.is(open.get('flowEndReason'), 4);
    t.is(open.get('packetDeltaCount'), 7);
    t.is(source.dumps, 2);
  },
);

test('close ends in time with a dump that hangs and collectors that are frozen or gone', async t => {
  t.timeout(300_000);
  const frozen = await Promise.all(Array.from({ length: 12 }, () => TcpCollector.listen(t)));
  for (const collector of frozen) collector.reads = false;
  const gone = await TcpCollector.listen(t);
  const { endpoint } = gone;
  await gone.close();
  const source = new FakeSource([{ connections: Array.from({ length: 900 }, (_, i) => facts(i + 1, 3, LATER)) }]);
  const { exporter, lines } = exporterRig(
    t,
    backends()[0],
    source,
    [...frozen.map(collector => collector.endpoint), endpoint],
    {
      // one after another they would take thirteen times as long
      shutdownTimeout: 4_000,
      destination: { biflow: 'two-uniflows' },
    },
  );
  await exporter.open();
  for (const collector of frozen) await collector.nth(1);
  source.gate = new Promise(() => {});
  const began = performance.now();
  t.true((await exporter.close()) >= 900);
  t.true(performance.now() - began < 12 * 4_000);
  t.true(lines.some(({ msg }) => msg === 'connections not exported at shutdown'));
});

perBackend('a collector that takes nothing delays no other', async (t, backend) => {
  const frozen = await TcpCollector.listen(t);
  frozen.reads = false;
  const healthy = await udpCollector(t);
  const connections = (packets: number): Facts[] => Array.from({ length: 900 }, (_, i) => facts(i + 1, packets, LATER));
  const source = new FakeSource([{ connections: connections(1) }], 'netlink', 300);
  const { exporter } = exporterRig(t, backend, source, [frozen.endpoint, healthy.endpoint], {
    destination: { biflow: 'two-uniflows', activeFlowExportTimeout: 10 },
  });
  await exporter.open();
  let round = 1;
  const arrived = (): Promise<boolean> =>
    eventually('a round', () => exporter.stats().destinations[1].session.records >= round * 900);
  await arrived();
  const next = async (): Promise<void> => {
    source.next({ connections: connections(++round) });
    await arrived();
  };
  for (let stuck = 0; stuck < 3;) {
    await next();
    const { transport, session } = exporter.stats().destinations[0];
    stuck = transport.records < session.records ? stuck + 1 : 0;
  }
  const { dumps } = source;
  for (let i = 0; i < 6; i++) await next();
  // a frozen one is looked at again after a second: 50 polls
  t.true(source.dumps - dumps < 6 * 25, `${source.dumps - dumps} polls for 6 exports`);
});

perBackend(
  'a collector that is away takes no room from open connections, nor from another collector',
  async (t, backend) => {
    const away = await TcpCollector.listen(t);
    const { endpoint } = away;
    await away.close();
    const healthy = await udpCollector(t);
    const living = (packets: number): Facts[] => Array.from({ length: 90 }, (_, i) => facts(i + 1, packets, LATER));
    const source = new FakeSource([{ connections: living(1) }]);
    const { exporter } = exporterRig(t, backend, source, [endpoint, healthy.endpoint], {
      maxConnections: 100,
      destination: { endedQueue: 30 },
    });
    await exporter.open();
    const ended = (): number =>
      exporter.stats().destinations[0].ended + exporter.stats().destinations[0].endedOverflow.connections;
    for (let round = 1; round <= 6; round++) {
      source.next({
        connections: [...living(1), ...Array.from({ length: 10 }, (_, i) => facts(round * 1_000 + i, 2, LATER))],
      });
      await eventually('they are stored', () => exporter.stats().store.added === 90 + round * 10);
      source.next({ connections: living(1) });
      await eventually('they have ended', () => ended() === round * 10);
    }
    source.next({ connections: living(5) });
    const packets = (): number =>
      flows(healthy).reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
    await eventually('all packets', () => packets() === 90 * 5 + 60 * 2);
    t.like(exporter.stats().store, { evicted: 0, refused: 0 });
    const [dead, other] = exporter.stats().destinations;
    t.deepEqual(dead.endedOverflow, { connections: 30, packets: 60, octets: 6_000 });
    t.is(other.endedOverflow.connections, 0);
  },
);

test('a collector that becomes reachable is served at once, not at the next poll', async t => {
  const collector = await TcpCollector.listen(t);
  const { endpoint } = collector;
  await collector.close();
  const source = new FakeSource([{ connections: [tcp(1, LATER, [9, 900, 0, 0], { state: 7 })] }]);
  const { exporter } = exporterRig(t, backends()[0], source, [endpoint], { flowPollInterval: 3_600_000 });
  await exporter.open();
  await new Promise(resolve => setTimeout(resolve, 100));
  const back = await TcpCollector.listen(t, endpoint.port);
  await eventually('the record', () => flows(back).length === 1);
  t.is(source.dumps, 1);
});

test('an exporter that cannot open closes everything it has opened', async t => {
  const collector = await TcpCollector.listen(t);
  const source = new FakeSource([{ fails: new CtflowError('CTFLOW_PERMISSION', 'No', 'Ask') }]);
  const { exporter } = exporterRig(t, backends()[0], source, [collector.endpoint]);
  await t.throwsAsync(exporter.open(), { message: 'No' });
  t.true(source.closed);
});
