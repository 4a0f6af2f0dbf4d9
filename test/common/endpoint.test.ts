import test from 'ava';
import * as fc from 'fast-check';
import {
  formatEndpoint,
  formatHostPort,
  IPFIX_PORT,
  IPFIX_TLS_PORT,
  parseEndpoint,
} from '../../src/common/endpoint.js';
import { CtflowError } from '../../src/common/errors.js';
import { seeded } from '../helpers/seed.js';

test('reads what people write', t => {
  t.deepEqual(parseEndpoint('udp://192.0.2.1:9995'), { protocol: 'udp', host: '192.0.2.1', port: 9995 });
  t.deepEqual(parseEndpoint('TCP://collector.example'), {
    protocol: 'tcp',
    host: 'collector.example',
    port: IPFIX_PORT,
  });
  t.deepEqual(parseEndpoint('[2001:db8::1]:4740'), { protocol: 'udp', host: '2001:db8::1', port: 4740 });
  for (const host of ['bücher.example', 'ns_1.a-b.example.', '3com.example', 'a1'])
    t.is(parseEndpoint(`udp://${host}`).host, host);
  t.deepEqual(parseEndpoint('localhost'), { protocol: 'udp', host: 'localhost', port: IPFIX_PORT });
});

test('a port that is left out is 4739, and 4740 for TLS and DTLS', t => {
  t.is(parseEndpoint('tls://collector.example').port, IPFIX_TLS_PORT);
  t.deepEqual([IPFIX_PORT, IPFIX_TLS_PORT], [4739, 4740]);
  t.is(parseEndpoint('tls://collector.example:4739').port, 4739);
  t.is(parseEndpoint('dtls://collector.example').port, IPFIX_TLS_PORT);
  t.is(parseEndpoint('collector.example::tls').port, 4740);
  t.is(parseEndpoint('collector.example::tcp').port, 4739);
});

test("Antrea's way of writing: host, port, protocol", t => {
  t.deepEqual(parseEndpoint('192.0.2.1:9995:tcp'), { protocol: 'tcp', host: '192.0.2.1', port: 9995 });
  t.deepEqual(parseEndpoint('[2001:db8::1]:4740:TLS'), { protocol: 'tls', host: '2001:db8::1', port: 4740 });
  t.deepEqual(parseEndpoint('flows.example:4739:udp'), { protocol: 'udp', host: 'flows.example', port: 4739 });
});

test('a link-local address has the interface behind it, also as in a URI', t => {
  const endpoint = { protocol: 'udp', host: 'fe80::1%eth0', port: 4739 } as const;
  t.deepEqual(parseEndpoint('udp://[fe80::1%eth0]:4739'), endpoint);
  t.deepEqual(parseEndpoint('udp://[fe80::1%25eth0]'), endpoint);
  t.is(formatEndpoint(endpoint), 'udp://[fe80::1%eth0]:4739');
  t.throws(() => parseEndpoint('tcp://[fe80::1]:4739'), { message: /without its interface/ });
});

for (const text of [
  '',
  'http://a',
  'udp://',
  'udp://a:70000',
  'udp://a:b',
  '2001:db8::1',
  '[192.0.2.1]:1',
  'udp://a:1/x',
  'tcp://a:1:tcp',
  'a:1:sctp',
  'a:',
  'a:1:',
  'a%eth0',
  'sctp://a',
  'constructor://a',
  'udp://192.0.2.300:1',
  '4739',
  'udp://a b:1',
  'udp://user@a',
  'udp://a..b',
]) {
  test(`'${text}' is not a collector address`, t => {
    t.like(
      t.throws(() => parseEndpoint(text), { instanceOf: CtflowError }),
      { code: 'CTFLOW_USAGE' },
    );
  });
}

test('what is formatted is parsed back', t => {
  const endpoint = fc.record({
    protocol: fc.constantFrom('udp' as const, 'tcp' as const, 'tls' as const, 'dtls' as const),
    host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('collector.example')),
    port: fc.integer({ min: 0, max: 65535 }),
  });
  fc.assert(
    fc.property(endpoint, value => t.deepEqual(parseEndpoint(formatEndpoint(value)), value)),
    seeded(t),
  );
  t.is(formatHostPort('::1', 4739), '[::1]:4739');
});
