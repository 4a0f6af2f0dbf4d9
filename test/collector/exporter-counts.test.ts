import { Buffer } from 'node:buffer';
import test from 'ava';
import { ExporterTable } from '../../src/collector/exporter-counts.js';
import { DEFAULT_LIMITS } from '../../src/collector/limits.js';
import { newStats } from '../../src/collector/stats.js';
import { UdpSessions } from '../../src/collector/udp-sessions.js';
import { EXPORT_TIME, message, set, templateSet } from '../helpers/builders/ipfix-builder.js';

const DEFINE = templateSet(256, [4, 1]);
const records = (count: number): Buffer => set(256, Buffer.alloc(count, 6));
const ZERO = {
  optionsRecords: 0,
  sequenceLost: 0,
  gaps: 0,
  lateMessages: 0,
  repeatedMessages: 0,
  sequenceRestarts: 0,
  undecodableSets: 0,
};

test('RFC 7011 section 3.1: loss, late and repeated messages are counted for each exporter and observation domain', t => {
  const exporters = new ExporterTable(10);
  const sessions = new UdpSessions(newStats(), DEFAULT_LIMITS, undefined, exporters);
  const send = (from: string, header: Parameters<typeof message>[0], ...sets: Buffer[]) =>
    sessions.decode(message(header, ...sets), from);
  const a = 'udp://192.0.2.1:4000';
  send(a, { domain: 1, sequence: 0 }, DEFINE, records(2));
  send(a, { domain: 1, sequence: 10 }, records(1)); // 2 to 9 are missing
  send(a, { domain: 1, sequence: 4 }, records(3)); // late
  send(a, { domain: 1, sequence: 4 }, records(3)); // and again
  send(a, { domain: 1, sequence: 20 }, records(1)); // 11 to 19 are missing
  send(a, { domain: 2, sequence: 7 }, DEFINE, records(1));
  send(a, { domain: 2, sequence: 0, exportTime: EXPORT_TIME + 9 }, DEFINE, records(1)); // started again
  send('udp://[2001:db8::1]:9', { domain: 1, sequence: 3 }, DEFINE, records(4));
  send('udp://192.0.2.1:5000', { domain: 1, sequence: 0 }, DEFINE, records(5)); // the same host, from another port
  const rows = exporters.list().map(({ lastMessage, ...row }) => {
    t.true(lastMessage > 1e12);
    return row;
  });
  t.deepEqual(rows, [
    {
      ...ZERO,
      exporter: 'udp://192.0.2.1',
      observationDomain: 1,
      messages: 6,
      records: 15,
      sequenceLost: 14,
      gaps: 2,
      lateMessages: 1,
      repeatedMessages: 1,
    },
    { ...ZERO, exporter: 'udp://192.0.2.1', observationDomain: 2, messages: 2, records: 2, sequenceRestarts: 1 },
    { ...ZERO, exporter: 'udp://[2001:db8::1]', observationDomain: 1, messages: 1, records: 4 },
  ]);
});

test('sets that wait for their template count where they belong, whether it comes or not', t => {
  const exporters = new ExporterTable(10);
  const sessions = new UdpSessions(newStats(), DEFAULT_LIMITS, undefined, exporters);
  sessions.decode(message({ domain: 1 }, records(2)), 'udp://192.0.2.1:1');
  sessions.decode(message({ domain: 2 }, records(3)), 'udp://192.0.2.1:1');
  for (const read of sessions.decode(message({ domain: 1, sequence: 2 }, DEFINE), 'udp://192.0.2.1:1').waited!) read();
  sessions.close();
  t.deepEqual(
    exporters.list().map(row => [row.observationDomain, row.messages, row.records, row.undecodableSets]),
    [
      [1, 2, 2, 0],
      [2, 1, 0, 1],
    ],
  );
});

test('rows are bounded: those silent the longest are added up', t => {
  const table = new ExporterTable(100);
  for (let i = 0; i < 1000; i++) {
    const row = table.of(`udp://10.0.0.${i}:1`, 0);
    row.messages += 2;
    row.sequenceLost += 3;
    row.lastMessage = i;
    table.of('udp://192.0.2.1:1', 7).lastMessage = i;
  }
  const rows = table.list();
  t.true(rows.length <= 101, String(rows.length));
  t.is(rows.at(-1)!.exporter, 'others');
  t.is(
    rows.reduce((sum, row) => sum + row.sequenceLost, 0),
    3000,
  );
  t.true(rows.some(({ exporter }) => exporter === 'udp://192.0.2.1'));
});
