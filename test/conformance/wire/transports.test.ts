/** Each transport to each family, over real sockets, in the manner of RFC 5471. */
import type { ExecutionContext } from 'ava';
import { isDatagram, isSecured } from '../../../src/common/endpoint.js';
import { ping, tcp, udp } from '../../helpers/builders/connections.js';
import type { Facts } from '../../helpers/builders/rows.js';
import { readMessage, readTemplates, type WireSet } from '../../helpers/builders/wire.js';
import { eventually } from '../../helpers/eventually.js';
import { flows } from '../../helpers/fakes/collector-socket.js';
import { begin, BORN, Rig, sums } from '../../helpers/rigs/destination-rig.js';
import { exporterFiles, listenOver, perBackendOver, PROTOCOLS } from '../../helpers/tls/secured-collector.js';

const TRANSLATED_V6 = { source: '2001:db8::1', destination: '2001:db8::2', replySource: '2001:db8::3' };
const V6 = { source: '2001:db8::1', destination: '2001:db8::2' };
/** One of each shape that is common, and strings of all lengths that the kernel has. */
const connections = (packets: number): Facts[] => [
  tcp(1, BORN - 10, [packets, packets * 60, packets, packets * 40]),
  tcp(2, BORN - 10, [packets, packets * 61, 0, 0], { replySource: '10.0.0.1', zone: 3 }),
  udp(3, BORN - 10, [packets, packets * 62, packets, packets * 42], V6),
  ping(4, BORN - 10, [packets, packets * 63, packets, packets * 43]),
  tcp(5, BORN - 10, [packets, packets * 64, 0, 0], { helper: 'x' }),
  tcp(6, BORN - 10, [packets, packets * 65, 0, 0], { helper: 'abcdefghijklmnop' }),
];

/** Sequence numbers, lengths and templates of one session. @returns templates by their id, each as often as it came */
function checkSession(t: ExecutionContext, messages: readonly Buffer[]): Map<number, number> {
  const announced = new Map<number, number>();
  const recordsOf = new Map<number, (set: WireSet) => number>();
  let sequence = 0;
  for (const bytes of messages) {
    const { version, length, sequence: says, observationDomain, sets } = readMessage(bytes);
    t.deepEqual([version, length, observationDomain, says], [10, bytes.length, 7, sequence]);
    for (const set of sets) {
      if (set.id >= 256) {
        t.true(announced.has(set.id), `set ${set.id} is behind its template`);
        sequence += recordsOf.get(set.id)!(set);
        continue;
      }
      for (const { id, fields } of readTemplates(set)) {
        announced.set(id, (announced.get(id) ?? 0) + 1);
        recordsOf.set(id, ({ content }) => countRecords(content, fields));
      }
    }
  }
  return announced;
}

function countRecords(content: Buffer, fields: readonly { length: number }[]): number {
  let records = 0;
  for (let at = 0; at < content.length; records++) {
    for (const { length } of fields) at += length === 65_535 ? 1 + content[at] : length;
  }
  return records;
}

/** Octets of the largest message, as the path has no limit but that of a packet. */
const LARGEST = {
  udp: (headers: number) => 65_535 - headers,
  tcp: () => 16_384,
  tls: () => 16_384,
  dtls: () => 16_384,
} as const;

for (const protocol of PROTOCOLS) {
  const secured = isSecured({ protocol });
  const datagrams = isDatagram({ protocol });
  const files = (): ReturnType<typeof exporterFiles> => (secured ? exporterFiles() : {});
  for (const host of ['127.0.0.1', '::1']) {
    perBackendOver(
      protocol,
      `RFC 7011 10: over ${protocol} to ${host} templates, data and options data arrive`,
      async (t, backend) => {
        const collector = await listenOver(t, protocol, host);
        const rig = new Rig(backend, collector.endpoint, { optionsInterval: 3_600_000, ...files() });
        await begin(t, rig);
        for (const packets of [1, 3]) {
          rig.poll(...connections(packets));
          await rig.destination.export();
        }
        await rig.destination.drain(10_000);
        const { session, transport } = rig.destination.stats();
        await eventually('all', () => collector.records.length === session.records + session.optionsRecords);
        t.is(session.records, 12);
        t.deepEqual(sums(flows(collector)), [12, 3 * (6 + 3), 3 * (60 + 40 + 61 + 62 + 42 + 63 + 43 + 64 + 65)]);
        t.true(session.optionsRecords > 0);
        const copies = checkSession(t, collector.messages);
        for (const [id, times] of copies) t.true(datagrams ? times >= 3 : times === 1, `template ${id}: ${times}`);
        t.deepEqual([transport.errors, transport.lostRecords, session.oversize], [{}, 0, 0]);
      },
    );

    perBackendOver(
      protocol,
      `RFC 7011 3.1, 10: the largest message over ${protocol} to ${host} arrives`,
      async (t, backend) => {
        const collector = await listenOver(t, protocol, host);
        // no fragment: the MTU of loopback is larger
        const rig = new Rig(backend, collector.endpoint, { mtu: 65_535, maxRate: 'off', ...files() });
        await begin(t, rig);
        const limit = LARGEST[protocol](host === '::1' ? 48 : 28);
        // 512 of these fill a message: so many are encoded at once
        rig.poll(...Array.from({ length: 1_500 }, (_, i) => udp(i + 1, BORN - 10, [2, 200, 2, 100], TRANSLATED_V6)));
        await rig.destination.export();
        await eventually('all', () => flows(collector).length === 1_500);
        const largest = Math.max(...collector.messages.map(({ length }) => length));
        const [template] = readTemplates(readMessage(collector.messages[0]).sets[0]);
        const record = template.fields.reduce((octets, { length }) => octets + length, 0);
        t.true(largest <= limit && largest > limit - record, `${largest} of ${limit} octets`);
        t.deepEqual([rig.destination.stats().transport.errors, rig.destination.stats().transport.lostRecords], [{}, 0]);
        checkSession(t, collector.messages);
      },
    );
  }
}
