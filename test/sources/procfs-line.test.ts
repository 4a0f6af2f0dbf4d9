import { readFile } from 'node:fs/promises';
import test from 'ava';
import * as fc from 'fast-check';
import { Batch } from '../../src/row/batch.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import {
  FAMILY,
  HELPER,
  LABELS,
  MARK,
  ORIG_DPORT,
  ORIG_OCTETS,
  ORIG_PACKETS,
  ORIG_SPORT,
  ORIG_SRC,
  ORIG_ZONE,
  PROTOCOL,
  REPLY_DPORT,
  REPLY_DST,
  REPLY_OCTETS,
  REPLY_PACKETS,
  REPLY_SPORT,
  REPLY_ZONE,
  ROW_SIZE,
  START_NS,
  STATE,
  STATUS,
  TIMEOUT,
} from '../../src/row/layout.generated.js';
import { PROCFS_STATUS, ProcfsLineParser } from '../../src/sources/procfs-line.js';
import { rowsOf } from '../fixtures/expected.js';
import { RowView } from '../helpers/builders/row-view.js';
import { seeded } from '../helpers/seed.js';

/** What procfs does not show. */
const LACKING = new Set(['HAS_ID', 'HAS_STATUS', 'HAS_START', 'HAS_LABELS', 'HAS_HELPER', 'HAS_TCP_FLAGS']);
const NOW = 1_700_000_000_500;
const fixture = (name: string) => new URL(`../../../test/fixtures/${name}`, import.meta.url);

function parse(line: string): RowView | undefined {
  const row = new Batch(1);
  row.bytes.fill(0xee);
  // In the middle of other bytes, so that a read beyond the line shows.
  const bytes = Buffer.from(`9${line}9 src=9`, 'latin1');
  const parsed = new ProcfsLineParser(row).parse(bytes, 1, 1 + line.length, NOW);
  return parsed ? new RowView(row.bytes) : undefined;
}

const TCP =
  'ipv4     2 tcp      6 118 TIME_WAIT src=192.0.2.2 dst=198.51.100.2 sport=58610 dport=8080 packets=5 bytes=268 ' +
  'src=198.51.100.2 dst=192.0.2.2 sport=8080 dport=58610 packets=3 bytes=166 [ASSURED] mark=0 zone=0 delta-time=1 use=2';
const UDP =
  'ipv4     2 udp      17 28 src=127.0.0.1 dst=127.0.0.1 sport=55843 dport=7778 zone-orig=6 packets=1 bytes=78 ' +
  '[UNREPLIED] src=127.0.0.1 dst=127.0.0.1 sport=7778 dport=55843 packets=0 bytes=0 mark=0 delta-time=1 use=2';
const ICMPV6 =
  'ipv6     10 icmpv6   58 28 src=2001:0db8:0001:0000:0000:0000:0000:0002 dst=2001:0db8:0002:0000:0000:0000:0000:0002 ' +
  'type=128 code=0 id=3613 packets=1 bytes=104 src=2001:0db8:0002:0000:0000:0000:0000:0002 ' +
  'dst=2001:0db8:0001:0000:0000:0000:0000:0002 type=129 code=0 id=3613 packets=1 bytes=104 mark=0 zone=0 use=2';
const UNKNOWN =
  'ipv4     2 unknown  99 596 src=192.0.2.2 dst=198.51.100.2 [UNREPLIED] src=198.51.100.2 dst=192.0.2.2 use=1';

