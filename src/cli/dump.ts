import { isatty } from 'node:tty';
import { Command } from 'commander';
import { CtflowError } from '../common/errors.js';
import { createLogger } from '../common/logger.js';
import { checkKernel } from '../sources/kernel-settings.js';
import type { Source } from '../sources/source.js';
import { suspicion } from '../ingest/flowtable-watch.js';
import type { Batch } from '../row/batch.js';
import { isOffloaded } from '../row/conntrack.js';
import { ROW_WORDS, STATUS_WORD } from '../row/layout.generated.js';
import { viewRow } from '../row/row-view.js';
import { note, standardOutput } from '../common/terminal/standard-streams.js';
import { BatchFilter } from '../filter/batch-filter.js';
import { Filter } from '../filter/filter.js';
import { choice, onOff, wholeNumber } from '../config/kind.js';
import { addSettings } from '../config/options.js';
import { defaulted, setting } from '../config/setting.js';
import { filterExpression, sourceSettings } from '../config/source-settings.js';
import { ownersLack } from '../inventory/owners/host-owners.js';
import { Geoip } from '../inventory/addresses/geoip.js';
import { geoipSettings } from '../config/address-settings.js';
import { warnIfInactive } from './doctor/conntrack.js';
import { FirstRows, type SortedRows } from './dump/first-rows.js';
import { DUMP_FORMATS, type DumpFormat, linesOf, type Lines } from './dump/formats.js';
import { type LastDump, lastDump } from './dump/last-dump.js';
import { viewAddresses } from './dump/addresses.js';
import { DumpOwners, type OwnerViews } from './dump/owners.js';
import { ORDER_NAMES, orderBy, type OrderName } from './dump/order.js';
import { Progress } from './progress.js';
import { openSource, sourceOf, type SourceSettings } from './open-source.js';

/** Rows that --sort holds at most: some 200 MB. */
const MOST_ROWS = 1_000_000;
/** Where --limit is not given: some 20 MB. */
const SORTED_ROWS = 100_000;
/** Rows that are made into text before the reader's room is looked at. */
const ROWS_A_WRITE = 1024;

const dumpSettings = {
  format: defaulted(
    '',
    choice('<how>', DUMP_FORMATS),
    'table',
    'a table; JSON with one connection per line, in which integers above 2^53 - 1 are strings; or CSV with the same names',
  ),
  filter: setting(
    '',
    filterExpression(text => new Filter(text, 'dump')),
    'print only connections that match, e.g. "protocol == tcp && bytes > 1MB"',
  ),
  sort: setting(
    '',
    choice('<by>', ORDER_NAMES),
    'print in this order, when the dump is over: most bytes or packets first, oldest first, shortest timeout first, states by name, protocols by number, addresses and ports',
  ),
  reverse: defaulted('', onOff(), false, 'with --sort: the other way round; what is not known stays last'),
  limit: setting(
    '',
    wholeNumber('<n>', 1, MOST_ROWS),
    `print so many connections at most, the first in the order of --sort (default: all, with --sort ${SORTED_ROWS})`,
  ),
  owners: defaulted(
    '',
    onOff(),
    false,
    'also whose sockets the connections have on this host: user, cgroup, systemd unit, container, Pod and program (native only)',
  ),
  ...geoipSettings,
  ...sourceSettings,
};

/** `ctflow dump` */
export function dumpCommand(): Command {
  return addSettings(new Command('dump').description('print the connections in the conntrack table'), dumpSettings)
    .addHelpText(
      'after',
      `
Packets and octets are original/reply; 'left' is the remaining timeout in seconds. One dump has no rates. Without --sort
connections are printed as they are read; with it up to --limit are held in memory, about 200 bytes each. Of a recording
the last whole dump is printed.

Examples:
  # ctflow dump
  # ctflow dump --protocol-filter tcp --status ASSURED --format json | jq .original.source
  # ctflow dump --filter 'mark & 0xf0 == 0x10 && !(src in 10.0.0.0/8)'
  # ctflow dump --sort bytes --limit 20
  # ctflow dump --format csv > connections.csv
  # ctflow dump --netns blue
  # ctflow dump --geoip-country GeoLite2-Country.mmdb --filter 'dst.country == "DE"'
  # ctflow dump --owners --format json | jq 'select(.sourceOwner.systemdUnit == "cron.service")'
  $ ctflow dump --source replay:dump.ctflow`,
    )
    .action(dump);
}

interface DumpFlags extends SourceSettings {
  format: DumpFormat;
  filter?: Filter;
  sort?: OrderName;
  reverse: boolean;
  limit?: number;
  owners: boolean;
  geoipAsn?: string;
  geoipCountry?: string;
}

