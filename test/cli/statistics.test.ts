import test from 'ava';
import { anyCollector, RECORDING, ctflow } from '../helpers/kernel/cli.js';
import { stateFields, stateSentence, statisticsLines, summarySentence } from '../../src/cli/statistics.js';
import type { ExporterStats } from '../../src/exporter.js';

const none = { connections: 0, packets: 0, octets: 0 };
const destination = {
  name: 'main',
  endpoint: 'tcp://[2001:db8:1234:5678:9abc:def0:1234:5678]:4739',
  connected: false,
  session: {
    records: 12_345_678,
    messages: 1_234_567,
    octets: 987_654_321_012,
    oversize: 0,
    oversizeTemplates: {},
    optionsRecords: 4_000,
  },
  transport: {
    messages: 1,
    records: 2,
    octets: 3,
    errors: { ECONNREFUSED: 1, EPIPE: 2 },
    lostRecords: 4,
    uncertainRecords: 0,
    connects: 0,
  },
  stale: { connections: 5, packets: 123_456_789_012, octets: 123_456_789_012_345 },
  evictedUnreported: none,
  ended: 1,
  endedOverflow: { connections: 6, packets: 1, octets: 1 },
};
const stats = {
  backend: 'native',
  connections: 1_234,
  recordsExported: 5_678,
  store: { added: 30, refused: 0 },
  poll: { polls: 3, incomplete: 0, skipped: { filtered: 0, malformed: 7 } },
  names: { count: 0, overflow: 0 },
  destinations: [
    destination,
    { ...destination, name: 'lab', endpoint: 'udp://127.0.0.1:4739', ended: 0, connected: true, stale: none },
  ],
} as unknown as ExporterStats;

test('the statistics line has the counts of each collector', t => {
  const fields = stateFields(stats, 5_000);
  t.deepEqual(fields, {
    connections: 1_234,
    recordsExported: 5_678,
    newRecords: 678,
    collectors: [
      {
        name: 'main',
        endpoint: destination.endpoint,
        connected: false,
        waiting: 1,
        lostRecords: 4,
        oversize: 0,
        uncertainRecords: 0,
        errors: 3,
        unexported: 11,
      },
      {
        name: 'lab',
        endpoint: 'udp://127.0.0.1:4739',
        connected: true,
        waiting: 0,
        lostRecords: 4,
        oversize: 0,
        uncertainRecords: 0,
        errors: 3,
        unexported: 6,
      },
    ],
  });
  t.is(
    stateSentence(fields),
    '1,234 connections, 5,678 records exported (+678); main: not connected, ' +
      '1 ended connection waiting, 4 records lost, 3 errors, 11 connections not exported; ' +
      'lab: 4 records lost, 3 errors, 6 connections not exported',
  );
});

test('the summary of a run says how long it was, what was exported, and what was lost', t => {
  t.is(
    summarySentence(stats, 7_500),
    'ran for 2 h 5 min: 3 polls, 30 connections, 5,678 records exported to 2 destinations; ' +
      'main: 4 records lost, 3 errors, 11 connections not exported; lab: 4 records lost, 3 errors, 6 connections not exported',
  );
  const well = { ...stats, destinations: [], events: { lost: 2, unread: 0 }, poll: { ...stats.poll, incomplete: 1 } };
  t.is(
    summarySentence(well as unknown as ExporterStats, 0),
    'ran for 0 s: 3 polls, 30 connections, 5,678 records exported to 0 destinations; not seen: 1 incomplete poll, 2 events',
  );
});

test('the summary of a run calls nothing well that was not: too large, in doubt, or of a destination that was removed', t => {
  const well = {
    ...destination,
    connected: true,
    ended: 0,
    stale: none,
    endedOverflow: none,
    transport: { ...destination.transport, errors: {}, lostRecords: 0 },
  };
  const summary = (changed: object, more: object = {}, left = 0): string => {
    const all = { ...stats, destinations: [{ ...well, ...changed }], ...more } as unknown as ExporterStats;
    return summarySentence(all, 1, left).split('; ').slice(1).join('; ');
  };
  t.is(summary({}), 'nothing was lost');
  t.is(summary({}, {}, 1), '1 record left unexported');
  t.is(summary({ session: { ...well.session, oversize: 20 } }), 'main: 20 records too large for a message');
  t.is(summary({ transport: { ...well.transport, uncertainRecords: 1 } }), 'main: 1 record in doubt');
  const removed = { destinations: 1, records: 5, lostRecords: 2, unexported: { ...none, connections: 3 } };
  t.is(summary({}, { removed }), 'removed destinations: 2 records lost, 3 connections not exported');
});

test('the summary on a terminal fits 80 columns, and has everything that is not 0', t => {
  const lines = statisticsLines(stats).split('\n');
  t.deepEqual(
    lines.filter(line => line.length > 80),
    [],
  );
  const text = lines.map(line => line.trim()).join(' ');
  t.true(text.includes('poll: polls 3, skipped.malformed 7 '));
  t.true(text.includes('stale.octets 123,456,789,012,345'));
  t.notRegex(text, /names:|incomplete/);
});

test('run logs a line of statistics at the interval, and none with 0s', async t => {
  const args = ['run', '--collector', await anyCollector(), '--source', `replay:${RECORDING}`];
  // two dumps, so that it ends about a second after the first line
  const quick = await ctflow([...args, '--flow-poll-interval', '1200ms', '--stats-interval', '1s']);
  const line = quick.stderr.split('\n').find(text => text.includes('"msg":"statistics"'))!;
  const { connections, collectors } = JSON.parse(line) as { connections: number; collectors: object[] };
  t.is(connections, 11);
  t.is(collectors.length, 1);
  const never = await ctflow([...args, '--flow-poll-interval', '1200ms', '--stats-interval', '0s']);
  t.notRegex(never.stderr, /"msg":"statistics"/);
});
