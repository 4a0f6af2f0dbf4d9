import type { ExecutionContext } from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import { filterWords } from '../../src/row/filter.js';
import {
  FAMILY,
  HELPER,
  ID,
  LABELS,
  MARK,
  ORIG_DPORT,
  ORIG_DST,
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
  REPLY_SRC,
  REPLY_ZONE,
  ROW_SIZE,
  START_NS,
  STATE,
  STATUS,
  STOP_NS,
  TCP_FLAGS,
  TIMEOUT,
} from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import {
  addresses,
  type Attribute,
  be16,
  be32,
  be64,
  CLIENT,
  entry,
  ports,
  SERVER,
  TCP_TUPLES,
  text,
  u8,
} from '../helpers/builders/netlink-builder.js';
import { RowView } from '../helpers/builders/row-view.js';

const V6A = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const V6B = Uint8Array.from({ length: 16 }, (_, i) => 0xff - i);

function row(t: ExecutionContext, backend: Backend, family: number, attributes: readonly Attribute[]): RowView {
  const rows = new Uint8Array(ROW_SIZE).fill(0xee);
  const decoded = backend.decode(entry(family, attributes), true, filterWords({}), rows);
  t.is(decoded.rows, 1);
  return new RowView(rows);
}

function tcp(t: ExecutionContext, backend: Backend, ...attributes: Attribute[]): RowView {
  return row(t, backend, 2, [...TCP_TUPLES, ...attributes]);
}

function isMalformed(t: ExecutionContext, backend: Backend, family: number, attributes: readonly Attribute[]): void {
  const decoded = backend.decode(entry(family, attributes), true, filterWords({}), new Uint8Array(ROW_SIZE));
  t.like({ ...decoded }, { rows: 0, malformed: 1 });
}

perBackend('an IPv4 tuple: addresses in the first four bytes, ports, nothing else', (t, backend) => {
  const view = tcp(t, backend);
  t.is(view.u8(FAMILY), 2);
  t.is(view.u8(PROTOCOL), 6);
  t.deepEqual(view.bytes(ORIG_SRC, 16), [192, 0, 2, 2, ...Array<number>(12).fill(0)]);
  t.deepEqual(view.bytes(ORIG_DST, 4), [198, 51, 100, 2]);
  t.deepEqual(view.bytes(REPLY_SRC, 4), [198, 51, 100, 2]);
  t.deepEqual(view.bytes(REPLY_DST, 4), [192, 0, 2, 2]);
  t.deepEqual([view.u16(ORIG_SPORT), view.u16(ORIG_DPORT)], [40000, 443]);
  t.deepEqual([view.u16(REPLY_SPORT), view.u16(REPLY_DPORT)], [443, 40000]);
  t.deepEqual(view.present, ['HAS_PORTS']);
  t.deepEqual(view.bytes(104, 88), Array<number>(88).fill(0));
});

perBackend('an IPv6 tuple', (t, backend) => {
  const view = row(t, backend, 10, [
    [1, [addresses(V6A, V6B), ports(17, 1, 2)]],
    [2, [addresses(V6B, V6A), ports(17, 2, 1)]],
  ]);
  t.is(view.u8(FAMILY), 10);
  t.deepEqual(view.bytes(ORIG_SRC, 16), [...V6A]);
  t.deepEqual(view.bytes(ORIG_DST, 16), [...V6B]);
  t.deepEqual(view.bytes(REPLY_SRC, 16), [...V6B]);
  t.deepEqual(view.bytes(REPLY_DST, 16), [...V6A]);
});

perBackend('ICMP: the identifier in the source slots, type and code in the destination slots', (t, backend) => {
  const view = row(t, backend, 2, [
    [
      1,
      [
        addresses(CLIENT, SERVER),
        [
          2,
          [
            [1, u8(1)],
            [4, be16(777)],
            [5, u8(8)],
            [6, u8(3)],
          ],
        ],
      ],
    ],
    [
      2,
      [
        addresses(SERVER, CLIENT),
        [
          2,
          [
            [1, u8(1)],
            [4, be16(777)],
            [5, u8(0)],
            [6, u8(3)],
          ],
        ],
      ],
    ],
  ]);
  t.deepEqual([view.u16(ORIG_SPORT), view.u16(ORIG_DPORT)], [777, 8 * 256 + 3]);
  t.deepEqual([view.u16(REPLY_SPORT), view.u16(REPLY_DPORT)], [777, 3]);
  t.deepEqual(view.present, ['HAS_ICMP']);
});