async function dump(flags: DumpFlags): Promise<void> {
  if (flags.reverse && flags.sort === undefined) note('--reverse has no effect without --sort');
  const geoip = await openGeoip(flags);
  const { source, recorded } = await openDump(flags);
  let progress: Progress | undefined;
  try {
    const owners = flags.owners ? new DumpOwners(source) : undefined;
    const printer = new Printer(flags.format, owners, geoip);
    const { output } = printer;
    const filter = flags.filter && new BatchFilter(flags.filter, Date.now(), geoip);
    const limit = flags.limit ?? (flags.sort === undefined ? Infinity : SORTED_ROWS);
    const first = flags.sort === undefined ? undefined : new FirstRows(limit, orderBy(flags.sort, flags.reverse));
    let matched = 0;
    let leftOut = 0;
    let read = 0;
    let offloaded = 0;
    // where the connections themselves are seen, they are the progress
    const isSilent = isatty(1) && !first;
    progress = isSilent ? undefined : new Progress(() => `${read} connections read so far`);
    const summary = await source.dump(async batch => {
      filter?.use(batch);
      if (!first) await printer.use(batch);
      read += batch.count;
      for (let i = 0; i < batch.count; i++) if (isOffloaded(batch.u32[i * ROW_WORDS + STATUS_WORD])) offloaded++;
      for (let i = 0; i < batch.count && !output.broken; i++) {
        if (filter && !filter.matches(i)) leftOut++;
        else if (first) first.add(batch, i);
        else if (matched++ < limit) printer.print(batch, i);
      }
      return output.room();
    });
    if (output.broken) return;
    if (!summary) return note('there is no dump in the recording');
    if (first) {
      // it would stand between the lines on a terminal
      if (isatty(1)) progress?.close();
      matched = summary.rows - leftOut;
      await printer.printAll(first.sorted());
      if (output.broken) return;
    }
    printer.end();
    const skipped = Object.entries(summary.skipped).filter(([reason, count]) => count > 0 && reason !== 'filtered');
    const counts = [`${matched} connections`];
    if (filter) counts.push(`${leftOut} left out by --filter`);
    if (matched > limit) counts.push(`${matched - limit} beyond --limit ${limit}`);
    if (recorded) note(whichOne(recorded, summary.startedAt));
    note([...counts, ...skipped.map(([reason, count]) => `${count} ${reason}`)].join(', '));
    const lacks = await source.lacks?.();
    if (lacks !== undefined) note(lacks);
    const why = offloaded > 0 ? suspicion(source) : undefined;
    if (why !== undefined) note(`${offloaded} connections are offloaded, and their counters are suspect: ${why}`);
    const lacking = owners && ownersLack(source);
    if (lacking !== undefined) note(lacking);
    for (const { message, hint } of checkKernel(source)) note(`${message}. ${hint}`);
    await warnIfInactive(source, flags.netns, ({ message, hint }) => note(`${message}. ${hint}`));
    const damage = recorded?.damage;
    if (summary.complete && damage === undefined) return;
    throw (
      damage ??
      summary.error ??
      new CtflowError('CTFLOW_NETLINK', 'The dump is incomplete', 'The counts above say why; try again')
    );
  } finally {
    progress?.close();
    source.close();
    geoip?.close();
  }
}

/** Where a file is given. @throws CtflowError CTFLOW_GEOIP, CTFLOW_USAGE where the filter asks for what is not given */
async function openGeoip({ geoipAsn: asn, geoipCountry: country, filter }: DumpFlags): Promise<Geoip | undefined> {
  for (const [given, flag, fields] of [
    [asn, '--geoip-asn', ['src.asn', 'dst.asn']],
    [country, '--geoip-country', ['src.country', 'dst.country']],
  ] as const) {
    const field = given === undefined ? fields.find(name => filter?.fields.has(name)) : undefined;
    if (field === undefined) continue;
    const what = `--filter asks for ${field}, which is not known without ${flag}`;
    throw new CtflowError('CTFLOW_USAGE', what, `Add ${flag} FILE, or write another filter`);
  }
  if (asn === undefined && country === undefined) return undefined;
  return Geoip.open({ asn, country }, createLogger('silent'));
}

/** The source, at the dump that is printed: of a recording the last whole one. */
async function openDump(flags: DumpFlags): Promise<{ source: Source; recorded?: LastDump }> {
  const { backend, source } = await openSource(flags, note);
  if (source.kind !== 'replay') return { source };
  let read = 0;
  const progress = new Progress(() => `${read} dumps of the recording read so far`);
  try {
    const recorded = await lastDump(source, dumps => (read = dumps));
    const again = sourceOf(flags, backend);
    for (let number = 1; number < recorded.number; number++) await again.dump(() => {});
    return { source: again, recorded };
  } finally {
    progress.close();
    source.close();
  }
}

/** @param startedAt milliseconds since 1970 */
function whichOne({ number, of }: LastDump, startedAt: number): string {
  const dump = `dump ${number} of ${of} in the recording, begun ${new Date(startedAt).toISOString()}`;
  return number < of ? `${dump}, the last whole one` : dump;
}

/** Connections to standard output. */
class Printer {
  readonly output = standardOutput();
  readonly #lines: Lines;
  readonly #owners: DumpOwners | undefined;
  readonly #geoip: Geoip | undefined;
  /** Of the batch that is printed. */
  #views: ReadonlyMap<number, OwnerViews> | undefined;
  #begun = false;

  constructor(format: DumpFormat, owners: DumpOwners | undefined, geoip: Geoip | undefined) {
    this.#lines = linesOf(format, { owners: owners !== undefined, ...geoip?.kinds });
    this.#owners = owners;
    this.#geoip = geoip;
  }

  /** The rows of this batch are printed from now on. */
  async use(batch: Batch): Promise<void> {
    this.#views = await this.#owners?.of(batch);
  }

  print(batch: Batch, index: number): void {
    this.#begin();
    const view = { ...viewRow(batch, index), ...this.#views?.get(index) };
    this.output.write(this.#lines.of(this.#geoip ? { ...view, ...viewAddresses(this.#geoip, batch, index) } : view));
  }

  /** As fast as the reader takes them. */
  async printAll({ rows, numbers }: SortedRows): Promise<void> {
    await this.use(rows);
    for (let i = 0; i < numbers.length && !this.output.broken; i++) {
      this.print(rows, numbers[i]);
      if (i % ROWS_A_WRITE === 0) await this.output.room();
    }
    await this.output.room();
  }

  end(): void {
    if (this.#lines.headAlways) this.#begin();
  }

  #begin(): void {
    if (!this.#begun) this.output.write(this.#lines.head);
    this.#begun = true;
  }
}
