import { Buffer } from 'node:buffer';
import test from 'ava';
import * as fc from 'fast-check';
import { scalarReader, variableScalarReader } from '../../../src/collector/decode/scalar.js';
import type { Value } from '../../../src/collector/decode/value.js';
import type { ElementType } from '../../../src/ipfix/element.js';
import { seeded } from '../../helpers/seed.js';

/** Reads a fixed-length field with other octets around it. */
function read(type: ElementType, octets: string): Value {
  const bytes = Buffer.from(octets, 'hex');
  const around = Buffer.concat([Buffer.from([0xa5, 0xa5, 0xa5]), bytes, Buffer.from([0x5a, 0x5a])]);
  return scalarReader(type, bytes.length)(around, 3, bytes.length);
}

const octets = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

for (const [type, hex, value] of [
  ['unsigned8', 'ff', 255],
  ['unsigned16', 'fffe', 65534],
  ['unsigned32', 'fffefdfc', 0xfffefdfc],
  ['unsigned64', '001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['unsigned64', '0020000000000000', 2n ** 53n],
  ['unsigned64', 'ffffffffffffffff', 2n ** 64n - 1n],
  // reduced-size encoding, RFC 7011 section 6.2
  ['unsigned64', '07', 7],
  ['unsigned64', 'fffefd', 0xfffefd],
  ['unsigned64', 'fffefdfcfb', 0xfffefdfcfb],
  ['unsigned64', 'fffefdfcfbfaf9', 0xfffefdfcfbfaf9n],
  ['unsigned32', 'fffefd', 0xfffefd],
  ['unsigned16', '09', 9],
  // longer than the type: the number is the same
  ['unsigned8', '0007', 7],
  ['unsigned32', '0000000100000000', 2 ** 32],
  ['signed8', 'ff', -1],
  ['signed16', '8000', -32768],
  ['signed32', '80000000', -2147483648],
  ['signed32', 'fffffe', -2],
  ['signed64', 'fffffffffffffffe', -2],
  ['signed64', '8000000000000000', -(2n ** 63n)],
  ['signed64', '7fffffffffffffff', 2n ** 63n - 1n],
  ['signed64', 'ff0000000000', -(2 ** 40)],
  ['signed64', '80', -128],
  ['float32', '40490fdb', 3.1415927410125732],
  ['float64', '400921fb54442d18', Math.PI],
  ['float64', '40490fdb', 3.1415927410125732],
  ['boolean', '01', true],
  ['boolean', '02', false],
  ['macAddress', '001b213c4d5e', '00:1b:21:3c:4d:5e'],
  ['string', '666f6f', 'foo'],
  ['string', '666f6f0000', 'foo'],
  ['string', '00', ''],
  ['string', '', ''],
  ['string', 'e282ac', '€'],
  ['ipv4Address', 'c0000201', '192.0.2.1'],
  ['ipv6Address', '20010db8000000000000000000000001', '2001:db8::1'],
] as const) {
  test(`${type} ${hex || '(nothing)'} is ${value}`, t => {
    t.is(read(type, hex), value);
  });
}

for (const [type, hex, text] of [
  ['dateTimeSeconds', 'fffefdfc', '2106-02-06T12:07:24Z'],
  ['dateTimeMilliseconds', '0000019e7044887b', '2026-05-28T20:26:40.123Z'],
  ['dateTimeMicroseconds', 'edc3238080000000', '2026-05-28T20:26:40.500000Z'],
  ['dateTimeNanoseconds', 'edc3238000000005', '2026-05-28T20:26:40.000000001Z'],
] as const) {
  test(`${type} ${hex} is ${text}`, t => {
    t.is(String(read(type, hex)), text);
  });
}

// No legal encoding of the type: the octets, never a guess.
for (const [type, hex] of [
  ['octetArray', '0102'],
  ['octetArray', ''],
  ['unsigned32', ''],
  ['unsigned64', '000000000000000001'],
  ['signed64', '000000000000000001'],
  ['float32', '0102'],
  ['float64', '010203040506'],
  ['boolean', '00'],
  ['boolean', '03'],
  ['boolean', '0001'],
  ['macAddress', '0102030405'],
  ['string', 'c328'], // ill-formed UTF-8
  ['string', 'eda080'], // a surrogate
  ['string', 'c3280000'],
  ['ipv4Address', 'c00002'],
  ['ipv4Address', 'c000020100'],
  ['ipv6Address', 'c0000201'],
  ['dateTimeSeconds', '0000000000000001'],
  ['dateTimeMilliseconds', '00000001'],
  ['dateTimeMilliseconds', 'ffffffffffffffff'], // past what a Date can hold
  ['dateTimeMicroseconds', '0000000000000000'], // NTP's unknown time
  ['dateTimeNanoseconds', '00000001'],
] as const) {
  test(`${type} ${hex || '(nothing)'} stays octets`, t => {
    t.deepEqual(read(type, hex), octets(hex));
  });
}

test('variable length: a string keeps its NULs, a number takes the length that comes', t => {
  const bytes = Buffer.from('666f6f00', 'hex');
  t.is(variableScalarReader('string')(bytes, 0, 4), 'foo\0');
  t.is(variableScalarReader('string')(bytes, 0, 0), '');
  t.is(variableScalarReader('unsigned64')(bytes, 1, 3), 0x6f6f00);
  t.is(variableScalarReader('ipv4Address')(bytes, 0, 4), '102.111.111.0');
  t.deepEqual(variableScalarReader('ipv4Address')(bytes, 0, 3), octets('666f6f'));
  t.deepEqual(variableScalarReader('octetArray')(bytes, 0, 0), octets(''));
});

test('long strings', t => {
  const ascii = 'x'.repeat(300);
  t.is(variableScalarReader('string')(Buffer.from(ascii), 0, 300), ascii);
  const umlauts = 'ä'.repeat(150);
  t.is(variableScalarReader('string')(Buffer.from(umlauts), 0, 300), umlauts);
});

test('octets are copied, so the message may be reused', t => {
  const bytes = Buffer.from('0102', 'hex');
  const value = scalarReader('octetArray', 2)(bytes, 0, 2);
  bytes[0] = 9;
  t.deepEqual(value, octets('0102'));
});

test('integers of every length are exact', t => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (length, random) => {
      const bits = length * 8;
      const value = BigInt.asUintN(bits, random);
      const hex = value.toString(16).padStart(length * 2, '0');
      t.is(BigInt(read('unsigned64', hex) as number | bigint), value);
      t.is(BigInt(read('signed64', hex) as number | bigint), BigInt.asIntN(bits, value));
    }),
    seeded(t),
  );
});

test('numbers are bigint only where a number would not be exact', t => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), value => {
      const hex = value.toString(16).padStart(16, '0');
      for (const type of ['unsigned64', 'signed64'] as const) {
        const read64 = read(type, hex) as number | bigint;
        t.is(typeof read64, Number.isSafeInteger(Number(read64)) ? 'number' : 'bigint');
      }
    }),
    seeded(t),
  );
});
