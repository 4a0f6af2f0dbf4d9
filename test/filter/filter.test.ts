import test from 'ava';
import { BatchFilter } from '../../src/filter/batch-filter.js';
import { FilterError } from '../../src/filter/filter-error.js';
import { FIELDS, type Place } from '../../src/filter/fields.js';
import { Filter } from '../../src/filter/filter.js';
import { ESTABLISHED, STATUS_BITS, TIME_WAIT } from '../../src/row/conntrack.js';
import { ping, tcp, udp } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Facts } from '../helpers/builders/rows.js';

const NOW = 1_700_000_000_000;

/** Whether a row of a dump matches; it stands behind another one, so that a wrong offset shows. */
function matches(text: string, facts: Facts): boolean {
  const filter = new BatchFilter(new Filter(text, 'dump'), NOW);
  filter.use(rows({ protocol: 50 }, facts));
  return filter.matches(1);
}

const web = tcp(40_000, NOW - 90_000, [10, 1_000_001, 20, 2 ** 33], {
  source: '10.1.2.3',
  destination: '203.0.113.9',
  replyDestination: '198.51.100.7',
  replyDestinationPort: 1024,
  mark: 0xffff_ff1f,
  zone: 7,
  state: ESTABLISHED,
  helper: 'ftp',
});
const six: Facts = {
  ...udp(5_353, NOW - 500, [1, 60, 0, 0]),
  source: '2001:db8::1',
  destination: '2001:db8:ffff::53',
  status: STATUS_BITS.get('OFFLOAD')! | STATUS_BITS.get('SEEN_REPLY')!,
};
const echo = ping(77, NOW, [1, 84, 1, 84]);

const ALL: Readonly<Record<string, Facts>> = { web, six, echo };

/** Which of the three match. */
const CASES: readonly [text: string, matching: readonly string[]][] = [
  ['protocol == tcp && bytes > 1MB && !(src in 10.0.0.0/8)', []],
  ['protocol == tcp && bytes > 1MB && src in 10.0.0.0/8', ['web']],
  ['protocol != tcp', ['six', 'echo']],
  ['protocol in (tcp, 17)', ['web', 'six']],
  ['protocol == TCP', ['web']],
  ['family == ipv6', ['six']],
  ['family != 6', ['web', 'echo']],
  ['src == 10.1.2.3', ['web']],
  ['src != 10.1.2.3', ['six', 'echo']],
  ['src in (10.0.0.0/8, 2001:db8::/32)', ['web', 'six']],
  ['src in 10.1.2.0-10.1.2.3', ['web']],
  ['src in 10.1.2.4 - 10.1.3.0', []],
  ['src in 0.0.0.0/0', ['web', 'echo']],
  ['dst in ::/0', ['six']],
  ['dst == 2001:db8:ffff:0::53', ['six']],
  ['nat.src == 198.51.100.7', ['web']],
  ['nat.src == 192.0.2.1', ['echo']],
  ['nat.dst == 203.0.113.9', ['web']],
  ['nat.src.port == 1024', ['web']],
  ['nat.dst.port == 443', ['web']],
  ['snat', ['web']],
  ['dnat', []],
  ['!snat', ['six', 'echo']],
  ['snat == false', ['six', 'echo']],
  ['snat != false', ['web']],
  ['src.port == 40000', ['web']],
  ['dst.port in (53, 440-450)', ['web', 'six']],
  ['dst.port != 443', ['six']],
  ['!(dst.port == 443)', ['six', 'echo']],
  ['dst.port >= 53 && dst.port <= 53', ['six']],
  ['icmp.type == 8', ['echo']],
  ['icmp.type == 8 and icmp.code == 0', ['echo']],
  ['icmp.code < 1', ['echo']],
  ['zone == 7', ['web']],
  ['zone == 0', ['six', 'echo']],
  ['mark == 0xffffff1f', ['web']],
  ['mark & 0xf0 == 0x10', ['web']],
  ['mark & 0xf0 != 0x10', ['six', 'echo']],
  ['mark & 0x80000000', ['web']],
  ['mark & 0xff in (0x1f, 0x2f)', ['web']],
  ['mark == 0', ['six', 'echo']],
  ['status & OFFLOAD', ['six']],
  ['status & assured|offload', ['web', 'six']],
  ['status & ASSURED | OFFLOAD == OFFLOAD', ['six']],
  ['status & 0x4 == 0', ['six', 'echo']],
  ['status == 0xa', ['echo']],
  ['offloaded', ['six']],
  ['not offloaded', ['web', 'echo']],
  ['bytes == 8590934593', ['web']],
  ['bytes >= 8GiB', ['web']],
  ['bytes < 61', ['six']],
  ['bytes.original > 1MB', ['web']],
  ['bytes.original > 1MiB', []],
  ['bytes.original in (60, 84)', ['six', 'echo']],
  ['bytes.reply == 8GiB', ['web']],
  ['bytes > 0.1kB', ['web', 'echo']],
  ['bytes in 0kB-2.01kB', ['six', 'echo']],
  ['packets == 30', ['web']],
  ['packets.original <= 1', ['six', 'echo']],
  ['packets.reply == 0', ['six']],
  ['tcp.state == established', ['web']],
  ['tcp.state in (SYN_SENT, TIME_WAIT)', []],
  ['tcp.state != TIME_WAIT', ['web']],
  ['sctp.state == ESTABLISHED || dccp.state == OPEN', []],
  ['helper == ftp', ['web']],
  ['helper in (\'sip\', "ftp")', ['web']],
  ['helper != sip', ['web']],
  ['age > 1m', ['web']],
  ['age in 400ms-1m', ['six']],
  ['age >= 1m30s', ['web']],
  ['protocol == udp || protocol == tcp && bytes < 1', ['six']],
  ['(protocol == udp || protocol == tcp) && packets > 1', ['web']],
  ['!!snat', ['web']],
  [' ( ( snat ) )\n', ['web']],
];

