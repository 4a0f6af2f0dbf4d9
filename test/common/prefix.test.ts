import test from 'ava';
import { type Arbitrary, array, assert, constant, nat, oneof, property } from 'fast-check';
import { formatIPv4, formatIPv6 } from '../../src/common/address.js';
import { parseAddress, parsePrefix } from '../../src/common/prefix.js';
import { seeded } from '../helpers/seed.js';

function valueOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

const octets = (length: number): Arbitrary<Uint8Array> =>
  array(oneof(constant(0), nat(255)), { minLength: length, maxLength: length }).map(all => Uint8Array.from(all));

test('property: an address is parsed as it was written', t => {
  assert(
    property(octets(4), octets(16), (four, six) => {
      t.is(parseAddress(formatIPv4(four, 0))?.first, valueOf(four));
      t.is(parseAddress(formatIPv6(six, 0))?.first, valueOf(six));
      const written = Array.from({ length: 8 }, (_, i) => ((six[i * 2] << 8) | six[i * 2 + 1]).toString(16));
      t.is(parseAddress(written.join(':').toUpperCase())?.first, valueOf(six), 'whole, in capitals');
      const dotted = `${written.slice(0, 6).join(':')}:${formatIPv4(six, 12)}`;
      t.is(parseAddress(dotted)?.first, valueOf(six), 'ending in dots');
    }),
    seeded(t),
  );
});

test('an address is a prefix of all its bits', t => {
  t.deepEqual(parsePrefix('192.0.2.7'), { family: 4, first: 0xc0000207n, last: 0xc0000207n, length: 32 });
  t.like(parsePrefix('::'), { family: 6, first: 0n, last: 0n, length: 128 });
});

test('a prefix has its first and its last address', t => {
  t.deepEqual(parsePrefix('192.0.2.0/24'), { family: 4, first: 0xc0000200n, last: 0xc00002ffn, length: 24 });
  t.deepEqual(parsePrefix('0.0.0.0/0'), { family: 4, first: 0n, last: 0xffff_ffffn, length: 0 });
  t.like(parsePrefix('2001:db8::/32'), { first: 0x20010db8n << 96n, last: (0x20010db9n << 96n) - 1n });
  t.like(parsePrefix('::/0'), { first: 0n, last: (1n << 128n) - 1n });
});

test('invalid addresses and prefixes are refused', t => {
  for (const text of [
    '',
    '192.0.2',
    '192.0.2.256',
    '010.0.0.1',
    'fe80::1%eth0',
    '2001:db8:::1',
    'host',
    '192.0.2.1/24',
  ]) {
    t.is(parseAddress(text), undefined, text);
  }
  for (const text of ['192.0.2.0/33', '192.0.2.0/', '192.0.2.0/x', '192.0.2.0/-1', '2001:db8::/129', '10.0.0.0/8/8']) {
    t.is(parsePrefix(text), undefined, text);
  }
  t.is(parsePrefix('192.0.2.1/24'), undefined, 'bits behind the length');
  t.is(parsePrefix('2001:db8::1/64'), undefined);
});