test('TCP', t => {
  const view = parse(TCP)!;
  t.deepEqual([view.u8(FAMILY), view.u8(PROTOCOL), view.u8(STATE), view.u32(TIMEOUT)], [2, 6, 7, 118]);
  t.deepEqual(view.bytes(ORIG_SRC, 16), [192, 0, 2, 2, ...Array<number>(12).fill(0)]);
  t.deepEqual(view.bytes(REPLY_DST, 4), [192, 0, 2, 2]);
  t.deepEqual([view.u16(ORIG_SPORT), view.u16(ORIG_DPORT)], [58610, 8080]);
  t.deepEqual([view.u16(REPLY_SPORT), view.u16(REPLY_DPORT)], [8080, 58610]);
  t.deepEqual([view.u64(ORIG_PACKETS), view.u64(ORIG_OCTETS)], [5n, 268n]);
  t.deepEqual([view.u64(REPLY_PACKETS), view.u64(REPLY_OCTETS)], [3n, 166n]);
  t.is(view.u32(STATUS), 2 | 4 | 8, 'seen-reply, assured, confirmed');
  t.is(view.u64(START_NS), 1_699_999_999_500_000_000n);
  t.deepEqual(view.present, [
    'HAS_MARK',
    'HAS_ORIG_COUNTERS',
    'HAS_PORTS',
    'HAS_REPLY_COUNTERS',
    'HAS_START_ESTIMATE',
    'HAS_STATUS_PART',
    'HAS_TCP_STATE',
    'HAS_TIMEOUT',
  ]);
});

test('UDP without an answer, in a zone of one direction', t => {
  const view = parse(UDP)!;
  t.is(view.u32(STATUS), 8);
  t.deepEqual([view.u16(ORIG_ZONE), view.u16(REPLY_ZONE)], [6, 0]);
  t.true(view.present.includes('HAS_ORIG_ZONE'));
  t.false(view.present.includes('HAS_REPLY_ZONE'));
  t.deepEqual([view.u64(REPLY_PACKETS), view.u64(REPLY_OCTETS)], [0n, 0n]);
});

