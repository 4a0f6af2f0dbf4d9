import test, { type ExecutionContext } from 'ava';
import { rowsOf, screenOf, type Size, type View } from '../../../src/cli/top/screen.js';
import type { TopState } from '../../../src/cli/top/state.js';
import type { TopPage } from '../../../src/daemon/top/page.js';
import { STATE } from '../../helpers/rigs/top-state.js';

const NARROW: Size = { width: 80, height: 24 };
const WIDE: Size = { width: 200, height: 50 };
const PAGE: TopPage = {
  connections: 500_000,
  matching: 500_000,
  counted: 500_000,
  table: { entries: 500_123, limit: 1_048_576 },
  accounting: true,
  rateSpan: 5_012,
  polls: 7,
  lines: [
    {
      protocol: 'tcp',
      source: '192.168.100.200:65535',
      destination: '203.0.113.254:443',
      state: 'ESTABLISHED',
      packets: 123_456,
      bytes: 9_876_543_210,
      rate: 1_250_000,
      age: 90_061_000,
      zone: 7,
      sourceName: 'prod/web-5d4f7',
      service: 'prod/db:sql',
    },
    {
      protocol: 'udp',
      source: '[2001:db8:1111:2222:3333:4444:5555:6666]:53124',
      destination: '[2001:db8::53]:53',
      state: 'UNREPLIED',
      age: 2_000,
    },
  ],
};

function text(
  t: ExecutionContext,
  state: TopState,
  page: TopPage | undefined,
  size: Size,
  more?: Partial<View>,
): string[] {
  const view: View = {
    origin: 'ctflow run 1.2.3 (pid 7)',
    page,
    asked: state,
    at: new Date(2026, 0, 1, 13, 4, 5),
    trouble: undefined,
    ...more,
  };
  const lines = screenOf(state, view, size).map(line => line.map(span => span.text).join(''));
  t.is(lines.length, size.height);
  for (const line of lines) t.true(line.length <= size.width, line);
  return lines.map(line => line.trimEnd());
}

