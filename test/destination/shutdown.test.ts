/** The end of a destination: what is still exported, and what is counted as left. */
import type { ExecutionContext } from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import { TIME_WAIT } from '../../src/row/conntrack.js';
import { perBackend } from '../helpers/backends.js';
import { flows, TcpCollector, udpCollector } from '../helpers/fakes/collector-socket.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import { eventually } from '../helpers/eventually.js';
import { BORN, Rig, begin, fill, many, sums } from '../helpers/rigs/destination-rig.js';

/** A destination with ten connections whose collector is away, an hour before the next attempt. */
async function withoutCollector(t: ExecutionContext, backend: Backend): Promise<{ rig: Rig; port: number }> {
  const collector = await TcpCollector.listen(t);
  const { endpoint } = collector;
  await collector.close();
  const rig = new Rig(backend, endpoint, { reconnectInterval: 3_600_000 });
  await rig.destination.open();
  await eventually('a failed attempt', () => rig.messages().includes('collector unreachable; retrying'));
  rig.poll(...many(10, 3));
  return { rig, port: endpoint.port };
}

perBackend(
  'a shutdown exports each open connection once, with end reason 4 and everything not yet exported',
  async (t, backend) => {
    const collector = await udpCollector(t);
    const rig = new Rig(backend, collector.endpoint, { mtu: 1_400 });
    await begin(t, rig);
    // more than are looked at in one go, and no more than find room unread in a socket of the usual size
    rig.poll(...many(2_100, 3));
    const left = await rig.destination.drain(20_000);
    t.deepEqual(left, { connections: 0, packets: 0, octets: 0, records: 0 });
    await eventually('2,100 records', () => collector.records.length >= 2_100);
    t.deepEqual(sums(collector.records), [2_100, 12_600, 945_000]);
    for (const record of collector.records) t.is(record.get('flowEndReason'), 4);
    t.false(
      rig.lines.some(({ level }) => Number(level) > 30),
      JSON.stringify(rig.messages()),
    );
  },
);

perBackend(
  'a shutdown exports ended connections that a slow collector delayed, with their own reasons',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    collector.reads = false;
    const rig = new Rig(backend, collector.endpoint);
    await begin(t, rig);
    const closed = Array.from({ length: 12_000 }, (_, i) => tcp(i + 1, BORN, [1, i, 1, i], { state: TIME_WAIT }));
    rig.poll(...closed);
    for (let turn = 0; turn < 50 && rig.store.size > 0; turn++) {
      await rig.destination.export();
      rig.poll();
    }
    const finished = rig.destination.drain(20_000);
    const socket = await collector.nth(1);
    socket.on('end', () => socket.end());
    socket.resume();
    t.deepEqual(await finished, { connections: 0, packets: 0, octets: 0, records: 0 });
    await eventually('12,000 records', () => collector.records.length >= 12_000);
    t.is(collector.records.length, 12_000);
    for (const record of collector.records) t.is(record.get('flowEndReason'), 3);
  },
);

perBackend(
  'a collector that is frozen does not hang the shutdown, and every connection is accounted for',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    collector.reads = false;
    const rig = new Rig(backend, collector.endpoint, { optionsInterval: 3_600_000 });
    await begin(t, rig);
    const count = 20_000;
    await fill(rig, count);
    rig.poll(...many(count, 1_000));
    const left = await rig.destination.drain(200);
    const { session, transport } = rig.destination.stats();
    t.true(left.connections > 0);
    t.is(left.records, transport.lostRecords);
    t.is(transport.records + transport.lostRecords, session.records + session.optionsRecords);
  },
);

perBackend(
  'an unreachable collector does not hang the shutdown; all connections are counted as not exported',
  async (t, backend) => {
    const { rig } = await withoutCollector(t, backend);
    t.is(rig.destination.nextDeadline(), Infinity);
    t.deepEqual(await rig.destination.drain(60_000), { connections: 10, packets: 60, octets: 4_500, records: 0 });
    t.false(rig.messages().includes('connection to the collector lost; reconnecting'));
  },
);

perBackend('a shutdown tries a collector once more that was away, without the wait', async (t, backend) => {
  const { rig, port } = await withoutCollector(t, backend);
  const back = await TcpCollector.listen(t, port);
  t.deepEqual(await rig.destination.drain(60_000), { connections: 0, packets: 0, octets: 0, records: 0 });
  await eventually('all records', () => flows(back).length === 10);
});

perBackend('a shutdown while a connection is renewed goes on over the next one', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  collector.reads = false;
  const rig = new Rig(backend, collector.endpoint, { connectionLifetime: 50, reconnectInterval: 3_600_000 });
  await rig.destination.open();
  const first = await collector.nth(1);
  collector.reads = true;
  rig.poll(...many(10, 3));
  // the time of the connection is over, and the collector does not answer yet
  await new Promise(resolve => setTimeout(resolve, 200));
  const finished = rig.destination.drain(60_000);
  await new Promise(resolve => setTimeout(resolve, 50));
  first.resume();
  t.deepEqual(await finished, { connections: 0, packets: 0, octets: 0, records: 0 });
  t.true(rig.messages().includes('connection closed after --connection-lifetime; opening another'));
});

perBackend('records waiting in a batch at the end of the grace period are counted as lost', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { maxConnections: 100 });
  await begin(t, rig);
  rig.poll(...many(100, 1));
  await new Promise(resolve => setTimeout(resolve, 5));
  rig.poll(...Array.from({ length: 100 }, (_, i) => udp(i + 1_000, Date.now(), [1, 100, 0, 0])));
  t.deepEqual(await rig.destination.drain(0), { connections: 100, packets: 100, octets: 10_000, records: 100 });
  t.is(rig.destination.stats().transport.lostRecords, 100);
});
