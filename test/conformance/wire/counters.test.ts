/** Delta and total counters from report to report, as a collector reads them. */
import { perBackend } from '../../helpers/backends.js';
import { udp } from '../../helpers/builders/connections.js';
import type { Counters } from '../../helpers/builders/rows.js';
import { eventually } from '../../helpers/eventually.js';
import { flows, udpCollector } from '../../helpers/fakes/collector-socket.js';
import { begin, BORN, Rig } from '../../helpers/rigs/destination-rig.js';

const NAMES = ['PacketDeltaCount', 'OctetDeltaCount', 'PacketTotalCount', 'OctetTotalCount'];
const ELEMENTS = [...NAMES.map(name => name[0].toLowerCase() + name.slice(1)), ...NAMES.map(name => `reverse${name}`)];

perBackend('RFC 7012 3.2: a delta counts from the report before, a total from the beginning', async (t, backend) => {
  const collector = await udpCollector(t);
  const rig = new Rig(backend, collector.endpoint, { mtu: 1_400, maxRate: 'off' });
  await begin(t, rig);
  const large = 2n ** 63n;
  const polls: Counters[] = [
    [1, 60, 2, 100],
    [4, 260, 2, 100],
    [4, 260, 3, 150],
    [large, large + 1n, 9, 900],
  ];
  for (const [i, counters] of polls.entries()) {
    rig.poll(udp(1, BORN - 10, counters));
    await rig.destination.export();
    await eventually('its record', () => flows(collector).length === i + 1);
  }
  rig.poll(); // its last packets have been reported
  await rig.destination.drain(1_000);
  const difference = (poll: number, counter: number): bigint =>
    BigInt(polls[poll][counter]) - BigInt(polls[poll - 1]?.[counter] ?? 0);
  t.deepEqual(
    flows(collector).map(record => ELEMENTS.map(name => BigInt(record.get(name) as number))),
    polls.map((counters, poll) => {
      const direction = (packets: number, octets: number): bigint[] => [
        difference(poll, packets),
        difference(poll, octets),
        BigInt(counters[packets]),
        BigInt(counters[octets]),
      ];
      return [...direction(0, 1), ...direction(2, 3)];
    }),
  );
});