test('80 columns have what matters of a connection, with the keys below', t => {
  const lines = text(t, STATE, PAGE, NARROW);
  t.deepEqual(lines.slice(0, 4), [
    'ctflow top                                    ctflow run 1.2.3 (pid 7)  13:04:05',
    '500,000 connections   kernel 500,123 of 1,048,576 (48 %)',
    'sort bytes   rates over 5.0 s',
    '',
  ]);
  t.regex(lines[4], /^proto +source +destination +state +bytesv +B\/s +age$/);
  t.regex(lines[5], /^tcp +192\.168\.\S+65535 +203\.0\.113\.254:443 +ESTABLISHED +9\.9G +1\.3M +1d$/);
  t.regex(lines[6], /^udp +\[2001:\S+…\S+53124 +\[2001:db8::53\]:53 +UNREPLIED +- +- +2s$/);
  t.is(lines[23], 'bytes packets rate age state group /filter denied ↑↓rows space pause quit');
});

test('a table that fills is said to, with the time that is left', t => {
  const counts = (fullIn: number): string =>
    text(t, STATE, { ...PAGE, forecast: { rate: 9, span: 60_000, removesIn: 0, fullIn } }, NARROW)[1];
  t.is(counts(160_000), '500,000 connections   kernel 500,123 of 1,048,576 (48 %)   full in 2m40s');
  t.is(counts(0), '500,000 connections   kernel 500,123 of 1,048,576 (48 %)   full');
});

test('200 columns have all columns, and addresses are whole', t => {
  const [, , , , head, first, second] = text(t, STATE, PAGE, WIDE);
  t.regex(head, /^proto +source +destination +state +bytesv +pkts +B\/s +age +zone names$/);
  t.regex(first, / ESTABLISHED +9\.9G +123k +1\.3M +1d +7 prod\/web-5d4f7 > prod\/db:sql$/);
  t.true(second.includes('[2001:db8:1111:2222:3333:4444:5555:6666]:53124 '));
});

test('the order and the filter are said, and the column of the order stays', t => {
  const lines = text(
    t,
    { ...STATE, sort: 'packets', reverse: true, filter: 'dst.port == 443', paused: true },
    PAGE,
    NARROW,
  );
  t.is(lines[2], 'sort packets (reversed)   rates over 5.0 s   paused   filter dst.port == 443');
  t.regex(lines[4], / pkts\^/);
});

test('groups have their connections, and what has no name is said', t => {
  const groups = {
    count: 2,
    leftOut: 0,
    lines: [
      { name: 'prod/web', connections: 400_000, packets: 5, bytes: 7, rate: 3, age: 1_000 },
      { name: '', connections: 1, age: 3_000 },
    ],
  };
  const { lines: _, ...rest } = PAGE;
  const lines = text(t, { ...STATE, group: 'name' }, { ...rest, groups }, NARROW);
  t.is(lines[2], 'sort bytes   group name (2)   rates over 5.0 s');
  t.regex(lines[4], /^name +connections bytesv +pkts +B\/s oldest$/);
  t.regex(lines[5], /^prod\/web +400,000 +7 +5 +3 +1s$/);
  t.regex(lines[6], /^\(none\) +1 +- +- +- +3s$/);
});

test('groups of translated sources have their free ports, where these are known', t => {
  const range = { from: 1_000, to: 1_999 };
  const groups = {
    count: 2,
    leftOut: 0,
    lines: [
      { name: 'udp 203.0.113.1 > 198.51.100.1:53', connections: 990, age: 1_000, range },
      { name: 'udp 203.0.113.2 > 198.51.100.1:53', connections: 5, age: 3_000 },
    ],
  };
  const { lines: _, ...rest } = PAGE;
  const lines = text(t, { ...STATE, group: 'snat' }, { ...rest, groups }, NARROW);
  t.regex(lines[4], /^snat +connections +free bytesv +pkts +B\/s oldest$/);
  t.regex(lines[5], / 990 +10 +- +- +- +1s$/);
  t.regex(lines[6], / 5 {2,}- +- +- +3s$/);
});

test('denied packets have their own pane below, or why they have none', t => {
  const denied = {
    flows: 1_234,
    matching: 12,
    lines: [
      {
        protocol: 'tcp',
        source: '192.0.2.1:5',
        destination: '192.0.2.2:22',
        rule: 'ssh',
        packets: 9,
        bytes: 360,
        age: 0,
      },
    ],
  };
  const state = { ...STATE, denied: true };
  const { rows, deniedRows } = rowsOf(NARROW, state);
  t.deepEqual([rows, deniedRows], [12, 4]);
  const lines = text(t, state, { ...PAGE, denied }, NARROW);
  t.is(lines[17], 'Denied packets: 1,234 flows, 12 match the filter');
  t.regex(lines[18], /^proto +source +destination +rule +bytes +pkts +age$/);
  t.regex(lines[19], /^tcp +192\.0\.2\.1:5 +192\.0\.2\.2:22 +ssh +360 +9 +0s$/);
  t.is(text(t, state, PAGE, NARROW)[17], 'no denied packets are received: they need ctflow run with --nflog-group');
});

test('what is wrong, and why figures are missing, has a line', t => {
  const remark = (page: TopPage | undefined, more?: Partial<View>, state = STATE): string =>
    text(t, state, page, WIDE, more)[3];
  t.is(remark(undefined), 'waiting for the first answer');
  t.regex(
    remark({ ...PAGE, accounting: false, counted: 0 }),
    /^Accounting is off, .* sysctl -w net\.netfilter\.nf_conntrack_acct=1$/,
  );
  t.is(remark({ ...PAGE, counted: 499_990 }), '10 connections have no counters: they began without accounting');
  t.is(remark(PAGE, { trouble: 'CTFLOW_CONTROL: No ctflow run answers' }), 'CTFLOW_CONTROL: No ctflow run answers');
  t.is(remark(PAGE, {}, { ...STATE, skip: 20 }), 'from row 21 on');
  const groups = { count: 65_536, leftOut: 5, lines: [] };
  t.is(
    remark({ ...PAGE, groups }, {}, { ...STATE, group: 'source' }),
    '5 connections are in no group: there is no room for more',
  );
});

test('a filter that is being written has the last line, and its end is seen', t => {
  t.is(text(t, { ...STATE, editing: 'mark == 1' }, PAGE, NARROW)[23], 'filter (Enter, Esc): mark == 1');
  const long = `${'x'.repeat(100)}END`;
  t.regex(text(t, { ...STATE, editing: long }, PAGE, NARROW)[23], /^filter \(Enter, Esc\): x+END$/);
});

test('any size has its lines, and control characters do nothing', t => {
  const page = { ...PAGE, lines: [{ ...PAGE.lines![0], sourceName: 'a\u001b[2J' }] };
  for (const width of [1, 10, 40, 79, 300])
    for (const height of [1, 3, 6, 8, 60]) text(t, { ...STATE, denied: height % 2 === 0 }, page, { width, height });
  t.true(text(t, STATE, page, WIDE)[5].includes('a?[2J'));
});
