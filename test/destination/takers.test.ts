/** What programs need that take flow records, and no requirement of an RFC is: docs/takers.md. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { createProfile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { UdpTransport } from '../../src/transport/udp.js';
import { perBackend } from '../helpers/backends.js';
import type { Facts } from '../helpers/builders/rows.js';
import { readMessage, readTemplates } from '../helpers/builders/wire.js';
import { eventually } from '../helpers/eventually.js';
import { TransportLog } from '../helpers/fakes/transport-log.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';

const KINDS: readonly Facts[] = [
  { sourcePort: 1, destinationPort: 2, counters: [1, 40, 1, 40] },
  { sourcePort: 1, destinationPort: 2, replySource: '10.0.0.1', counters: [1, 40, 1, 40], mark: 7, id: 8 },
  {
    source: '2001:db8::1',
    destination: '2001:db8::2',
    protocol: 58,
    icmp: { type: 128, code: 0, id: 1, replyType: 129 },
  },
  { protocol: 50, zone: 3, helper: 'ftp' },
];

perBackend('no message has more than one data set, and none before its template', (t, backend) => {
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { unreliable, sampling: 'current', templateRefreshPackets: 3 });
    const messages = [...rig.send(...KINDS, ...KINDS), ...rig.options(), ...rig.send(...KINDS)];
    const known = new Set<number>();
    let data = 0;
    for (const { sets } of messages.map(({ bytes }) => readMessage(bytes))) {
      for (const set of sets.filter(({ id }) => id < 256)) for (const { id } of readTemplates(set)) known.add(id);
      const ids = sets.map(({ id }) => id).filter(id => id >= 256);
      t.true(ids.length <= 1);
      t.true(ids.every(id => known.has(id)));
      data += ids.length;
    }
    t.true(data >= 8);
  }
});

/** Enterprise numbers in the templates of a profile, whatever is known of a flow. */
function enterprises(biflow: 'reverse' | 'two-uniflows', netfilterElements: boolean): Set<number> {
  const profile = createProfile('standard', biflow, netfilterElements);
  const kinds = [0, shape.IPV6].flatMap(family => [
    family,
    (profile.shapes & ~shape.TCP_HISTORY & ~shape.IPV6) | family,
  ]);
  const fields = [...kinds, ...kinds.map(kind => kind & ~shape.REVERSED)].flatMap(kind => profile.fieldsOf(kind));
  return new Set(fields.map(({ element }) => element.enterprise));
}

test('two uniflows have no enterprise element, whatever is known of a flow', t => {
  t.deepEqual(enterprises('two-uniflows', false), new Set([0]));
});

test('enterprise elements of profile standard are those of RFC 5103, and Netfilter’s where they are asked for', t => {
  t.deepEqual(enterprises('reverse', false), new Set([0, 29_305]));
  t.deepEqual(enterprises('reverse', true), new Set([0, 29_305, 21_373]));
});

test('by default connections are exported every 5 s, and templates every minute', t => {
  t.is(DESTINATION_DEFAULTS.activeFlowExportTimeout, 5_000);
  t.is(DESTINATION_DEFAULTS.templateRefreshInterval, 60_000);
});

test('by default no packet has more than 512 octets, and by the path none more than 9,000', t => {
  const endpoint = { protocol: 'udp', host: '127.0.0.1', port: 4739 } as const;
  const never = () => Promise.reject(new Error('not opened'));
  const { mtu, udpSegmentation } = DESTINATION_DEFAULTS;
  t.is(new UdpTransport(endpoint, { mtu, udpSegmentation }, never).largest, 512 - 28);
  t.is(new UdpTransport(endpoint, { mtu: 'path', udpSegmentation }, never).largest, 9_000 - 28);
});

perBackend('over UDP all messages of a session come from one port', async (t, backend) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const ports: number[] = [];
  socket.on('message', (_, { port }) => ports.push(port));
  t.teardown(() => socket.close());
  const { port } = socket.address();
  const endpoint = { protocol: 'udp', host: '127.0.0.1', port } as const;
  const transport = new UdpTransport(endpoint, { mtu: 512, udpSegmentation: false }, backend.connectDatagram);
  await transport.open(new TransportLog());
  t.teardown(() => transport.close(0));
  for (let sent = 0; sent < 3; sent++) {
    transport.send(new Uint8Array(20), Uint32Array.of(20, 1), 1);
    await eventually('it arrives', () => ports.length > sent);
  }
  t.is(new Set(ports).size, 1);
});
