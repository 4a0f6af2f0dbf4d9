import { perBackend } from '../helpers/backends.js';
import { flows, TcpCollector, udpCollector } from '../helpers/fakes/collector-socket.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import { eventually } from '../helpers/eventually.js';
import { type Counters } from '../helpers/builders/rows.js';
import { BORN, Rig, begin, fill, many, sums } from '../helpers/rigs/destination-rig.js';

perBackend('due records arrive, and are counted as they are', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { mtu: 1_400 });
  await begin(t, rig);
  rig.poll(...many(1_000, 3));
  // at the rate it may
  let paused = true;
  while (paused) paused = await rig.destination.export();
  await eventually('1,000 records', () => collector.records.length === 1_000);
  t.deepEqual(sums(collector.records), [1_000, 6_000, 450_000]);
  const { session, transport } = rig.destination.stats();
  t.is(session.records, 1_000);
  await eventually('all counted', () => transport.records === 1_000);
  t.is(transport.messages, collector.messages.length);
  t.is(
    session.octets,
    collector.messages.reduce((sum, message) => sum + message.length, 0),
  );
});

perBackend('two-uniflows: two records a connection, which add up to it', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { biflow: 'two-uniflows' });
  await begin(t, rig);
  rig.poll(...many(20, 3), { protocol: 50 });
  await rig.destination.export();
  await eventually('41 records', () => collector.records.length === 41);
  t.deepEqual(sums(collector.records), [41, 120, 9_000]);
  t.is(collector.records.filter(record => record.get('sourceTransportPort') === 53).length, 20);
});

// a flow is a set of packets
perBackend(
  'RFC 7011 2: two-uniflows: a direction has records from its first packet on, and none without a new one',
  async (t, backend) => {
    for (const zeroDeltaRecords of [false, true]) {
      const collector = await udpCollector(t);
      const rig = new Rig(backend, collector.endpoint, { biflow: 'two-uniflows', zeroDeltaRecords });
      await begin(t, rig);
      const directions = async (...counters: Counters[]): Promise<string[]> => {
        const before = flows(collector).length;
        const { records } = rig.destination.stats().session;
        rig.poll(...counters.map((one, i) => udp(i + 1, BORN - 10, one)));
        await rig.destination.export();
        const more = rig.destination.stats().session.records - records;
        await eventually('the records', () => flows(collector).length === before + more);
        return flows(collector)
          .slice(before)
          .map(
            record =>
              `${record.get('sourceTransportPort')}>${record.get('destinationTransportPort')} ${record.get('packetDeltaCount')}`,
          )
          .toSorted();
      };
      t.deepEqual(await directions([1, 60, 0, 0], [0, 0, 2, 80], [1, 60, 2, 80]), [
        '1>53 1',
        '3>53 1',
        '53>2 2',
        '53>3 2',
      ]);
      const zero = zeroDeltaRecords ? ['3>53 0'] : [];
      t.deepEqual(
        await directions([2, 120, 0, 0], [0, 0, 2, 80], [1, 60, 3, 120]),
        ['1>53 1', ...zero, '53>3 1'].toSorted(),
      );
      await rig.destination.drain(1_000);
      t.true(flows(collector).every(record => Number(record.get('packetTotalCount')) > 0));
    }
  },
);

perBackend(
  'a record without a packet is sent where it is asked for, and of an end where the profile needs it',
  async (t, backend) => {
    for (const [options, reasons] of [
      [{}, [2]],
      [{ zeroDeltaRecords: true }, [2, 4]],
      [{ profile: 'antrea' }, [2, 4]],
    ] as const) {
      const collector = await udpCollector(t);
      const rig = new Rig(backend, collector.endpoint, { ...options, mtu: 1_400 });
      await begin(t, rig);
      rig.poll(...many(3, 1));
      await rig.destination.export();
      rig.poll(...many(3, 1));
      await rig.destination.drain(1_000);
      await eventually('all', () => flows(collector).length === reasons.length * 3);
      t.deepEqual([...new Set(flows(collector).map(record => record.get('flowEndReason')))], [...reasons]);
    }
  },
);

