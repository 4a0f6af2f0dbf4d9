import test from 'ava';
import { exporterLines } from '../../../src/cli/collect/summary.js';
import { ExporterTable, type ExporterCounts } from '../../../src/collector/exporter-counts.js';

const row = (exporter: string, counts: Partial<ExporterCounts> = {}): ExporterCounts => ({
  ...new ExporterTable(1).of(`${exporter}:1`, 5),
  ...counts,
});

test('a line has what is not zero, and whoever lost the most comes first', t => {
  t.deepEqual(
    exporterLines([
      row('udp://192.0.2.1', { messages: 2, records: 9 }),
      row('others', { messages: 7, undecodableSets: 1 }),
      row('tcp://[2001:db8::1]', { messages: 1, sequenceLost: 8, gaps: 1, lateMessages: 3 }),
    ]),
    [
      'tcp://[2001:db8::1], observation domain 5: 1 messages, 0 records, 8 lost, 1 gaps, 3 late messages',
      'udp://192.0.2.1, observation domain 5: 2 messages, 9 records, 0 lost',
      'other exporters: 7 messages, 0 records, 0 lost, 1 undecodable sets',
    ],
  );
});

test('few lines are printed, however many exporters there are', t => {
  const lines = exporterLines(Array.from({ length: 4096 }, (_, i) => row(`udp://10.0.${i >> 8}.${i & 255}`)));
  t.is(lines.length, 21);
  t.is(lines.at(-1), '4076 more exporters');
});
