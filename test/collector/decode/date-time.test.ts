import test from 'ava';
import { DateTime } from '../../../src/collector/decode/date-time.js';

test('text has the precision of the type', t => {
  t.is(String(new DateTime(1_780_000_000, 0, 0)), '2026-05-28T20:26:40Z');
  t.is(String(DateTime.fromMilliseconds(1_780_000_000_007)), '2026-05-28T20:26:40.007Z');
  t.is(String(new DateTime(1_780_000_000, 7_000, 6)), '2026-05-28T20:26:40.000007Z');
  t.is(JSON.stringify(new DateTime(1_780_000_000, 7, 9)), '"2026-05-28T20:26:40.000000007Z"');
});

test('milliseconds since 1970', t => {
  t.is(new DateTime(1_780_000_000, 5_000_000, 3).milliseconds, 1_780_000_000_005);
  t.is(DateTime.fromMilliseconds(1_780_000_000_005)!.milliseconds, 1_780_000_000_005);
});

test('a time that no Date can hold is not converted', t => {
  t.is(String(DateTime.fromMilliseconds(8_640_000_000_000_000)), '+275760-09-13T00:00:00.000Z');
  t.is(DateTime.fromMilliseconds(8_640_000_000_000_001), undefined);
});

const NTP_2026 = 1_780_000_000 + 2_208_988_800; // seconds since 1900

test('NTP timestamps count from 1900, in units of 2^-32 seconds', t => {
  t.is(String(DateTime.fromNtp(NTP_2026, 0x80000000, 6)), '2026-05-28T20:26:40.500000Z');
  t.is(String(DateTime.fromNtp(NTP_2026, 0x80000000, 9)), '2026-05-28T20:26:40.500000000Z');
});

test('every microsecond survives an exporter that truncates the fraction, low 11 bits included (RFC 7011 section 6.1.9)', t => {
  for (const microseconds of [0, 1, 2, 3, 499_999, 500_000, 654_321, 999_998, 999_999]) {
    const cut = Math.floor((microseconds / 1e6) * 2 ** 32);
    const text = `2026-05-28T20:26:40.${String(microseconds).padStart(6, '0')}Z`;
    t.is(String(DateTime.fromNtp(NTP_2026, cut, 6)), text);
    t.is(String(DateTime.fromNtp(NTP_2026, cut - (cut % 2048), 6)), text);
  }
});

test('every nanosecond survives an exporter that truncates the fraction', t => {
  for (const nanoseconds of [0, 1, 2, 999, 123_456_789, 999_999_998, 999_999_999]) {
    const cut = Number((BigInt(nanoseconds) << 32n) / 1_000_000_000n);
    t.is(DateTime.fromNtp(NTP_2026, cut, 9)!.nanoseconds, nanoseconds);
  }
});

test('a fraction that rounds up to a second carries over', t => {
  t.is(String(DateTime.fromNtp(NTP_2026, 0xffffffff, 6)), '2026-05-28T20:26:41.000000Z');
});

test('times after the NTP era ends in 2036 are read', t => {
  t.is(String(DateTime.fromNtp(0xffffffff, 0, 6)), '2036-02-07T06:28:15.000000Z');
  t.is(String(DateTime.fromNtp(1, 0, 6)), '2036-02-07T06:28:17.000000Z');
  t.is(DateTime.fromNtp(0, 0, 9), undefined); // NTP's unknown time
});