for (const [text, matching] of CASES) {
  test(`${JSON.stringify(text)} takes ${matching.join(' and ') || 'none of them'}`, t => {
    const found = Object.entries(ALL).filter(([, facts]) => matches(text, facts));
    t.deepEqual(
      found.map(([name]) => name),
      matching,
    );
  });
}

test('what is not known meets no condition, not even !=', t => {
  const bare: Facts = { protocol: 50 };
  for (const text of [
    'bytes >= 0',
    'bytes.reply != 5',
    'age >= 0s',
    'tcp.state != NONE',
    'status != 0',
    'helper != x',
  ]) {
    t.false(matches(text, bare), text);
    t.true(matches(`!(${text})`, bare), text);
  }
});

test('each state of its protocol has its own field', t => {
  t.true(matches('sctp.state == SHUTDOWN_SENT', { protocol: 132, sctpState: 5 }));
  t.true(matches('dccp.state == CLOSING', { protocol: 33, dccpState: 6 }));
  t.false(matches('tcp.state == LAST_ACK', { protocol: 132, sctpState: 5 }));
  t.true(matches('tcp.state == TIME_WAIT', { protocol: 6, state: TIME_WAIT }));
});

test('a destination that was translated, and a port alone', t => {
  t.true(
    matches('dnat && !snat && nat.dst == 10.0.0.9', {
      ...web,
      replyDestination: '10.1.2.3',
      replyDestinationPort: 40_000,
      replySource: '10.0.0.9',
    }),
  );
  t.true(matches('dnat && !snat', { protocol: 17, sourcePort: 1, destinationPort: 2, replySourcePort: 3 }));
});

test('a zone of the reply direction alone is the zone', t => {
  t.true(matches('zone == 3', { ...echo, replyZone: 3 }));
  t.true(matches('zone == 2', { ...echo, originalZone: 2, replyZone: 3 }));
});

test('an age from procfs counts', t => {
  t.true(matches('age == 5s', { protocol: 6, startEstimate: nanoseconds(NOW - 5000) }));
});

test('counters above 2^53 are larger than any size that can be written', t => {
  const huge = { ...echo, counters: [1, (1n << 64n) - 1n, 1, (1n << 64n) - 1n] as const };
  t.true(matches('bytes > 7PiB', huge));
  t.true(matches('bytes.reply > 9007199254740990', huge));
});