perBackend('ICMPv6 has its own attributes', (t, backend) => {
  const view = row(t, backend, 10, [
    [
      1,
      [
        addresses(V6A, V6B),
        [
          2,
          [
            [1, u8(58)],
            [7, be16(9)],
            [8, u8(128)],
            [9, u8(0)],
          ],
        ],
      ],
    ],
    [
      2,
      [
        addresses(V6B, V6A),
        [
          2,
          [
            [1, u8(58)],
            [7, be16(9)],
            [8, u8(129)],
            [9, u8(0)],
          ],
        ],
      ],
    ],
  ]);
  t.deepEqual([view.u16(ORIG_SPORT), view.u16(ORIG_DPORT)], [9, 128 * 256]);
  t.is(view.u16(REPLY_DPORT), 129 * 256);
  t.deepEqual(view.present, ['HAS_ICMP']);
});

perBackend('a protocol without ports: neither ports nor ICMP', (t, backend) => {
  const view = row(t, backend, 2, [
    [1, [addresses(CLIENT, SERVER), [2, [[1, u8(99)]]]]],
    [2, [addresses(SERVER, CLIENT), [2, [[1, u8(99)]]]]],
  ]);
  t.is(view.u8(PROTOCOL), 99);
  t.deepEqual(view.present, []);
});

perBackend('CTA_ZONE is the zone of both directions', (t, backend) => {
  const view = tcp(t, backend, [18, be16(65535)]);
  t.deepEqual([view.u16(ORIG_ZONE), view.u16(REPLY_ZONE)], [65535, 65535]);
  t.deepEqual(view.present, ['HAS_ORIG_ZONE', 'HAS_PORTS', 'HAS_REPLY_ZONE']);
});

perBackend('CTA_TUPLE_ZONE is the zone of its direction', (t, backend) => {
  const original: Attribute = [1, [addresses(CLIENT, SERVER), ports(6, 1, 2), [3, be16(7)]]];
  const reply: Attribute = [2, [addresses(SERVER, CLIENT), ports(6, 2, 1), [3, be16(8)]]];
  const first = row(t, backend, 2, [original, TCP_TUPLES[1]]);
  t.deepEqual([first.u16(ORIG_ZONE), first.u16(REPLY_ZONE)], [7, 0]);
  t.deepEqual(first.present, ['HAS_ORIG_ZONE', 'HAS_PORTS']);
  const second = row(t, backend, 2, [TCP_TUPLES[0], reply]);
  t.deepEqual([second.u16(ORIG_ZONE), second.u16(REPLY_ZONE)], [0, 8]);
  t.deepEqual(second.present, ['HAS_PORTS', 'HAS_REPLY_ZONE']);
});

perBackend('id, status, mark and timeout over the whole unsigned range', (t, backend) => {
  const view = tcp(t, backend, [12, be32(0xfffffffe)], [3, be32(0x80000188)], [8, be32(0xffffffff)], [7, be32(432000)]);
  t.deepEqual(
    [view.u32(ID), view.u32(STATUS), view.u32(MARK), view.u32(TIMEOUT)],
    [0xfffffffe, 0x80000188, 0xffffffff, 432000],
  );
  t.deepEqual(view.present, ['HAS_ID', 'HAS_MARK', 'HAS_PORTS', 'HAS_STATUS', 'HAS_TIMEOUT']);
});

perBackend('a mark of zero is a known mark', (t, backend) => {
  t.deepEqual(tcp(t, backend, [8, be32(0)]).present, ['HAS_MARK', 'HAS_PORTS']);
});

