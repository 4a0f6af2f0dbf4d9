import { describeDuration } from '../../common/duration.js';
import { describeSize } from '../../common/size.js';
import { ColumnTable } from '../../common/terminal/table.js';
import type { DaemonStatus, DestinationStatus } from '../../daemon/control/status.js';
import { forecastText, portsText } from '../pressure/forecast-text.js';

const TABLE = new ColumnTable([
  { head: 'DESTINATION', width: 22 },
  { head: 'STATE', width: 13 },
  { head: 'RECORDS', width: 12, align: 'right' },
  { head: 'LOST', width: 8, align: 'right' },
  { head: 'WAITING', width: 8, align: 'right' },
  { head: 'QUEUE', width: 6, align: 'right' },
]);

const NAMESPACES = new ColumnTable([
  { head: 'NAMESPACE', width: 22 },
  { head: 'STATE', width: 13 },
  { head: 'CONNECTIONS', width: 12, align: 'right' },
  { head: 'ENTRIES', width: 8, align: 'right' },
  { head: 'POLLS', width: 8, align: 'right' },
]);

/** A status for a terminal of 80 columns. */
export function statusText(status: DaemonStatus): string {
  const { version, state, pid, uptime, backend, source, configFile, conntrack, statistics, recorder } = status;
  const { forecast } = status;
  const lines = [
    `ctflow ${version}: ${state}, for ${describeDuration(uptime)} (pid ${pid})`,
    `settings     ${configFile ?? 'no file'}`,
    ...(backend === undefined ? [] : [`backend      ${backend}${source === undefined ? '' : `, source ${source}`}`]),
  ];
  if (conntrack)
    lines.push(`conntrack    ${number(conntrack.entries)} entries, ${share(conntrack.entries, conntrack.limit)}`);
  // most tables never fill
  if (forecast?.removesIn !== undefined) lines.push(`pressure     ${forecastText(forecast)}`);
  const ports = status.snatPorts?.soonest ?? status.snatPorts?.fullest?.line;
  if (ports) lines.push(`snat ports   ${portsText(ports)}`);
  if (statistics && status.maxConnections !== undefined) {
    lines.push(
      `connections  ${number(statistics.connections)} stored, ${share(statistics.connections, status.maxConnections)}`,
    );
    const { polls, incomplete } = statistics.poll;
    lines.push(`polls        ${number(polls)}${incomplete > 0 ? `, ${number(incomplete)} incomplete` : ''}`);
    if (statistics.events && statistics.events.lost > 0)
      lines.push(`events       ${number(statistics.events.lost)} lost`);
  }
  if (recorder) {
    const { span, octets, segments } = recorder;
    const held = describeDuration(span);
    lines.push(`recorder     holds ${held}, ${describeSize(octets)} in ${count(segments, 'file')}`);
  }
  return `${lines.join('\n')}\n${namespacesText(status)}${destinationsText(status.destinations)}`;
}

function namespacesText({ namespaces, namespaceCounts }: DaemonStatus): string {
  if (!namespaces) return '';
  const rows = namespaces.map(({ netns, gone, connections, conntrack, polls }) => {
    const entries = conntrack ? number(conntrack.entries) : '-';
    return NAMESPACES.row([netns, gone ? 'gone' : 'read', number(connections), entries, number(polls)]);
  });
  const refused = namespaceCounts?.refused ?? 0;
  if (refused > 0) rows.push(`${number(refused)} more not read: --max-namespaces\n`);
  return `\n${rows.length > 0 ? NAMESPACES.header() : 'no network namespace is read\n'}${rows.join('')}`;
}

function destinationsText(destinations: readonly DestinationStatus[]): string {
  if (destinations.length === 0) return '';
  const rows = destinations.flatMap(one => [
    TABLE.row([
      one.name,
      one.state,
      number(one.records),
      number(one.lostRecords + one.oversize + one.unexported),
      number(one.waiting),
      `${one.pressure} %`,
    ]),
    ...detailsOf(one).map(line => `  ${line}\n`),
  ]);
  return `\n${TABLE.header()}${rows.join('')}`;
}

function detailsOf({ name, endpoint, lastError }: DestinationStatus): string[] {
  const lines = name === endpoint ? [] : [endpoint];
  if (lastError) {
    const { at, why, meaning } = lastError;
    lines.push(`last error ${at}: ${why}${meaning === undefined ? '' : `, ${meaning}`}`);
  }
  return lines;
}

function share(part: number, whole: number): string {
  const percent = whole === 0 ? '' : ` (${Math.round((part / whole) * 100)} %)`;
  return `at most ${number(whole)}${percent}`;
}

function count(value: number, what: string): string {
  return `${number(value)} ${what}${value === 1 ? '' : 's'}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
