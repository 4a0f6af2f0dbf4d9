/** Profile antrea, read by the collector that it is for: the Go module vmware/go-ipfix. */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import test from 'ava';
import { buildGo, GO_PEERS } from '../../bench/peers/go.js';
import type { FlowExtras } from '../../src/encoder/columns.js';
import { createProfile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { backends } from '../helpers/backends.js';
import { FLOW_END, FLOW_START } from '../helpers/builders/flow-table.js';
import type { Facts } from '../helpers/builders/rows.js';
import { GoCollector } from '../../proof/interop/takers/go-collector.js';
import { Decoder, readMessage, readTemplates, valuesOf } from '../helpers/builders/wire.js';
import { needs } from '../helpers/kernel/require.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';

const antrea = createProfile('antrea', 'reverse', false);
const BITS = [
  shape.IPV6,
  shape.PORTS,
  shape.SOURCE_NAT,
  shape.DESTINATION_NAT,
  shape.SERVICE,
  shape.TCP_HISTORY,
  shape.DENIED,
];
/** Every shape that the profile distinguishes. */
const SHAPES = Array.from({ length: 1 << BITS.length }, (_, n) =>
  BITS.reduce((bits, bit, i) => bits | (n & (1 << i) ? bit : 0), 0),
);

/** Octets of the types, RFC 7012 section 3.1 and RFC 7011 section 6.1; strings are of any length. */
const SIZES: Readonly<Record<string, number>> = {
  unsigned8: 1,
  unsigned16: 2,
  unsigned32: 4,
  unsigned64: 8,
  dateTimeSeconds: 4,
  ipv4Address: 4,
  ipv6Address: 16,
  string: 65_535,
};

test('antrea: every element has the size of its type, in every template', t => {
  t.is(
    BITS.reduce((all, bit) => all | bit),
    antrea.shapes,
    'all shapes are tried',
  );
  for (const bits of SHAPES) {
    const rig = new SessionRig(backends()[0], { limit: 16_384, unreliable: false, profile: antrea });
    const { facts, extras } = filled(bits, rig.names);
    const [{ bytes }] = rig.sendWith(extras, facts);
    const [{ fields }] = readTemplates(readMessage(bytes).sets[0]);
    antrea.fieldsOf(bits).forEach(({ element }, i) => {
      t.is(fields[i].length, SIZES[element.type], `${element.name} of ${element.type}`);
    });
  }
});

/** A connection of this shape with something in every field that it has: names, actions, TCP states, a denial. */
function filled(bits: number, names: { intern(name: string): number }): { facts: Facts; extras: FlowExtras } {
  const has = (bit: number): boolean => (bits & bit) !== 0;
  const [source, destination, server, translated] = has(shape.IPV6)
    ? ['2001:db8::1', '2001:db8::80', '2001:db8:1::7', '2001:db8::9']
    : ['192.0.2.1', '10.96.0.10', '10.244.1.7', '203.0.113.5'];
  const facts: Facts = {
    source,
    destination,
    ...(has(shape.DESTINATION_NAT) && { replySource: server }),
    ...(has(shape.SOURCE_NAT) && { replyDestination: translated }),
    protocol: 6,
    ...(has(shape.PORTS) && {
      sourcePort: 40_000,
      destinationPort: 443,
      replySourcePort: has(shape.DESTINATION_NAT) ? 8_443 : 443,
      replyDestinationPort: has(shape.SOURCE_NAT) ? 61_000 : 40_000,
    }),
    state: 3,
    counters: [(1n << 63n) + 1n, 1_000, 8, 800],
  };
  const name = (i: number): number => names.intern(`name ${i} ${i % 2 ? 'ü'.repeat(100) : ''}`);
  const extras = {
    names: Uint32Array.from([0, 1, 2, 3, 4, 5, has(shape.SERVICE) ? 6 : -1], i => (i < 0 ? 0 : name(i))),
    types: Uint8Array.of(2),
    states: Uint32Array.of(has(shape.TCP_HISTORY) ? 0x321 : 0),
    rules: Uint16Array.of(has(shape.DENIED) ? 1 : 0),
    ruleFacts: Uint32Array.of(0, 0, 0, 0, 130 | (3 << 8), name(7), name(8), name(9)),
  };
  return { facts, extras };
}

/** An element's value as go-ipfix prints it. */
function printed(name: string, value: unknown): string {
  return name.endsWith('Seconds') ? String(Number(value) / 1000) : String(value);
}

async function deliver(protocol: 'tcp' | 'udp', port: number, messages: readonly Uint8Array[]): Promise<void> {
  if (protocol === 'tcp') {
    const socket = connect(port, '127.0.0.1');
    for (const bytes of messages) socket.write(bytes);
    socket.end();
    await once(socket, 'connect');
    return;
  }
  const socket = createSocket('udp4');
  for (const bytes of messages) {
    await new Promise(resolve => socket.send(bytes, port, '127.0.0.1', resolve));
    // its buffer is as large as the system's usual one
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  socket.close();
}

needs(test, ['go'])('go-ipfix reads every record of profile antrea: denied, TCP states, names and all', async t => {
  t.timeout(300_000, 'the Go module is compiled');
  t.is(buildGo(GO_PEERS), undefined);
  const collector = new GoCollector(t);
  const ports = await collector.ports;
  for (const backend of backends()) {
    for (const protocol of ['tcp', 'udp'] as const) {
      const rig = new SessionRig(backend, { limit: 1_372 * 2, unreliable: protocol === 'udp', profile: antrea });
      const sent = SHAPES.flatMap(bits => {
        const { facts, extras } = filled(bits, rig.names);
        return rig.sendWith(extras, facts);
      });
      const receiving = collector.receive(protocol, SHAPES.length);
      await deliver(
        protocol,
        Number(ports[protocol]),
        sent.map(({ bytes }) => bytes),
      );
      const received = await receiving;
      t.is(received.length, SHAPES.length, `${backend.name} over ${protocol}`);
      new Decoder(protocol).decode(sent).forEach((record, i) => {
        const own = Object.fromEntries(
          Object.entries(valuesOf(record)).map(([name, value]) => [name, printed(name, value)]),
        );
        t.deepEqual(received[i], own);
      });
      // by hand: what the record of all shapes says
      t.like(received.at(-1)!, {
        flowStartSeconds: `${Math.floor(FLOW_START / 1000)}`,
        flowEndSeconds: `${Math.floor(FLOW_END / 1000)}`,
        destinationIPv6Address: '2001:db8:1::7',
        destinationServiceIPv6: '2001:db8::80',
        destinationServicePort: '443',
        proxySnatIPv6: '2001:db8::9',
        proxySnatPort: '61000',
        packetTotalCount: '9223372036854775809',
        sourcePodName: 'name 0 ',
        egressNetworkPolicyRuleAction: '3',
        tcpState: 'ESTABLISHED',
        tcpStatePrevList: 'SYN_SENT,SYN_RECV',
        firewallEvent: '3',
        forwardingStatus: '130',
      });
    }
  }
});