perBackend('counters up to 2^64-1, each direction by itself', (t, backend) => {
  const view = tcp(
    t,
    backend,
    [
      9,
      [
        [1, be64(2n ** 64n - 1n)],
        [2, be64(2n ** 53n + 1n)],
      ],
    ],
    [
      10,
      [
        [1, be64(1n)],
        [2, be64(2n)],
      ],
    ],
  );
  t.is(view.u64(ORIG_PACKETS), 2n ** 64n - 1n);
  t.is(view.u64(ORIG_OCTETS), 2n ** 53n + 1n);
  t.deepEqual([view.u64(REPLY_PACKETS), view.u64(REPLY_OCTETS)], [1n, 2n]);
  t.deepEqual(view.present, ['HAS_ORIG_COUNTERS', 'HAS_PORTS', 'HAS_REPLY_COUNTERS']);
  t.deepEqual(
    tcp(t, backend, [
      10,
      [
        [1, be64(1n)],
        [2, be64(2n)],
      ],
    ]).present,
    ['HAS_PORTS', 'HAS_REPLY_COUNTERS'],
  );
});

perBackend('the old 32-bit counters, also over a 64-bit one', (t, backend) => {
  const view = tcp(t, backend, [
    9,
    [
      [1, be64(2n ** 63n)],
      [3, be32(0xffffffff)],
      [4, be32(5)],
    ],
  ]);
  t.deepEqual([view.u64(ORIG_PACKETS), view.u64(ORIG_OCTETS)], [0xffffffffn, 5n]);
  t.true(view.present.includes('HAS_ORIG_COUNTERS'));
});

perBackend('packets without octets are no counters', (t, backend) => {
  t.deepEqual(tcp(t, backend, [9, [[1, be64(1n)]]]).present, ['HAS_PORTS']);
  t.deepEqual(tcp(t, backend, [10, [[2, be64(1n)]]]).present, ['HAS_PORTS']);
});

perBackend('start and stop in nanoseconds', (t, backend) => {
  const start = 1_700_000_000_123_456_789n;
  const view = tcp(t, backend, [
    20,
    [
      [1, be64(start)],
      [2, be64(start + 1n)],
    ],
  ]);
  t.deepEqual([view.u64(START_NS), view.u64(STOP_NS)], [start, start + 1n]);
  t.deepEqual(view.present, ['HAS_PORTS', 'HAS_START', 'HAS_STOP']);
  t.deepEqual(tcp(t, backend, [20, [[1, be64(start)]]]).present, ['HAS_PORTS', 'HAS_START']);
});

perBackend('the state of TCP, SCTP and DCCP', (t, backend) => {
  const first = tcp(t, backend, [4, [[1, [[1, u8(7)]]]]]);
  t.is(first.u8(STATE), 7);
  t.deepEqual(first.present, ['HAS_PORTS', 'HAS_TCP_STATE']);
  const second = tcp(t, backend, [
    4,
    [
      [
        3,
        [
          [1, u8(4)],
          [2, be32(1)],
        ],
      ],
    ],
  ]);
  t.is(second.u8(STATE), 4);
  t.deepEqual(second.present, ['HAS_PORTS', 'HAS_SCTP_STATE']);
  const third = tcp(t, backend, [4, [[2, [[1, u8(4)]]]]]);
  t.is(third.u8(STATE), 4);
  t.deepEqual(third.present, ['HAS_DCCP_STATE', 'HAS_PORTS']);
});

perBackend('only TCP, UDP, UDP-Lite, SCTP and DCCP have ports; GRE has keys', (t, backend) => {
  const present = (protocol: number) =>
    row(t, backend, 2, [
      [1, [addresses(CLIENT, SERVER), ports(protocol, 0, 77)]],
      [2, [addresses(SERVER, CLIENT), ports(protocol, 77, 0)]],
    ]).present;
  for (const protocol of [6, 17, 33, 132, 136]) t.deepEqual(present(protocol), ['HAS_PORTS'], `${protocol}`);
  t.deepEqual(present(47), ['HAS_KEYS']);
  for (const protocol of [1, 2, 50, 51, 58, 99]) t.deepEqual(present(protocol), [], `${protocol}`);
});

