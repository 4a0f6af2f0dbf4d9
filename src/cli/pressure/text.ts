import { describeDuration } from '../../common/duration.js';
import { ColumnTable } from '../../common/terminal/table.js';
import type { Pressure, PressureGroups } from '../../daemon/top/pressure-page.js';
import type { PortsLine } from '../../daemon/top/snat-ports.js';
import { forecastText, signed } from './forecast-text.js';
import type { PressureReport } from './report.js';

const HEADS: Readonly<Record<Exclude<Pressure, 'snat'>, string>> = {
  source: 'SOURCE',
  destination: 'DESTINATION',
  zone: 'ZONE',
  state: 'STATE',
  timeout: 'TIMEOUT LEFT',
};
const PORTS = new ColumnTable([
  { head: 'SNAT', width: 5 },
  { head: 'EXTERNAL', width: 15 },
  { head: 'REMOTE', width: 21 },
  { head: 'USED', width: 6, align: 'right' },
  { head: 'FREE', width: 6, align: 'right' },
  { head: 'A SECOND', width: 8, align: 'right' },
  { head: 'EXHAUSTED IN', width: 12, align: 'right' },
]);

/** Who fills the table, for a terminal of 80 columns. */
export function pressureText(report: PressureReport): string {
  const { origin, table, forecast, counted, groups } = report;
  const lines = [origin];
  if (table) {
    const percent = table.limit > 0 ? ` (${Math.round((table.entries / table.limit) * 100)} %)` : '';
    lines.push(`table    ${number(table.entries)} entries, at most ${number(table.limit)}${percent}`);
  }
  if (forecast) lines.push(`         ${forecastText(forecast)}`);
  lines.push(`counted  ${number(counted)} entries`);
  const sections = Object.entries(HEADS).map(([kind, head]) =>
    section(head, groups[kind as keyof typeof HEADS], counted),
  );
  return `${lines.join('\n')}\n${sections.join('')}${portsSection(groups.snat)}`;
}

function section(head: string, groups: PressureGroups, counted: number): string {
  if (groups.lines.length === 0) return '';
  const table = new ColumnTable([
    { head, width: 48 },
    { head: 'ENTRIES', width: 12, align: 'right' },
    { head: 'SHARE', width: 8, align: 'right' },
  ]);
  const rows = groups.lines.map(({ name, entries }) =>
    table.row([name, number(entries), `${((entries / counted) * 100).toFixed(1)} %`]),
  );
  return `\n${table.header()}${rows.join('')}${rest(groups)}`;
}

function portsSection(groups: PressureReport['groups']['snat']): string {
  if (groups.lines.length === 0) return '';
  return `\n${PORTS.header()}${groups.lines.map(portsRow).join('')}${rest(groups)}`;
}

function portsRow({ snat, entries, rate, free, exhaustedIn }: PortsLine): string {
  const { protocol, external, remote, remotePort, zone } = snat!;
  return PORTS.row([
    protocol,
    external,
    `${remote.includes(':') ? `[${remote}]` : remote}:${remotePort}${zone === undefined ? '' : ` zone ${zone}`}`,
    number(entries),
    free === undefined ? '?' : number(free),
    rate === undefined ? '?' : signed(rate),
    exhaustedIn === undefined ? '' : exhaustedIn === 0 ? 'now' : describeDuration(exhaustedIn),
  ]);
}

/** What no line shows. */
function rest({ count, entries, leftOut, lines }: PressureGroups): string {
  const others = count - lines.length;
  const shown = lines.reduce((sum, line) => sum + line.entries, 0);
  const parts: string[] = [];
  if (others > 0) parts.push(`${number(others)} others with ${number(entries - shown)} entries`);
  if (leftOut > 0) parts.push(`${number(leftOut)} entries more, of others for which there was no room`);
  return parts.length === 0 ? '' : `and ${parts.join(', and ')}\n`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