const MISTAKES: readonly [text: string, column: number, message: RegExp, hint: RegExp][] = [
  ['', 1, /a field is missing/, /protocol == tcp/],
  ['protocl == tcp', 1, /'protocl' is not a field/, /^Write protocol$/],
  ['protocol == tcp && dport == 80', 20, /'dport' is not a field/, /^Write dst\.port$/],
  ['zzz == 1', 1, /'zzz' is not a field/, /family, protocol, src/],
  ['(src.prt == 1)', 2, /'src.prt'/, /^Write src\.port$/],
  ['protocol == tpc', 13, /'tpc' is not a value/, /^Write tcp$/],
  ['protocol == 256', 13, /'256' is out of range/, /255/],
  ['protocol < tcp', 10, /cannot be compared with </, /protocol == /],
  ['dst.port == 70000', 13, /'70000' is out of range/, /65535/],
  ['dst.port in (80, 70000)', 18, /'70000' is out of range/, /65535/],
  ['dst.port in 90-80', 13, /ends before it begins/, /smaller/],
  ['dst.port > 65535', 12, /can never match/, /65535/],
  ['bytes < 0', 9, /can never match/, /0 to/],
  ['dst.port == http', 13, /'http' is not a number/, /0 to 65535/],
  ['bytes > 1Mb', 9, /'1Mb' is not a size/, /1MB or 1MiB/],
  ['bytes > 1.5', 9, /'1.5' is not a size/, /1MB or 1MiB/],
  ['age > 5', 7, /'5' is not a time/, /5s/],
  ['src == 10.0.0.0/8', 8, /is more than one address/, /Write in/],
  ['src == (10.0.0.1, 10.0.0.2)', 8, /takes one value/, /Write in/],
  ['src in 10.0.0.1/8', 8, /has bits behind its length/, /^Write 10\.0\.0\.0\/8$/],
  ['src in 2001:db8::1/32', 8, /has bits behind its length/, /^Write 2001:db8::\/32$/],
  ['src in 10.0.0.0/33', 8, /is not a prefix/, /0 to 32/],
  ['src in 10.0.0.256', 8, /is not an address/, /192\.0\.2\.1/],
  ['src in "10.0.0.1"', 8, /is not an address/, /without quotes/],
  ['src in 10.0.0.1-2001:db8::1', 8, /IPv4 and IPv6/, /one family/],
  ['src < 10.0.0.1', 5, /cannot be compared with </, /in PREFIX/],
  ['family == ipv4 && src in 2001:db8::/32', 26, /can never match/, /IPv4 or IPv6/],
  ['src == 10.0.0.1 && dst == ::1', 27, /can never match/, /IPv4 or IPv6/],
  ['family == ip6', 11, /'ip6' is not a value/, /ipv6/],
  ['mark & 0xf0 == 0x01', 16, /bits outside the mask/, /never match/],
  ['mark & 0', 8, /no bits/, /bits that are compared/],
  ['mark == 0x100000000', 9, /out of range/, /4294967295/],
  ['status == ASSURED', 11, /sum of its bits/, /^Write status & ASSURED$/],
  ['status & ASURED', 10, /'ASURED' is not a value/, /^Write assured$/],
  ['dst.port & 1', 10, /no bits to choose/, /&&/],
  ['tcp.state == ESTABLISHD', 14, /'ESTABLISHD'/, /^Write established$/],
  ['tcp.state == 3', 14, /'3' is not a value/, /established/],
  ['snat in (true)', 6, /cannot be compared with in/, /!snat/],
  ['snat == yes', 9, /'yes' is not a value/, /true or false/],
  ['src', 4, /'src' is not compared/, /src in PREFIX/],
  ['bytes', 6, /'bytes' is not compared/, /<=/],
  ['src = 10.0.0.1', 5, /'=' has no meaning/, /^Write ==$/],
  ['dst.port in {80}', 13, /'{' has no meaning/, /\( \)/],
  ['helper == "ftp', 11, /does not end/, /second "/],
  ['helper == "f\\tp"', 11, /does not end/, /a \\ within it is written \\\\$/],
  ['(snat', 6, /a \) is missing/, /Column 1/],
  ['snat)', 5, /closes nothing/, /\(/],
  ['snat dnat', 6, /'dnat' is not expected/, /&& or \|\|/],
  ['dst.port in (80', 16, /does not end/, /\)/],
  ['dst.port in (80 90)', 17, /does not end/, /,/],
  ['dst.port in ()', 14, /a value is missing/, /compared with/],
  ['dst.port in 80 -', 17, /range does not end/, /last value/],
  ['snat &&', 8, /a field is missing/, /comparison/],
  ['helper == ""', 11, /is empty/, /name/],
  ['denied', 1, /'denied' is no field of a dump/, /ctflow run and ctflow collect/],
  ['"söme" == 1', 1, /a field is missing/, /comparison/],
  ['helper == "😀" && x', 18, /'x' is not a field/, /fields are/],
  [`${'('.repeat(65)}snat`, 65, /within one another/, /64/],
  [`${'!'.repeat(65)}snat`, 65, /within one another/, /64/],
  [' '.repeat(4097), 4097, /has 4097 characters/, /4096/],
];

for (const [text, column, message, hint] of MISTAKES) {
  test(`the mistake in ${JSON.stringify(text.slice(0, 60))} is named with column ${column}`, t => {
    const error = t.throws(() => new Filter(text, 'dump'), { instanceOf: FilterError });
    t.is(error?.code, 'CTFLOW_USAGE');
    t.is(error?.column, column);
    t.true(error?.message.startsWith(`column ${column}: `));
    t.regex(error?.message ?? '', message);
    t.regex(error?.hint ?? '', hint);
  });
}

test('every field can be read where it is said to be', t => {
  const sample = (name: string): string => {
    const { type } = FIELDS.get(name)!;
    if (type.kind === 'flag') return name;
    if (type.kind === 'address') return `${name} == ::1`;
    if (type.kind === 'text') return `${name} == x`;
    if (type.kind !== 'number' || type.unit === 'duration') return `${name} > 1s`;
    return `${name} == ${[...(type.closed ? type.names!.keys() : ['1'])][0]}`;
  };
  for (const [name, { places }] of FIELDS) {
    for (const place of ['dump', 'run', 'collect'] as Place[]) {
      if (places?.includes(place) ?? true) t.notThrows(() => new Filter(sample(name), place));
      else t.throws(() => new Filter(sample(name), place), { message: /is no field/ });
    }
    if (places?.includes('dump') ?? true) t.notThrows(() => new BatchFilter(new Filter(sample(name), 'dump'), NOW));
  }
});
