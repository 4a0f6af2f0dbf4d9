import test from 'ava';
import { NAT_EVENT, NAT_SHAPES } from '../../src/ipfix/profile-nat.js';
import * as shape from '../../src/ipfix/shape.js';
import { EVENT_NEW } from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import { changed, ping } from '../helpers/builders/connections.js';
import { nanoseconds } from '../helpers/builders/rows.js';
import { CREATE, DELETE, masqueraded } from '../helpers/builders/translated.js';
import { readMessage } from '../helpers/builders/wire.js';
import { exportTranslated as exported, MILLISECONDS, profileOf } from '../helpers/rigs/nat-export.js';

perBackend('RFC 8158: a session of a NAT44 has a create and a delete event with both tuples', (t, backend) => {
  const { records, start, stop } = exported(backend, masqueraded(1, 0, [3, 300, 2, 200]));
  const tuples = {
    natInstanceID: 1,
    sourceIPv4Address: '192.0.2.1',
    postNATSourceIPv4Address: '203.0.113.1',
    protocolIdentifier: 17,
    sourceTransportPort: 1,
    postNAPTSourceTransportPort: 50_001,
    destinationIPv4Address: '198.51.100.1',
    postNATDestinationIPv4Address: '198.51.100.1',
    destinationTransportPort: 53,
    postNAPTDestinationTransportPort: 53,
  };
  const [create, remove, end] = records;
  t.deepEqual(create, { observationTimeMilliseconds: start + 1, ...tuples, natEvent: CREATE });
  t.deepEqual(remove, { observationTimeMilliseconds: stop - 1, ...tuples, natEvent: DELETE });
  t.is(records.length, 3);
  t.like(end, {
    sourceIPv4Address: '192.0.2.1',
    postNATSourceIPv4Address: '203.0.113.1',
    postNAPTSourceTransportPort: 50_001,
    flowStartMilliseconds: start,
    octetTotalCount: 300,
    octetDeltaCount: 300,
    reverseOctetDeltaCount: 200,
    flowEndReason: 1,
    natType: 1,
  });
  t.false('natEvent' in end, 'pmacct takes a record with natEvent for one without counters');
});

perBackend('with two uniflows, events stay as they are, and the end is a record for each direction', (t, backend) => {
  const facts = masqueraded(1, 0, [3, 300, 2, 200]);
  const { records } = exported(backend, facts, { profile: profileOf({ biflow: 'two-uniflows' }) });
  const reverse = exported(backend, facts).records;
  const of = (record: Record<string, unknown>): unknown => ({ ...record, observationTimeMilliseconds: 0 });
  t.deepEqual(records.slice(0, 2).map(of), reverse.slice(0, 2).map(of));
  t.is(records.length, 4);
  const [, , there, back] = records;
  t.like(there, { sourceIPv4Address: '192.0.2.1', postNATSourceIPv4Address: '203.0.113.1', octetDeltaCount: 300 });
  t.like(back, {
    sourceIPv4Address: '198.51.100.1',
    destinationIPv4Address: '203.0.113.1',
    postNATDestinationIPv4Address: '192.0.2.1',
    octetDeltaCount: 200,
  });
  for (const end of [there, back]) t.false(Object.keys(end).some(name => name.startsWith('reverse')));
});

perBackend('a destination is translated too, and with its port', (t, backend) => {
  const [create] = exported(
    backend,
    masqueraded(1, 0, [1, 60, 0, 0], { replySource: '10.0.0.5', replySourcePort: 5_353 }),
  ).records;
  t.like(create, {
    destinationIPv4Address: '198.51.100.1',
    postNATDestinationIPv4Address: '10.0.0.5',
    destinationTransportPort: 53,
    postNAPTDestinationTransportPort: 5_353,
  });
});

perBackend('of ICMP the identifier is translated, in place of a port', (t, backend) => {
  const echo = ping(77, 0, [1, 84, 1, 84], { replyDestination: '203.0.113.1' });
  const [create] = exported(backend, echo).records;
  t.like(create, { sourceTransportPort: 77, postNAPTSourceTransportPort: 77, icmpTypeCodeIPv4: 0x800 });
  t.false('destinationTransportPort' in create);
});

perBackend('the zone is said where there is one, and IPv6 where the user has events for it', (t, backend) => {
  const facts = masqueraded(1, 0, [1, 60, 0, 0], {
    zone: 9,
    source: '2001:db8::1',
    destination: '2001:db8:1::1',
    replyDestination: '2001:db8:2::1',
  });
  const { records } = exported(backend, facts, {
    nat66: [200, 201],
    profile: profileOf({ ...MILLISECONDS, instance: 7 }),
  });
  t.like(records[0], {
    natEvent: 200,
    natInstanceID: 7,
    ingressVRFID: 9,
    sourceIPv6Address: '2001:db8::1',
    postNATSourceIPv6Address: '2001:db8:2::1',
    postNATDestinationIPv6Address: '2001:db8:1::1',
  });
  t.is(records[1]['natEvent'], 201);
});

perBackend('with nanoseconds, the time is that of the kernel to the nanosecond, in the format of NTP', (t, backend) => {
  const profile = profileOf({ instance: 1, time: 'nanoseconds' });
  const { messages, start, stop } = exported(backend, masqueraded(1, 0, [1, 60, 0, 0]), { profile });
  const data = messages.flatMap(({ bytes }) => readMessage(Buffer.from(bytes)).sets).find(({ id }) => id > 512)!;
  const time = data.content.readBigUInt64BE(0);
  const ntp = (nanoseconds: bigint): bigint =>
    ((nanoseconds / 1_000_000_000n + 2_208_988_800n) << 32n) + ((nanoseconds % 1_000_000_000n) << 32n) / 1_000_000_000n;
  t.is(time, ntp(nanoseconds(start) + 1_234_567n));
  t.is(data.content.readBigUInt64BE(data.content.length / 2), ntp(nanoseconds(stop) - 1n));
});

perBackend('what its queue has no room for is dropped, the oldest first, and counted', (t, backend) => {
  const { batcher, nat } = exported(backend, masqueraded(1, 0, [1, 60, 0, 0]));
  for (let port = 10; port < 20; port++) nat.receive(changed(EVENT_NEW, masqueraded(port, 0, [1, 60, 0, 0])));
  t.is(batcher.schedule.ended, 3);
  t.is(batcher.schedule.endedOverflow.connections, 7);
});

test('an event has no counters, and an end no event', t => {
  const profile = profileOf();
  const names = (bits: number): string[] => profile.fieldsOf(bits).map(({ element }) => element.name);
  const everything = NAT_SHAPES & ~shape.IPV6;
  t.false(names(everything | NAT_EVENT).some(name => name.endsWith('Count')));
  t.false(names(everything).includes('natEvent'));
});
