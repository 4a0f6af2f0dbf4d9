import { isatty } from 'node:tty';
import { Command } from 'commander';
import { Collector } from '../collector/collector.js';
import { recordToJson } from '../collector/json.js';
import type { CollectedRecord } from '../collector/record.js';
import type { CollectorStats } from '../collector/stats.js';
import { formatEndpoint, IPFIX_PORT, parseEndpoint, type Endpoint } from '../common/endpoint.js';
import { cells, columns } from './collected-row.js';
import { note, standardOutput } from '../common/terminal/standard-streams.js';
import { handleSignals } from './signals.js';
import { ColumnTable } from '../common/terminal/table.js';
import { flag, numberFlag, timeFlag } from './flag.js';
import { list } from './values.js';

/** Milliseconds that exporters have to close their connections after the half-close. */
const GRACE_MS = 10_000;
const DEFAULT_LISTEN = `udp://127.0.0.1:${IPFIX_PORT}`;

interface CollectFlags {
  listen?: Endpoint[];
  format: 'table' | 'json';
  count?: number;
  duration?: number;
}

/** `ctflow collect` */
export function collectCommand(): Command {
  return new Command('collect')
    .description('receive IPFIX from any exporter and print its records')
    .addOption(
      flag(
        '--listen <address...>',
        `udp://HOST:PORT or tcp://HOST:PORT; may be given several times (default: ${DEFAULT_LISTEN})`,
      ).argParser(list(parseEndpoint)),
    )
    .addOption(
      flag('--format <how>', 'a table of the main columns, or JSON with every element, one record per line')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addOption(
      numberFlag('--count <n>', 'stop after this many flow records', 1, Number.MAX_SAFE_INTEGER).env(
        'CTFLOW_COLLECT_COUNT',
      ),
    )
    .addOption(timeFlag('--duration <time>', 'stop after this time', '10ms', '24d').env('CTFLOW_COLLECT_DURATION'))
    .addHelpText(
      'after',
      `
Table: packets and octets are original/reply: totals, and with + the deltas since the last record; 'end' is the
flowEndReason. Options records and all other elements are in the JSON only.
JSON: integers above 2^53 - 1 are strings, octetArray values hexadecimal, unknown elements ENTERPRISE/ID.
Stops on SIGINT or SIGTERM: half-closes its TCP connections, drains them and prints its counters. A second signal ends it
at once.

Examples:
  $ ctflow collect
  $ ctflow collect --listen udp://0.0.0.0:4739 --listen tcp://[::]:4739
  $ ctflow collect --format json --count 100 | jq .octetDeltaCount`,
    )
    .action(collect);
}

async function collect(flags: CollectFlags): Promise<void> {
  const output = standardOutput();
  const print = flags.format === 'json' ? jsonLine : tableLines();
  const { promise: enough, resolve: stop } = newPromise();
  let left = flags.count ?? Infinity;
  const collector = new Collector({
    listen: flags.listen ?? [parseEndpoint(DEFAULT_LISTEN)],
    onRecord: record => {
      if (left === 0) return;
      if (!record.isOptions && --left === 0) stop();
      output.write(print(record));
    },
  });
  const signals = handleSignals({
    reload: () => note('SIGHUP: there is nothing to reload'),
    report: () => note(summary(collector.stats())),
    cutShort: signal => note(`${signal} again: ended at once; ${summary(collector.stats())}`),
  });
  let cut = 0;
  const timer = flags.duration === undefined ? undefined : setTimeout(stop, flags.duration);
  try {
    for (const endpoint of await collector.open()) note(`listening on ${formatEndpoint(endpoint)}`);
    await Promise.race([signals.stopped, enough, output.closed]);
  } finally {
    clearTimeout(timer);
    cut = await collector.close(output.broken ? 0 : GRACE_MS);
  }
  // a signal may come because the reader stands still
  if (signals.received && !(await output.end(GRACE_MS))) note(`${output.waiting} characters of output were not read`);
  if (cut > 0) note(`closed ${cut} connections that exporters did not close within ${GRACE_MS / 1000} s`);
  if (!output.broken) note(summary(collector.stats()));
}

function newPromise(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>(done => (resolve = done));
  return { promise, resolve };
}

function jsonLine(record: CollectedRecord): string {
  return `${recordToJson(record)}\n`;
}

/** Lines of the table; the head comes again after each screen of a terminal. */
function tableLines(): (record: CollectedRecord) => string {
  const terminal = isatty(1) ? process.stdout : undefined;
  const table = new ColumnTable(columns(terminal?.columns));
  let lines = 0;
  return record => {
    if (record.isOptions) return '';
    const screen = terminal ? Math.max(terminal.rows - 2, 10) : Infinity;
    const head = lines % screen === 0 ? table.header() : '';
    lines++;
    return head + table.row(cells(record));
  };
}

/** What is always printed, and what is printed where it is not 0. */
function summary(stats: CollectorStats): string {
  const always = [
    `${stats.messages} messages`,
    `${stats.records} records`,
    `${stats.sequenceLost} lost`,
    `${stats.undecodableSets} undecodable sets`,
    `${stats.malformedMessages} malformed messages`,
  ];
  const sometimes: [number, string][] = [
    [stats.optionsRecords, 'options records'],
    [stats.lateMessages, 'late messages'],
    [stats.repeatedMessages, 'repeated messages'],
    [stats.sequenceRestarts, 'sequence restarts'],
    [stats.reservedSets, 'reserved sets'],
    [stats.conflictingTemplates, 'conflicting templates'],
    [stats.refusedTemplates, 'refused templates'],
    [stats.ignoredWithdrawals, 'ignored withdrawals'],
    [stats.evictedSessions, 'evicted sessions'],
    [stats.evictedDomains, 'evicted observation domains'],
    [stats.disconnectedSessions, 'connections closed'],
    [stats.refusedConnections, 'connections refused'],
  ];
  return [...always, ...sometimes.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)].join(', ');
}
