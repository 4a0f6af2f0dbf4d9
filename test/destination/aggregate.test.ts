/** A destination that aggregates, over real sockets. */
import { perBackend } from '../helpers/backends.js';
import { flows, TcpCollector, udpCollector } from '../helpers/fakes/collector-socket.js';
import { eventually } from '../helpers/eventually.js';
import { Rig, begin, many, sums } from '../helpers/rigs/destination-rig.js';

const HOUR = 3_600_000;

perBackend('the sums of an interval arrive over UDP at the rate it may, each key once', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { aggregateKeys: ['src.port'], aggregateInterval: 1, mtu: 1_400 });
  await begin(t, rig);
  rig.poll(...many(700, 3));
  let paused = true;
  while (paused) paused = await rig.destination.export();
  await eventually('700 records', () => flows(collector).length === 700);
  t.deepEqual(sums(flows(collector)), [700, 4_200, 315_000]);
  t.is(new Set(flows(collector).map(record => record.get('sourceTransportPort'))).size, 700);
  t.deepEqual(rig.destination.stats().aggregation, { keys: 0, overflowed: 0 });
});

perBackend('a shutdown does not wait for the interval, and sends one record a key', async (t, backend) => {
  const collector = await udpCollector(t);
  const options = { aggregateKeys: ['dst', 'dst.port'], aggregateInterval: HOUR } as const;
  const rig = new Rig(backend, collector.endpoint, options);
  await begin(t, rig);
  rig.poll(...many(3_000, 3));
  await rig.destination.export();
  t.is(flows(collector).length, 0);
  t.is(rig.destination.stats().aggregation?.keys, 1);
  rig.poll(...many(3_000, 5));
  t.deepEqual(await rig.destination.drain(20_000), { connections: 0, packets: 0, octets: 0, records: 0 });
  await eventually('the record', () => flows(collector).length === 1);
  t.deepEqual(sums(flows(collector)), [1, 30_000, 2_250_000]);
  t.is(flows(collector)[0].get('deltaFlowCount'), 3_000);
});

perBackend('a collector that is away costs no ended connection: sums wait for it', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const { endpoint } = collector;
  await collector.close();
  const rig = new Rig(backend, endpoint, { aggregateKeys: ['protocol'], aggregateInterval: 1, endedQueue: 100 });
  t.teardown(() => rig.destination.close());
  await rig.destination.open();
  await eventually('a failed attempt', () => rig.messages().includes('collector unreachable; retrying'));
  for (const from of [0, 100]) {
    rig.poll(...many(from + 100, 3).slice(from));
    rig.poll();
    t.true(rig.destination.takesEnded());
    t.is(rig.destination.nextDeadline(), 0, 'what has ended is due, whoever is connected');
    await rig.destination.export();
  }
  const { ended, endedOverflow, aggregation } = rig.destination.stats();
  t.deepEqual([ended, endedOverflow.connections, aggregation], [0, 0, { keys: 1, overflowed: 0 }]);
  const again = await TcpCollector.listen(t, endpoint.port);
  await eventually('a session', () => rig.destination.stats().connected);
  await rig.destination.export();
  await eventually('the record', () => flows(again).length === 1);
  t.deepEqual(sums(flows(again)), [1, 1_200, 90_000]);
});

perBackend('what a shutdown cannot send of its sums is counted', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const { endpoint } = collector;
  await collector.close();
  const options = { aggregateKeys: ['src.port'], aggregateInterval: HOUR, reconnectInterval: HOUR } as const;
  const rig = new Rig(backend, endpoint, options);
  await rig.destination.open();
  await eventually('a failed attempt', () => rig.messages().includes('collector unreachable; retrying'));
  rig.poll(...many(40, 3));
  await rig.destination.export();
  t.is((await rig.destination.drain(50)).records, 40);
  t.is(rig.destination.stats().transport.lostRecords, 40);
});
