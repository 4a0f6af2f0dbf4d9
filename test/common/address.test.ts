import { Buffer } from 'node:buffer';
import { isIPv6 } from 'node:net';
import test from 'ava';
import * as fc from 'fast-check';
import { formatIPv4, formatIPv6, formatMac } from '../../src/common/address.js';
import { seeded } from '../helpers/seed.js';

const ipv6 = (hex: string): string => formatIPv6(Buffer.from(`ff${hex}`, 'hex'), 1);

test('IPv4 and MAC addresses', t => {
  t.is(formatIPv4(Buffer.from([9, 192, 0, 2, 1]), 1), '192.0.2.1');
  t.is(formatMac(Buffer.from('00001b213c4d5e', 'hex'), 1), '00:1b:21:3c:4d:5e');
});

// RFC 5952 section 4 and 5
for (const [hex, text] of [
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['20010db8000000000000000000000001', '2001:db8::1'],
  ['20010db8000000000000000000000000', '2001:db8::'],
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['20010000000000010000000000000001', '2001:0:0:1::1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['00010002000300040005000600070000', '1:2:3:4:5:6:7:0'],
  ['00000001000200030004000500060007', '0:1:2:3:4:5:6:7'],
  ['000000000000abcdef01000000000000', '::abcd:ef01:0:0:0'],
  ['00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
  ['00000000000000000001ffffc0000201', '::1:ffff:c000:201'],
]) {
  test(`RFC 5952: ${text}`, t => {
    t.is(ipv6(hex), text);
  });
}

test('the text of any IPv6 address is its canonical form', t => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), groups => {
      const hex = groups.map(each => each.toString(16).padStart(4, '0')).join('');
      const text = ipv6(hex);
      t.true(isIPv6(text), text);
      if (!text.includes('.')) t.is(new URL(`http://[${text}]/`).hostname, `[${text}]`);
    }),
    seeded(t),
  );
});