perBackend('antrea: connections with the same fields share one message', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { profile: 'antrea', mtu: 9_000 });
  await begin(t, rig);
  rig.poll(
    ...[{}, { mark: 1 }, { zone: 2 }, { helper: 'x' }, { replyZone: 3 }].map((more, i) =>
      tcp(i + 1, BORN, [1, 1, 1, 1], more),
    ),
  );
  await rig.destination.export();
  await eventually('5 records', () => collector.records.length === 5);
  t.is(collector.messages.length, 4, 'the template three times, and one message');
});

perBackend(
  'RFC 7011 10.3.3: records that fit into no packet are counted, logged once, and cost the others nothing',
  async (t, backend) => {
    const collector = await udpCollector(t);
    const rig = new Rig(backend, collector.endpoint, { mtu: 160 });
    await begin(t, rig);
    const v6 = { source: '2001:db8::1', destination: '2001:db8::2' };
    rig.poll(tcp(1, BORN, [1, 1, 1, 1], v6), tcp(2, BORN, [1, 1, 1, 1], v6), udp(3, BORN, [1, 1, 1, 1]));
    await rig.destination.export();
    rig.poll(tcp(1, BORN, [2, 2, 2, 2], v6), tcp(2, BORN, [2, 2, 2, 2], v6), udp(3, BORN, [2, 2, 2, 2]));
    await rig.destination.export();
    await eventually('2 records', () => collector.records.length === 2);
    const { oversize, oversizeTemplates } = rig.destination.stats().session;
    t.is(oversize, 4);
    const [[name, count]] = Object.entries(oversizeTemplates);
    t.regex(name, /^standard \d+ \(IPv6, ports\)$/);
    t.is(count, 4);
    t.deepEqual(
      rig.lines.filter(({ level }) => level === 50).map(({ template }) => template),
      [name],
    );
  },
);

perBackend('RFC 7011 10.4.4, 8: a new connection has all templates, and what was not sent', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  collector.reads = false;
  const rig = new Rig(backend, collector.endpoint, { optionsInterval: 3_600_000 });
  await begin(t, rig);
  const polls = await fill(rig, 2_000);
  collector.reads = true;
  const handed = rig.destination.stats().transport.records;
  (await collector.nth(1)).resetAndDestroy();
  await eventually('another session', () => rig.opened === 2);
  await rig.destination.export();
  rig.poll(...many(2_000, polls + 5));
  await rig.destination.export();
  const { session, transport } = rig.destination.stats();
  const expected = session.records + session.optionsRecords - handed;
  await eventually('the records of the new session', () => collector.records.length === expected);
  t.is(collector.sessions[1][0].readUInt32BE(8), 0, 'its first sequence number');
  t.is(transport.lostRecords, 0);
  t.is(transport.uncertainRecords, handed);
  const line = rig.lines.find(({ msg }) => msg === 'connection to the collector lost; reconnecting');
  t.is(line?.['uncertain'], handed);
});

perBackend(
  'ended connections are held for a collector that takes them, not for one that is frozen',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    collector.reads = false;
    const rig = new Rig(backend, collector.endpoint, { endedQueue: 30_000 });
    t.false(rig.destination.takesEnded(), 'it is not connected');
    await begin(t, rig);
    t.true(rig.destination.takesEnded());
    await fill(rig, 20_000);
    rig.poll();
    t.true(rig.destination.endedRoom < 30_000);
    await eventually('it is frozen', () => !rig.destination.takesEnded());
    const socket = await collector.nth(1);
    socket.resume();
    await eventually('it takes some', async () => {
      await rig.destination.export();
      return rig.destination.takesEnded();
    });
  },
);
perBackend('records waiting in a batch when a connection breaks are sent in the next session', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const rig = new Rig(backend, collector.endpoint, { maxConnections: 100 });
  await begin(t, rig);
  rig.poll(...many(100, 1));
  await new Promise(resolve => setTimeout(resolve, 5));
  // a hundred records of connections that went at the limit wait in the batch of their shape
  rig.poll(...Array.from({ length: 100 }, (_, i) => udp(i + 1_000, Date.now(), [1, 100, 0, 0])));
  t.is(rig.store.counts.evicted, 100);
  (await collector.nth(1)).resetAndDestroy();
  await eventually('another session', () => rig.opened === 2);
  t.is(rig.destination.stats().session.records, 0);
  await rig.destination.export();
  await eventually('all', () => collector.records.length === 200);
  const { transport, evictedUnreported } = rig.destination.stats();
  t.is(transport.lostRecords + transport.uncertainRecords + evictedUnreported.connections, 0);
});

