import test from 'ava';
import { TIME_WAIT } from '../../src/row/conntrack.js';
import { viewRow } from '../../src/row/row-view.js';
import { ping, tcp } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';

const view = (facts: Facts): unknown => viewRow(rows({ protocol: 50 }, facts), 1);

test('a connection as an object: everything that is known', t => {
  const facts = tcp(40_000, 1_700_000_000_123, [1, 2 ** 40, (1n << 64n) - 1n, 0], {
    state: TIME_WAIT,
    mark: 0xffff_ffff,
    zone: 7,
    helper: 'ftp',
    replySource: '10.0.0.1',
    replySourcePort: 8443,
    status: 0x1e,
  });
  t.deepEqual(view(facts), {
    family: 'ipv4',
    protocol: 'tcp',
    state: 'TIME_WAIT',
    timeout: 432_000,
    original: {
      source: '192.0.2.1',
      destination: '198.51.100.1',
      sourcePort: 40_000,
      destinationPort: 443,
      zone: 7,
      packets: 1n,
      octets: 1n << 40n,
    },
    reply: {
      source: '10.0.0.1',
      destination: '192.0.2.1',
      sourcePort: 8443,
      destinationPort: 40_000,
      zone: 7,
      packets: (1n << 64n) - 1n,
      octets: 0n,
    },
    status: ['SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'SRC_NAT'],
    offloaded: false,
    mark: 0xffff_ffff,
    id: 0x7700_0000 + 40_000,
    start: '2023-11-14T22:13:20.123Z',
    helper: 'ftp',
  });
});

test('what is not known is absent', t => {
  t.deepEqual(view({ protocol: 99, source: '2001:db8::1', destination: '2001:db8::2' }), {
    family: 'ipv6',
    protocol: '99',
    original: { source: '2001:db8::1', destination: '2001:db8::2' },
    reply: { source: '2001:db8::2', destination: '2001:db8::1' },
  });
});

test('ICMP has type, code and identifier instead of ports', t => {
  t.like(view(ping(4711, 0, [1, 84, 1, 84], { icmp: { type: 13, code: 1, id: 4711, replyType: 14 } })), {
    protocol: 'icmp',
    original: { icmpType: 13, icmpCode: 1, icmpId: 4711, sourcePort: undefined },
    reply: { icmpType: 14, icmpCode: 1, icmpId: 4711 },
  });
});

test('GRE has keys instead of ports; a protocol without either has none', t => {
  const gre = view({ protocol: 47, sourcePort: 0, destinationPort: 77 });
  t.like(gre, { original: { sourceKey: 0, destinationKey: 77 }, reply: { sourceKey: 77, destinationKey: 0 } });
  t.false(JSON.stringify(gre).includes('Port'));
  for (const protocol of [2, 50, 51, 99]) t.notRegex(JSON.stringify(view({ protocol })), /Port|Key|icmp/);
});

test('zones of one direction, estimated starts, states of SCTP, of DCCP and of later kernels', t => {
  t.like(view({ protocol: 6, replyZone: 3 }), { original: { zone: undefined }, reply: { zone: 3 } });
  t.like(view({ protocol: 6, startEstimate: nanoseconds(1_700_000_000_000) }), { start: '2023-11-14T22:13:20.000Z' });
  t.like(view({ protocol: 132, sctpState: 4 }), { protocol: 'sctp', state: 'ESTABLISHED' });
  t.like(view({ protocol: 33, dccpState: 7 }), { protocol: 'dccp', state: 'TIMEWAIT' });
  t.like(view({ protocol: 132, sctpState: 99 }), { state: '99' });
  t.like(view({ protocol: 6, state: 99 }), { state: '99' });
});

test('the largest start time there can be is shown', t => {
  t.like(view({ protocol: 6, start: (1n << 64n) - 1n }), { start: '2554-07-21T23:34:33.709Z' });
});

test('a connection is offloaded by software or by hardware; without a status it is not known', t => {
  const offloaded = (facts: Facts): unknown => (view(facts) as { offloaded?: boolean }).offloaded;
  t.is(offloaded({ status: 1 << 14 }), true);
  t.is(offloaded({ status: 1 << 15 }), true);
  t.is(offloaded({ status: 0xe }), false);
  t.is(offloaded({}), undefined);
});
