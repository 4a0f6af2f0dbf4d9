import test from 'ava';
import * as fc from 'fast-check';
import { formatEndpoint, formatHostPort, IPFIX_PORT, parseEndpoint } from '../../src/common/endpoint.js';
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
  t.deepEqual(parseEndpoint('localhost'), { protocol: 'udp', host: 'localhost', port: IPFIX_PORT });
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
    protocol: fc.constantFrom('udp' as const, 'tcp' as const),
    host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('collector.example')),
    port: fc.integer({ min: 0, max: 65535 }),
  });
  fc.assert(
    fc.property(endpoint, value => t.deepEqual(parseEndpoint(formatEndpoint(value)), value)),
    seeded(t),
  );
  t.is(formatHostPort('::1', 4739), '[::1]:4739');
});
