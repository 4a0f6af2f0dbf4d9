import test from 'ava';
import type { FlowExtras } from '../../src/encoder/columns.js';
import { createProfile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { perBackend } from '../helpers/backends.js';
import { ping, tcp, udp } from '../helpers/builders/connections.js';
import { FLOW_END, FLOW_START } from '../helpers/builders/flow-table.js';
import type { Backend } from '../../src/backend/backend.js';
import type { Facts } from '../helpers/builders/rows.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';
import { Decoder, readMessage, readTemplates, valuesOf } from '../helpers/builders/wire.js';

const antrea = createProfile('antrea', 'reverse', false);

function exported(backend: Backend, facts: Facts, extras: FlowExtras = {}): Record<string, unknown> {
  const rig = new SessionRig(backend, { limit: 16_384, unreliable: false, profile: antrea });
  return valuesOf(new Decoder('tcp').decode(rig.sendWith(extras, facts))[0]);
}

perBackend('antrea: a known service has its fields, even without NAT', (t, backend) => {
  const facts = tcp(1_000, 5, [1, 60, 1, 60], { destination: '10.96.0.10' });
  const service = {
    destinationServicePort: 443,
    destinationServiceIPv4: '10.96.0.10',
    destinationClusterIPv4: '10.96.0.10',
  };
  t.like(exported(backend, facts, { names: Uint32Array.of(0, 0, 0, 0, 0, 0, 2), types: Uint8Array.of(0) }), service);
  t.like(exported(backend, facts), { destinationServicePort: 0, destinationServiceIPv4: '0.0.0.0' });
});

perBackend('antrea: one set per message and one template per set, as go-ipfix reads no more', (t, backend) => {
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { profile: antrea, limit: 1372, unreliable, templateRefreshInterval: 1_000 });
    const v6 = udp(2, 5, [1, 60, 1, 60], { source: '2001:db8::1', destination: '2001:db8::2' });
    const sent = [...rig.send(tcp(1, 5, [1, 60, 1, 60])), ...rig.send(v6)];
    rig.monotonic += 2_000;
    sent.push(...rig.send(v6));
    for (const { bytes } of sent) {
      const { sets } = readMessage(bytes);
      t.is(sets.length, 1);
      if (sets[0].id < 256) t.is(readTemplates(sets[0]).length, 1);
    }
    t.is(new Decoder(unreliable ? 'udp' : 'tcp').decode(sent).length, 3);
  }
});

const IANA_FRONT = [150, 151, 136, 7, 11, 4, 86, 85, 2, 1];
const REVERSED = [86, 85, 2, 1];
/** By name in wire.md; the numbers are the registry's. */
const ANTREA = [101, 100, 104, 103, 102, 105, 108, 109];
const INGRESS = [110, 111, 115, 141, 139];
const EGRESS = [112, 113, 118, 142, 140];
const STATE_AND_EGRESS = [136, 137, 153, 154, 157, 172];

for (const [family, bits, addresses, last] of [
  ['IPv4', 0, [8, 12], [106, 170, 168]],
  ['IPv6', shape.IPV6, [27, 28], [107, 171, 169]],
] as const) {
  test(`antrea: the fields of ${family} are those of a go-ipfix collector, in their order, whatever the shape`, t => {
    const expected = [
      ...IANA_FRONT.map(id => `0/${id}`),
      ...addresses.map(id => `0/${id}`),
      ...REVERSED.map(id => `29305/${id}`),
      ...[...ANTREA, ...INGRESS, ...EGRESS, ...STATE_AND_EGRESS, ...last].map(id => `56506/${id}`),
    ];
    for (const more of [
      0,
      shape.PORTS,
      shape.SOURCE_NAT | shape.DESTINATION_NAT,
      shape.PORTS | shape.DESTINATION_NAT,
    ]) {
      const fields = antrea.fieldsOf((bits | more) & antrea.shapes);
      t.deepEqual(
        fields.map(({ element }) => `${element.enterprise}/${element.id}`),
        expected,
      );
    }
  });
}

perBackend('antrea: the destination is the one after NAT, the service stands in elements of its own', (t, backend) => {
  const values = exported(
    backend,
    tcp(40_000, 0, [10, 1_000, 8, 800], {
      destination: '10.96.0.10',
      replySource: '10.244.1.7',
      replySourcePort: 8443,
      replyDestination: '203.0.113.5',
      replyDestinationPort: 61_000,
    }),
  );
  t.like(values, {
    flowStartSeconds: Math.floor(FLOW_START / 1000) * 1000,
    flowEndSeconds: Math.floor(FLOW_END / 1000) * 1000,
    sourceIPv4Address: '192.0.2.1',
    destinationIPv4Address: '10.244.1.7',
    sourceTransportPort: 40_000,
    destinationTransportPort: 8443,
    packetTotalCount: 10,
    octetDeltaCount: 1_000,
    reversePacketTotalCount: 8,
    reverseOctetDeltaCount: 800,
    destinationServicePort: 443,
    destinationClusterIPv4: '10.96.0.10',
    destinationServiceIPv4: '10.96.0.10',
    proxySnatIPv4: '203.0.113.5',
    proxySnatPort: 61_000,
    tcpState: 'ESTABLISHED',
  });
});

perBackend('antrea: what is absent is zero or empty', (t, backend) => {
  const values = exported(backend, udp(1000, 0, [1, 60, 0, 0]));
  t.like(values, {
    destinationClusterIPv4: '0.0.0.0',
    destinationServiceIPv4: '0.0.0.0',
    proxySnatIPv4: '0.0.0.0',
    proxySnatPort: 0,
    destinationServicePort: 0,
    tcpState: '',
    flowType: 0,
    sourcePodName: '',
    ingressNetworkPolicyRuleAction: 0,
    destinationTransportPort: 53,
  });
  const v6 = exported(backend, tcp(1, 0, [1, 1, 1, 1], { source: '2001:db8::1', destination: '2001:db8::2' }));
  t.like(v6, { destinationIPv6Address: '2001:db8::2', proxySnatIPv6: '::', destinationServiceIPv6: '::' });
});

perBackend('antrea: an ICMP identifier and type are not exported as ports', (t, backend) => {
  const values = exported(backend, ping(77, 0, [1, 84, 1, 84]));
  t.like(values, { sourceTransportPort: 0, destinationTransportPort: 0, protocolIdentifier: 1 });
});

test('antrea: fields that are not exported make no template of their own', t => {
  const kinds = new Set(
    [0, shape.COUNTERS, shape.ZONE, shape.MARK, shape.ID, shape.HELPER, shape.ICMP].map(bits => bits & antrea.shapes),
  );
  t.deepEqual([...kinds], [0]);
});

test('antrea: the fields of a denied flow come last', t => {
  const ids = (bits: number) => antrea.fieldsOf(bits).map(({ element }) => `${element.enterprise}/${element.id}`);
  for (const bits of [0, shape.IPV6]) t.deepEqual(ids(bits | shape.DENIED), [...ids(bits), '0/233', '0/89']);
});
