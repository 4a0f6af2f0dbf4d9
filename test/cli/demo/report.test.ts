import test from 'ava';
import { type DemoReport, differences, formatReport, requireEqual } from '../../../src/cli/demo/report.js';

const EQUAL: DemoReport = {
  mode: 'live',
  backend: 'fallback',
  connections: 64,
  recordsExported: 154,
  recordsCollected: 154,
  kernelOctets: 12_628_292,
  exportedOctets: 12_628_292,
  kernelPackets: 2643,
  exportedPackets: 2643,
  sequenceLost: 0,
  repeated: false,
};

test('equal counts have no differences', t => {
  t.deepEqual(differences(EQUAL), []);
  t.notThrows(() => requireEqual(EQUAL));
});

test('every count that differs is listed with both numbers', t => {
  const cases: [Partial<DemoReport>, string][] = [
    [{ exportedOctets: 12_628_291 }, '12,628,292 octets counted by the kernel, 12,628,291 collected'],
    [{ exportedPackets: 2644 }, '2,643 packets counted by the kernel, 2,644 collected'],
    [{ recordsCollected: 153 }, '154 records exported, 153 collected'],
    [{ sequenceLost: 3 }, '3 records lost by sequence number'],
  ];
  for (const [change, words] of cases) {
    const report = { ...EQUAL, ...change };
    t.deepEqual(differences(report), [words]);
    t.throws(() => requireEqual(report), { code: 'CTFLOW_DEMO', message: new RegExp(words) });
    t.regex(formatReport(report), /^Not equal\.$/m);
  }
});

test('the report of a replay does not mention the kernel', t => {
  const replay: DemoReport = { ...EQUAL, mode: 'replay', exportedOctets: 1 };
  t.deepEqual(differences(replay), ['12,628,292 octets in the recording, 1 collected']);
  t.notRegex(formatReport(replay), /kernel/);
});

test('the report for people: two columns and a verdict', t => {
  t.is(
    formatReport(EQUAL),
    [
      '                    kernel        exported',
      '  octets        12,628,292      12,628,292',
      '  packets            2,643           2,643',
      '',
      '  64 connections, 154 records exported, 154 collected, 0 lost, backend fallback',
      'Equal: every packet that the kernel counted arrived at the collector.',
    ].join('\n'),
  );
});
