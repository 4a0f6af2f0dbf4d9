/** Profile antrea, read by the collector that it is for: the Go module vmware/go-ipfix. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { buildGo, GO_PEERS } from '../../bench/peers/go.js';
import { createProfile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import * as row from '../../src/row/layout.generated.js';
import { backends } from '../helpers/backends.js';
import { FLOW_END, FLOW_START, flowBatch } from '../helpers/builders/flow-batch.js';
import type { Facts } from '../helpers/builders/rows.js';
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
    const { session, transport } = new SessionRig(backends()[0], { limit: 16_384, unreliable: false, profile: antrea });
    session.send(bits, flowBatch({ protocol: 6 }));
    const [{ bytes }] = transport.take();
    const [{ fields }] = readTemplates(readMessage(bytes).sets[0]);
    antrea.fieldsOf(bits).forEach(({ element }, i) => {
      t.is(fields[i].length, SIZES[element.type], `${element.name} of ${element.type}`);
    });
  }
});

/** A record with something in every field that the profile has: names, actions, TCP states, a denial. */
function filled(bits: number, names: { intern(name: string): number }): ReturnType<typeof flowBatch> {
  const v6 = (bits & shape.IPV6) !== 0;
  const facts: Facts = {
    ...(v6
      ? {
          source: '2001:db8::1',
          destination: '2001:db8::80',
          replySource: '2001:db8:1::7',
          replyDestination: '2001:db8::9',
        }
      : { source: '192.0.2.1', destination: '10.96.0.10', replySource: '10.244.1.7', replyDestination: '203.0.113.5' }),
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    replySourcePort: 8_443,
    replyDestinationPort: 61_000,
    state: 3,
    counters: [(1n << 63n) + 1n, 1_000, 8, 800],
  };
  const batch = flowBatch(facts);
  for (let field = row.SOURCE_POD_NAME, i = 0; field <= row.EGRESS_RULE_NAME; field += 4, i++) {
    batch.u32[field >> 2] = names.intern(`name ${i} ${i % 2 ? 'ü'.repeat(100) : ''}`);
  }
  batch.bytes[row.FLOW_TYPE] = 2;
  batch.bytes[row.INGRESS_RULE_ACTION] = 2;
  batch.bytes[row.EGRESS_RULE_ACTION] = 3;
  batch.bytes[row.FORWARDING_STATUS] = 130;
  batch.u32[row.TCP_STATE_HISTORY >> 2] = 0x21;
  return batch;
}

/** An element's value as go-ipfix prints it. */
function printed(name: string, value: unknown): string {
  return name.endsWith('Seconds') ? String(Number(value) / 1000) : String(value);
}

class GoCollector {
  readonly ports: Promise<{ tcp: string; udp: string }>;
  readonly #child = spawn(GO_PEERS, ['collect'], { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();

  constructor(t: ExecutionContext) {
    this.ports = this.#answer() as Promise<{ tcp: string; udp: string }>;
    t.teardown(() => this.#child.kill());
  }

  /** Data records that come, at most so many. */
  async receive(protocol: 'tcp' | 'udp', count: number): Promise<Record<string, string>[]> {
    this.#child.stdin.write(`${protocol} ${count}\n`);
    return (await this.#answer()) as Record<string, string>[];
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('go-ipfix has ended: the cause stands on standard error');
    return JSON.parse(value);
  }
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
      for (const bits of SHAPES) rig.session.send(bits, filled(bits, rig.names));
      const sent = rig.transport.take();
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