// since Linux 6.14
perBackend('the time of an event stands in place of a stop time', (t, backend) => {
  const time = 1_700_000_000_123_456_789n;
  const update = tcp(t, backend, [27, be64(time)]);
  t.is(update.u64(STOP_NS), time);
  t.deepEqual(update.present, ['HAS_EVENT_TIME', 'HAS_PORTS']);
  for (const times of [
    [27, 20],
    [20, 27],
  ] as const) {
    const destroy = tcp(
      t,
      backend,
      ...times.map((type): Attribute => [type, type === 27 ? be64(time) : [[2, be64(5n)]]]),
    );
    t.is(destroy.u64(STOP_NS), 5n);
    t.deepEqual(destroy.present, ['HAS_PORTS', 'HAS_STOP']);
  }
  isMalformed(t, backend, 2, [...TCP_TUPLES, [27, be32(1)]]);
});

perBackend('TCP flags that both directions have', (t, backend) => {
  const flags = (byte: number) => Uint8Array.of(byte, 0xff);
  const view = tcp(t, backend, [
    4,
    [
      [
        1,
        [
          [4, flags(0x2b)],
          [5, flags(0x31)],
        ],
      ],
    ],
  ]);
  t.is(view.u8(TCP_FLAGS), 0x21);
  t.deepEqual(view.present, ['HAS_PORTS', 'HAS_TCP_FLAGS']);
  t.deepEqual(tcp(t, backend, [4, [[1, [[4, flags(0x2b)]]]]]).present, ['HAS_PORTS']);
});

perBackend('labels: shorter ones are filled with zeros, longer ones truncated', (t, backend) => {
  const short = tcp(t, backend, [22, Uint8Array.of(1, 2, 3)]);
  t.deepEqual(short.bytes(LABELS, 16), [1, 2, 3, ...Array<number>(13).fill(0)]);
  t.deepEqual(short.present, ['HAS_LABELS', 'HAS_PORTS']);
  const long = tcp(t, backend, [22, Uint8Array.from({ length: 20 }, (_, i) => i)]);
  t.deepEqual(long.bytes(LABELS, 20), [...Array(16).keys(), 0, 0, 0, 0]);
});

perBackend('helper: printable ASCII, 15 bytes at most, up to NUL', (t, backend) => {
  const helper = (name: Uint8Array) => tcp(t, backend, [5, [[1, name]]]).text(HELPER, 16);
  t.is(helper(text('ftp')), 'ftp');
  t.is(helper(Buffer.from('ftp\0rest')), 'ftp');
  t.is(helper(Buffer.from('a\x1f\x7f\xffz ~', 'latin1')), 'a???z ~');
  t.is(helper(Buffer.from('0123456789abcdefgh')), '0123456789abcde');
  t.deepEqual(tcp(t, backend, [5, [[1, text('ftp')]]]).present, ['HAS_HELPER', 'HAS_PORTS']);
  t.deepEqual(tcp(t, backend, [5, []]).present, ['HAS_PORTS']);
});

perBackend('unknown attributes are skipped at every level', (t, backend) => {
  const unknown: Attribute = [99, Uint8Array.of(1, 2, 3)];
  const view = row(t, backend, 2, [
    unknown,
    [1, [unknown, [1, [unknown, [1, CLIENT], [2, SERVER]]], [2, [unknown, [1, u8(6)], [2, be16(1)], [3, be16(2)]]]]],
    TCP_TUPLES[1],
    [4, [unknown, [1, [unknown, [1, u8(3)]]]]],
    [9, [unknown, [1, be64(1n)], [2, be64(2n)]]],
    [20, [unknown, [1, be64(3n)]]],
    [5, [unknown, [1, text('sip')]]],
  ]);
  t.deepEqual(view.present, ['HAS_HELPER', 'HAS_ORIG_COUNTERS', 'HAS_PORTS', 'HAS_START', 'HAS_TCP_STATE']);
});

perBackend('a later attribute replaces an earlier one', (t, backend) => {
  t.is(tcp(t, backend, [8, be32(1)], [8, be32(2)]).u32(MARK), 2);
});

