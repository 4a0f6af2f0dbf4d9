import test from 'ava';
import { reportOf } from '../../../src/cli/pressure/report.js';
import { pressureText } from '../../../src/cli/pressure/text.js';
import { forecastText } from '../../../src/cli/pressure/forecast-text.js';
import { usablePorts } from '../../../src/daemon/top/snat-ports.js';
import type { PressureGroups, PressureLine, PressurePage } from '../../../src/daemon/top/pressure-page.js';

const RANGE = { from: 2_000, to: 2_999 };

function translated(entries: number, remotePort = 53): PressureLine {
  const snat = { protocol: 'udp', external: '203.0.113.1', remote: '198.51.100.1', remotePort };
  return { name: `udp ${remotePort}`, entries, snat };
}

function groupsOf(...lines: PressureLine[]): PressureGroups {
  return { count: lines.length, entries: lines.reduce((sum, { entries }) => sum + entries, 0), leftOut: 0, lines };
}

/** A look at a table of which this much is translated. */
function page(polledAt: number, snat: PressureGroups, more: Partial<PressurePage> = {}): PressurePage {
  const none = groupsOf();
  const groups = { source: none, destination: none, zone: none, state: none, timeout: none, snat };
  return { counted: 1_000, complete: true, polledAt, groups, ...more };
}

test('ports that are free, and the time until there are none, by two looks', t => {
  const first = page(1_000, groupsOf(translated(400), translated(7, 54), translated(990, 55)));
  const last = page(11_000, groupsOf(translated(450), translated(5, 54), translated(990, 55), translated(1, 56)));
  const { lines } = reportOf('own', first, last, () => RANGE).groups.snat;
  t.deepEqual(
    lines.map(({ rate, free, range, exhaustedIn }) => [rate, free, range, exhaustedIn]),
    [
      [5, 550, RANGE, ((usablePorts(1_000) - 450) / 5) * 1_000],
      [-0.2, 995, RANGE, undefined],
      [0, 10, RANGE, 0],
      // it was not there before, or too small to be shown
      [undefined, 999, RANGE, undefined],
    ],
  );
});

test('where the range is not known, nothing is said of what is left', t => {
  const [first, last] = [page(0, groupsOf(translated(1))), page(1_000, groupsOf(translated(3)))];
  t.deepEqual(reportOf('own', first, last, () => undefined).groups.snat.lines, [{ ...translated(3), rate: 2 }]);
  // a recording that is over shows the same poll again
  t.deepEqual(reportOf('own', last, last, () => undefined).groups.snat.lines, [translated(3)]);
});

test('80 columns have who fills the table', t => {
  const source: PressureGroups = {
    count: 12,
    entries: 990,
    leftOut: 10,
    lines: [
      { name: '10.0.0.7', entries: 600 },
      { name: '2001:db8:1111:2222:3333:4444:5555:6666', entries: 1 },
    ],
  };
  const forecast = { rate: 410, span: 60_000, removesIn: 125_000, fullIn: 160_000 };
  const table = { entries: 196_608, limit: 262_144 };
  const snat = groupsOf(translated(950), translated(1, 54));
  const before = page(0, groupsOf(translated(900)));
  const last = page(10_000, snat, { table, forecast });
  const report = reportOf('ctflow run 1.2.3 (pid 7)', before, { ...last, groups: { ...last.groups, source } }, line =>
    line.snat!.remotePort === 53 ? RANGE : undefined,
  );
  const lines = pressureText(report).split('\n');
  t.deepEqual(lines.slice(0, 5), [
    'ctflow run 1.2.3 (pid 7)',
    'table    196,608 entries, at most 262,144 (75 %)',
    '         +410 a second: early removal in 2 min 5 s, full in 2 min 40 s',
    'counted  1,000 entries',
    '',
  ]);
  t.regex(lines[5], /^SOURCE +ENTRIES +SHARE$/);
  t.regex(lines[6], /^10\.0\.0\.7 +600 +60\.0 %$/);
  t.is(lines[8], 'and 10 others with 389 entries, and 10 entries more, of others for which there was no room');
  t.regex(lines[10], /^SNAT +EXTERNAL +REMOTE +USED +FREE +A SECOND +EXHAUSTED IN$/);
  t.regex(lines[11], /^udp +203\.0\.113\.1 +198\.51\.100\.1:53 +950 +50 +\+5 +now$/);
  t.regex(lines[12], /^udp +203\.0\.113\.1 +198\.51\.100\.1:54 +1 +\? +\?$/);
  for (const line of lines.filter(line => !line.startsWith('and '))) t.true(line.length <= 80, line);
});

test('how the table fills is said in one line', t => {
  t.is(forecastText({ rate: 0.04, span: 1 }), '+0 a second');
  t.is(forecastText({ rate: -1_234.5, span: 1 }), '-1,234 a second');
  t.is(
    forecastText({ rate: 2.25, span: 1, removesIn: 0, fullIn: 5_000 }),
    '+2.3 a second: early removal now, full in 5 s',
  );
  t.is(forecastText({ rate: 0, span: 1, removesIn: 0, fullIn: 0 }), '0 a second: full');
});