perBackend('connections dropped from the ended queue are reported as not sent', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const { endpoint } = collector;
  await collector.close();
  const rig = new Rig(backend, endpoint, { endedQueue: 2, optionsInterval: 3_600_000 });
  t.teardown(() => rig.destination.close());
  await rig.destination.open();
  rig.poll(...many(5, 3));
  rig.poll();
  t.is(rig.destination.stats().ended, 2);
  t.deepEqual(rig.destination.stats().endedOverflow, { connections: 3, packets: 18, octets: 1_350 });
  const later = await TcpCollector.listen(t, endpoint.port);
  await eventually('a session', () => rig.opened === 1);
  await rig.destination.export();
  await eventually('two records and the options', () => flows(later).length === 2 && later.records.length > 3);
  const notSent = later.records.find(record => record.get('notSentFlowTotalCount') !== undefined)!;
  t.is(notSent.get('notSentFlowTotalCount'), 3);
  t.is(notSent.get('notSentPacketTotalCount'), 18);
  t.is(notSent.get('notSentOctetTotalCount'), 1_350);
});

perBackend('RFC 7011 4: options records go out at their interval and at shutdown; with 0 never', async (t, backend) => {
  for (const optionsInterval of [0, 3_600_000]) {
    const collector = await udpCollector(t);
    const rig = new Rig(backend, collector.endpoint, { optionsInterval, stale: 0 });
    await begin(t, rig);
    rig.poll(...many(10, 3));
    rig.poll(...many(9, 3));
    rig.destination.dropStale();
    t.deepEqual(rig.destination.stats().stale, { connections: 1, packets: 6, octets: 450 });
    rig.lost = { connections: 2, packets: 30, octets: 4_000 };
    await rig.destination.export();
    await rig.destination.export();
    await rig.destination.drain(10_000);
    const expected = rig.destination.stats().session;
    await eventually('all', () => collector.records.length === expected.records + expected.optionsRecords);
    t.is(flows(collector).length, 9, 'the shutdown has nothing new to export');
    const statistics = collector.records.filter(record => record.get('exportedMessageTotalCount') !== undefined);
    t.is(statistics.length, optionsInterval === 0 ? 0 : 2);
    if (optionsInterval === 0) continue;
    t.is(statistics[1].get('exportedFlowRecordTotalCount'), 9);
    const notSent = collector.records.find(record => record.get('notSentFlowTotalCount') !== undefined)!;
    t.is(notSent.get('notSentFlowTotalCount'), 1);
    t.is(notSent.get('notSentPacketTotalCount'), 6);
    t.is(notSent.get('notSentOctetTotalCount'), 450);
    const ignored = collector.records.find(record => record.get('ignoredPacketTotalCount') !== undefined)!;
    t.is(ignored.get('ignoredPacketTotalCount'), 30);
    t.is(ignored.get('ignoredOctetTotalCount'), 4_000);
  }
});

perBackend('packets lost before they had a flow are reported as ignored', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { optionsInterval: 3_600_000 });
  await begin(t, rig);
  rig.lost = { connections: 0, packets: 7, octets: 0 };
  await rig.destination.export();
  const ignored = await eventually('the options', () =>
    collector.records.find(record => record.get('ignoredPacketTotalCount') !== undefined),
  );
  t.is(ignored.get('ignoredPacketTotalCount'), 7);
  t.false(collector.records.some(record => record.get('notSentFlowTotalCount') !== undefined));
});
