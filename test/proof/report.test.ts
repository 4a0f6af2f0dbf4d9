import test from 'ava';
import type { CaseResult } from '../../proof/case.js';
import { formatCase, reportOf, verdict } from '../../proof/report.js';
import { finding, SIZE } from './findings.js';

function result(name: string, outcome: CaseResult['outcome'], otherwise = {}): CaseResult {
  const about = { title: `the ${name}`, criterion: 'missing 0, doubled 0', voidRuns: [] };
  return { name, ...about, outcome, finding: finding(otherwise) };
}

const LOST = { connections: 3, packets: 4, octets: 5678 };

test('a case is a table with what was counted, exported, missing and doubled', t => {
  t.is(
    formatCase(result('events', 'pass', { uncertain: 12, notes: ['ENOBUFS 3 times'] })),
    `events: the events
                   connections       packets            octets
  kernel                   100         1,000         1,234,567
  exported                 100         1,000         1,234,567
  missing                    0             0                 0
  doubled                    0             0                 0
  uncertain 12 records; exporter's memory at most 80 MB; 100 flows a second
  ENOBUFS 3 times
  pass: missing 0, doubled 0
`,
  );
});

test('what ended while no exporter ran and what was denied stand below', t => {
  const count = { connections: 7, packets: 70, octets: 700 };
  const { kernel, exported, missing, doubled } = finding({});
  const denied = { kernel: count, exported, missing, doubled };
  const text = formatCase(result('events', 'pass', { endedWhileDown: LOST, denied }));
  t.true(text.includes('ended while down           3             4             5,678\n'));
  t.true(text.includes('denied: kernel             7            70               700\n'));
  t.is(kernel.packets, 1_000);
});

test('a failed case shows what the exporter complained of, and what it knows to be lost', t => {
  const { finding } = result('events', 'fail')!;
  const exporter = { ...finding!.exporter, complaints: ['events were lost'], summary: 'ran for 4 s; lost: 7 events' };
  const text = formatCase(result('events', 'fail', { failures: ['missing: 7'], exporter }));
  t.true(text.includes('  the exporter: events were lost\n  the exporter: ran for 4 s; lost: 7 events\n  fail: '));
  t.false(formatCase(result('events', 'pass', { exporter })).includes('the exporter: '));
});

test('a failed case has its reason, and a void run is listed', t => {
  const text = formatCase({ ...result('events', 'fail', { failures: ['missing: 7'] }), voidRuns: ['earlyDrop 3'] });
  t.true(text.includes('  a run was void (earlyDrop 3)\n  missing: 7\n  fail: missing 0'));
});

test('the last line says whether anything was missed', t => {
  const pollOnly = result('poll-only', 'pass', { missing: LOST });
  t.is(
    verdict([result('events', 'pass'), pollOnly]),
    'Nothing was missed and nothing was exported twice, beyond what each case states. Polling alone missed 5,678 octets.',
  );
  t.is(verdict([pollOnly]), 'Polling alone missed 5,678 octets.');
  t.regex(
    verdict([result('events', 'fail'), pollOnly]),
    /^Something was missed, was exported twice or did not finish: events\./,
  );
  t.regex(verdict([result('events', 'void')]), /^Not proven: .* events/);
});

test('a run that broke off has its reason', t => {
  const { finding: _, ...about } = result('events', 'fail');
  t.is(
    formatCase({ ...about, error: 'the exporter ended with 1' }),
    `events: the events
  the exporter ended with 1
  fail: missing 0, doubled 0
`,
  );
});

test('for machines every case has its counts beside its outcome', t => {
  const [report] = reportOf(SIZE, [result('events', 'pass', { missing: LOST })]).cases;
  t.like(report, { name: 'events', outcome: 'pass', missing: LOST, uncertain: 0, kernel: { octets: 1_234_567 } });
});

test('the report has passed when each case has', t => {
  t.true(reportOf(SIZE, [result('events', 'pass')]).passed);
  t.false(reportOf(SIZE, [result('events', 'pass'), result('denied', 'void')]).passed);
});