perBackend('one entry leaves nothing in the next', (t, backend) => {
  const full = entry(2, [...TCP_TUPLES, [8, be32(5)], [22, V6A], [5, [[1, text('ftp')]]], [18, be16(3)]]);
  const rows = new Uint8Array(2 * ROW_SIZE);
  t.is(backend.decode(Buffer.concat([full, entry(2, TCP_TUPLES)]), true, filterWords({}), rows).rows, 2);
  const alone = new Uint8Array(ROW_SIZE);
  backend.decode(entry(2, TCP_TUPLES), true, filterWords({}), alone);
  t.deepEqual(rows.slice(ROW_SIZE), alone);
});

perBackend('without both readable tuples an entry is malformed', (t, backend) => {
  const [original, reply] = TCP_TUPLES;
  isMalformed(t, backend, 2, []);
  isMalformed(t, backend, 2, [original]);
  isMalformed(t, backend, 2, [reply]);
  isMalformed(t, backend, 2, [[1, [addresses(CLIENT, SERVER)]], reply]);
  isMalformed(t, backend, 2, [[1, [ports(6, 1, 2)]], reply]);
  isMalformed(t, backend, 2, [[1, [[1, [[1, CLIENT]]], ports(6, 1, 2)]], reply]);
  isMalformed(t, backend, 2, [original, [2, [addresses(SERVER, CLIENT), [2, [[2, be16(1)]]]]]]);
});

perBackend('two protocols, another family, or addresses of another family are malformed', (t, backend) => {
  isMalformed(t, backend, 2, [TCP_TUPLES[0], [2, [addresses(SERVER, CLIENT), ports(17, 443, 40000)]]]);
  for (const family of [0, 1, 7, 255]) isMalformed(t, backend, family, TCP_TUPLES);
  isMalformed(t, backend, 10, TCP_TUPLES);
  isMalformed(t, backend, 2, [
    [1, [addresses(V6A, V6B), ports(17, 1, 2)]],
    [2, [addresses(V6B, V6A), ports(17, 2, 1)]],
  ]);
});

perBackend('a known attribute that is too short is malformed', (t, backend) => {
  const short: Attribute[] = [
    [3, be16(1)],
    [7, Uint8Array.of(1, 2, 3)],
    [8, new Uint8Array(0)],
    [12, be16(1)],
    [18, u8(1)],
    [9, [[1, be32(1)]]],
    [10, [[4, be16(1)]]],
    [20, [[1, be32(1)]]],
    [20, [[2, new Uint8Array(7)]]],
    [4, [[1, [[1, new Uint8Array(0)]]]]],
    [4, [[3, [[1, new Uint8Array(0)]]]]],
    [4, [[1, [[5, new Uint8Array(0)]]]]],
    [1, [[1, [[1, be16(1)]]]]],
    [1, [[2, [[1, new Uint8Array(0)]]]]],
    [1, [[2, [[3, u8(1)]]]]],
    [1, [[2, [[4, u8(1)]]]]],
    [1, [[2, [[9, new Uint8Array(0)]]]]],
    [2, [[3, u8(1)]]],
  ];
  for (const attribute of short) isMalformed(t, backend, 2, [...TCP_TUPLES, attribute]);
});

perBackend('an attribute that leaves its container is malformed, at every level', (t, backend) => {
  // An inner header that claims 200 bytes.
  const leaving = Uint8Array.of(200, 0, 1, 0, 0, 0, 0, 0);
  for (const type of [1, 2, 4, 5, 9, 10, 20]) isMalformed(t, backend, 2, [...TCP_TUPLES, [type, leaving]]);
  for (const type of [1, 2]) isMalformed(t, backend, 2, [...TCP_TUPLES, [1, [[type, leaving]]]]);
  for (const type of [1, 3]) isMalformed(t, backend, 2, [...TCP_TUPLES, [4, [[type, leaving]]]]);
  const outer = entry(2, [...TCP_TUPLES, [8, be32(1)]]);
  outer.writeUInt16LE(9, outer.length - 8);
  t.is(backend.decode(outer, true, filterWords({}), new Uint8Array(ROW_SIZE)).malformed, 1);
});