test('ICMPv6: identifier, type and code as netlink has them', t => {
  const view = parse(ICMPV6)!;
  t.deepEqual(view.bytes(ORIG_SRC, 16), [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  t.deepEqual([view.u16(ORIG_SPORT), view.u16(ORIG_DPORT)], [3613, 128 * 256]);
  t.deepEqual([view.u16(REPLY_SPORT), view.u16(REPLY_DPORT)], [3613, 129 * 256]);
  t.true(view.present.includes('HAS_ICMP'));
  t.false(view.present.includes('HAS_PORTS'));
});

test('without accounting, timestamps and marks the fields are unset', t => {
  const view = parse(UNKNOWN)!;
  t.is(view.u8(PROTOCOL), 99);
  t.deepEqual(view.present, ['HAS_STATUS_PART', 'HAS_TIMEOUT']);
});

test('zones of both directions, of the reply, and the default zone', t => {
  const both = parse(TCP.replace('zone=0', 'zone=65535'))!;
  t.deepEqual([both.u16(ORIG_ZONE), both.u16(REPLY_ZONE)], [65535, 65535]);
  const reply = parse(TCP.replace('bytes=166', 'bytes=166 zone-reply=3').replace('zone=0 ', ''))!;
  t.deepEqual([reply.u16(ORIG_ZONE), reply.u16(REPLY_ZONE)], [0, 3]);
  t.false(parse(TCP)!.present.some(flag => flag.endsWith('_ZONE')));
});

test('offloaded entries have neither timeout nor state', t => {
  for (const label of ['[OFFLOAD]', '[HW_OFFLOAD]']) {
    const view = parse(TCP.replace(' 118 TIME_WAIT', '').replace('[ASSURED]', label))!;
    t.is(view.u32(STATUS), (1 << 14) | 2 | 8);
    t.false(view.present.includes('HAS_TIMEOUT'));
    t.false(view.present.includes('HAS_TCP_STATE'));
  }
});

test('GRE keys are no ports', t => {
  const view = parse(
    'ipv4     2 gre      47 17 src=192.0.2.2 dst=198.51.100.2 srckey=0x0 dstkey=0xfe77 src=198.51.100.2 dst=192.0.2.2 ' +
      'srckey=0xfe77 dstkey=0x0 [ASSURED] mark=0 use=1',
  )!;
  t.deepEqual([view.u16(ORIG_SPORT), view.u16(ORIG_DPORT)], [0, 0xfe77]);
  t.deepEqual([view.u16(REPLY_SPORT), view.u16(REPLY_DPORT)], [0xfe77, 0]);
  t.true(view.present.includes('HAS_KEYS'));
  t.false(view.present.includes('HAS_PORTS'));
});

test('DCCP states are read', t => {
  const view = parse(TCP.replace('tcp      6', 'dccp     33').replace('TIME_WAIT', 'TIMEWAIT'))!;
  t.is(view.u8(STATE), 7);
  t.true(view.present.includes('HAS_DCCP_STATE') && view.present.includes('HAS_PORTS'));
});

test('SCTP states are read; an unknown state is unset', t => {
  const sctp = TCP.replace('tcp      6', 'sctp     132');
  t.is(parse(sctp.replace('TIME_WAIT', 'SHUTDOWN_ACK_SENT'))!.u8(STATE), 7);
  t.true(parse(sctp.replace('TIME_WAIT', 'ESTABLISHED'))!.present.includes('HAS_SCTP_STATE'));
  t.false(parse(sctp)!.present.includes('HAS_SCTP_STATE'));
  t.false(parse(TCP.replace('TIME_WAIT', 'TIME_WAITS'))!.present.includes('HAS_TCP_STATE'));
  t.is(parse(TCP.replace('TIME_WAIT', 'SYN_SENT2'))!.u8(STATE), 9);
});

test('counters up to 2^64-1, mark up to 2^32-1', t => {
  const view = parse(
    TCP.replace('packets=5', 'packets=18446744073709551615')
      .replace('bytes=268', 'bytes=9007199254740993')
      .replace('mark=0', 'mark=4294967295'),
  )!;
  t.is(view.u64(ORIG_PACKETS), 2n ** 64n - 1n);
  t.is(view.u64(ORIG_OCTETS), 2n ** 53n + 1n);
  t.is(view.u32(MARK), 0xffffffff);
});

test('unknown words are skipped', t => {
  const view = parse(
    TCP.replace('[ASSURED]', '[NEWLABEL] [ASSURED]').replace(
      'mark=0',
      'secctx=system_u:object_r:x_t:s0 new=1 word mark=7',
    ),
  )!;
  t.is(view.u32(MARK), 7);
  t.is(view.u32(STATUS), 2 | 4 | 8);
});

test('a start before 1970 or an age without number is malformed', t => {
  t.is(parse(TCP.replace('delta-time=1', 'delta-time=4294967295')), undefined);
  t.is(parse(TCP.replace('delta-time=1', 'delta-time=')), undefined);
  t.is(parse(TCP.replace('delta-time=1', 'delta-time=0'))!.u64(START_NS), BigInt(NOW) * 1_000_000n);
});

test('a line that cannot be read is malformed', t => {
  for (const line of [
    '',
    ' ',
    'ipv4',
    'ipv4 2 tcp',
    'ipv4 2 tcp 6',
    TCP.replace('ipv4     2', 'unknown  7'),
    TCP.replace('tcp      6', 'tcp      256'),
    TCP.replace('tcp      6', 'tcp      x'),
    TCP.replace(' 118 ', ' 11x8 '),
    TCP.replace(' 118 ', ' 4294967296 '),
    TCP.replace('src=192.0.2.2', 'src=192.0.2'),
    TCP.replace('src=192.0.2.2', 'src=192.0.2.2.2'),
    TCP.replace('src=192.0.2.2', 'src=192.0.2.256'),
    TCP.replace('src=192.0.2.2', 'src=192.0..2'),
    TCP.replace('src=192.0.2.2', 'src=192.0.2.0002'),
    TCP.replace('src=192.0.2.2', 'src='),
    TCP.replace('src=192.0.2.2', 'src=2001:0db8:0001:0000:0000:0000:0000:0002'),
    TCP.replace('src=192.0.2.2 ', ''),
    TCP.replace('dst=198.51.100.2 ', ''),
    TCP.slice(0, TCP.indexOf(' src=198')),
    `${TCP} src=192.0.2.2`,
    TCP.replace('sport=58610', 'dport=58610'),
    TCP.replace('sport=58610', 'sport=65536'),
    TCP.replace('sport=58610', 'sport=-1'),
    TCP.replace('packets=5', 'packets='),
    TCP.replace('packets=5', 'packets=18446744073709551616'),
    TCP.replace('packets=5', `packets=${'9'.repeat(400)}`),
    TCP.replace('bytes=268', 'bytes=26x'),
    TCP.replace('mark=0', 'mark=4294967296'),
    TCP.replace('zone=0', 'zone=65536'),
    ICMPV6.replace('type=128', 'type=256'),
    ICMPV6.replace('code=0', 'code=x'),
    ICMPV6.replace('id=3613', 'id='),
    ICMPV6.replace('src=2001:', 'src=:'),
    ICMPV6.replace('src=2001:', 'src=20010:'),
    ICMPV6.replace('src=2001:', 'src='),
    ICMPV6.replace('src=2001:', 'src=2001:0:'),
    ICMPV6.replace('src=2001:', 'src=200g:'),
    TCP.replace('sport=58610', 'srckey=1'),
    TCP.replace('sport=58610', 'srckey=0x10000'),
    TCP.replace('sport=58610', 'srckey=0x'),
  ]) {
    t.is(parse(line), undefined, line);
  }
});

test('rich.procfs and rich.ctflow give the same rows', async t => {
  const netlink = await rowsOf(new URL(fixture('rich.ctflow')).pathname, createFallbackBackend());
  const lines = (await readFile(fixture('rich.procfs'), 'latin1')).trimEnd().split('\n');
  t.is(lines.length, netlink.length / ROW_SIZE);
  const rows = new Map(lines.map(line => [parse(line)!, line]));
  for (let i = 0; i < lines.length; i++) {
    const expected = new RowView(netlink, i);
    const found = [...rows.keys()].filter(
      row =>
        JSON.stringify([row.bytes(0, 74), row.bytes(96, 8)]) ===
        JSON.stringify([expected.bytes(0, 74), expected.bytes(96, 8)]),
    );
    t.is(found.length, 1, `row ${i}`);
    const [row] = found;
    const line = rows.get(row)!;
    rows.delete(row);
    t.deepEqual(row.bytes(ORIG_PACKETS, 32), expected.bytes(ORIG_PACKETS, 32), line);
    t.is(row.u8(STATE), expected.u8(STATE), line);
    t.is(row.u32(MARK), expected.u32(MARK), line);
    t.is(row.u32(STATUS), expected.u32(STATUS) & PROCFS_STATUS, line);
    t.true(Math.abs(row.u32(TIMEOUT) - expected.u32(TIMEOUT)) <= 1, line);
    t.deepEqual(row.bytes(LABELS, 32), Array<number>(32).fill(0));
    t.deepEqual(
      row.present.filter(flag => flag !== 'HAS_STATUS_PART' && flag !== 'HAS_START_ESTIMATE'),
      expected.present.filter(flag => !LACKING.has(flag)),
      line,
    );
  }
});

test('damaged lines are rows or malformed, and the parser stays usable', t => {
  const row = new Batch(1);
  const parser = new ProcfsLineParser(row);
  let malformed = 0;
  const property = fc.property(
    fc.constantFrom(TCP, UDP, ICMPV6, UNKNOWN),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0x20, max: 0x7e })), { maxLength: 4 }),
    fc.nat(),
    (line, changes, cut) => {
      const bytes = Buffer.from(line, 'latin1').subarray(0, line.length - (cut % 4 === 0 ? cut % line.length : 0));
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      if (!parser.parse(bytes, 0, bytes.length, NOW)) malformed++;
      else if (row.bytes[HELPER] !== 0 || (row.bytes[FAMILY] !== 2 && row.bytes[FAMILY] !== 10)) return false;
      const good = Buffer.from(TCP, 'latin1');
      return parser.parse(good, 0, good.length, NOW);
    },
  );
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 3000 }));
  t.true(malformed > 300 && malformed < 2700, `${malformed} malformed`);
});
