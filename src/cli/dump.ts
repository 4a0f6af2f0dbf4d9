import { Command } from 'commander';
import { CtflowError } from '../common/errors.js';
import { checkKernel } from '../sources/kernel-settings.js';
import { viewRow, type DirectionView, type RowView } from '../row/row-view.js';
import { note, standardOutput } from '../common/terminal/standard-streams.js';
import { ColumnTable } from '../common/terminal/table.js';
import { BatchFilter } from '../filter/batch-filter.js';
import { Filter } from '../filter/filter.js';
import { choice } from '../config/kind.js';
import { addSettings } from '../config/options.js';
import { defaulted, setting } from '../config/setting.js';
import { filterExpression, sourceSettings } from '../config/source-settings.js';
import { warnIfInactive } from './doctor/conntrack.js';
import { openSource, type SourceSettings } from './open-source.js';

const COLUMNS = [
  { head: 'proto', width: 7 },
  { head: 'state', width: 12 },
  { head: 'source', width: 22 },
  { head: 'destination', width: 22 },
  { head: 'packets', width: 15, align: 'right' },
  { head: 'octets', width: 21, align: 'right' },
  { head: 'left', width: 7, align: 'right' },
  { head: 'more', width: 40 },
] as const;

const dumpSettings = {
  format: defaulted(
    '',
    choice('<how>', ['table', 'json']),
    'table',
    'a table, or JSON with one connection per line; integers above 2^53 - 1 are strings in it',
  ),
  filter: setting(
    '',
    filterExpression(text => new Filter(text, 'dump')),
    'print only connections that match, e.g. "protocol == tcp && bytes > 1MB"',
  ),
  ...sourceSettings,
};

/** `ctflow dump` */
export function dumpCommand(): Command {
  return addSettings(new Command('dump').description('print the connections in the conntrack table'), dumpSettings)
    .addHelpText(
      'after',
      `
Packets and octets are original/reply; 'left' is the remaining timeout in seconds.

Examples:
  # ctflow dump
  # ctflow dump --protocol-filter tcp --status ASSURED --format json | jq .original.source
  # ctflow dump --filter 'mark & 0xf0 == 0x10 && !(src in 10.0.0.0/8)'
  # ctflow dump --netns blue
  $ ctflow dump --source replay:dump.ctflow`,
    )
    .action(dump);
}

interface DumpFlags extends SourceSettings {
  format: 'table' | 'json';
  filter?: Filter;
}

async function dump(flags: DumpFlags): Promise<void> {
  const { source } = await openSource(flags, note);
  try {
    const write = flags.format === 'json' ? jsonLine : tableRows();
    const output = standardOutput();
    const filter = flags.filter && new BatchFilter(flags.filter, Date.now());
    let leftOut = 0;
    const summary = await source.dump(batch => {
      filter?.use(batch);
      for (let i = 0; i < batch.count && !output.broken; i++) {
        if (filter && !filter.matches(i)) leftOut++;
        else output.write(write(viewRow(batch, i)));
      }
      return output.room();
    });
    if (!summary || output.broken) return;
    const skipped = Object.entries(summary.skipped).filter(([reason, count]) => count > 0 && reason !== 'filtered');
    const counts = [`${summary.rows - leftOut} connections`];
    if (filter) counts.push(`${leftOut} left out by --filter`);
    note([...counts, ...skipped.map(([reason, count]) => `${count} ${reason}`)].join(', '));
    for (const { message, hint } of checkKernel(source)) note(`${message}. ${hint}`);
    await warnIfInactive(source, flags.netns, ({ message, hint }) => note(`${message}. ${hint}`));
    if (summary.complete) return;
    throw (
      summary.error ??
      new CtflowError('CTFLOW_NETLINK', 'The dump is incomplete', 'The counts above say why; try again')
    );
  } finally {
    source.close();
  }
}

function jsonLine(view: RowView): string {
  const text = JSON.stringify(view, (_, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  });
  return `${text}\n`;
}

function tableRows(): (view: RowView) => string {
  const table = new ColumnTable(COLUMNS.map(column => ({ ...column })));
  let head = table.header();
  return view => {
    const line = head + table.row(cells(view));
    head = '';
    return line;
  };
}

function cells(view: RowView): string[] {
  const { original, reply } = view;
  return [
    view.protocol,
    view.state ?? (view.status?.includes('SEEN_REPLY') ? '' : 'UNREPLIED'),
    side(original.source, original.sourcePort),
    side(original.destination, original.destinationPort),
    pair(original.packets, reply.packets),
    pair(original.octets, reply.octets),
    view.timeout === undefined ? '' : `${view.timeout}s`,
    details(view).join(' '),
  ];
}

function side(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function pair(sent: bigint | undefined, received: bigint | undefined): string {
  return sent === undefined && received === undefined ? '' : `${sent ?? '?'}/${received ?? '?'}`;
}

function details(view: RowView): string[] {
  const { original, reply } = view;
  const words: string[] = [];
  if (original.icmpType !== undefined)
    words.push(`type=${original.icmpType}/${original.icmpCode} id=${original.icmpId}`);
  if (original.sourceKey !== undefined)
    words.push(`keys=0x${original.sourceKey.toString(16)}/0x${original.destinationKey!.toString(16)}`);
  if (translated(original, reply, 'source')) words.push(`snat=${side(reply.destination, reply.destinationPort)}`);
  if (translated(original, reply, 'destination')) words.push(`dnat=${side(reply.source, reply.sourcePort)}`);
  if (original.zone !== undefined && original.zone === reply.zone) words.push(`zone=${original.zone}`);
  else {
    if (original.zone !== undefined) words.push(`zone-orig=${original.zone}`);
    if (reply.zone !== undefined) words.push(`zone-reply=${reply.zone}`);
  }
  if (view.mark) words.push(`mark=0x${view.mark.toString(16)}`);
  if (view.helper !== undefined) words.push(`helper=${view.helper}`);
  if (view.status?.includes('ASSURED')) words.push('ASSURED');
  if (view.offloaded) words.push('OFFLOAD');
  if (view.id !== undefined) words.push(`id=${view.id}`);
  return words;
}

/** Without NAT the reply has the addresses of the request, swapped. */
function translated(original: DirectionView, reply: DirectionView, side: 'source' | 'destination'): boolean {
  return side === 'source'
    ? original.source !== reply.destination || original.sourcePort !== reply.destinationPort
    : original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}
