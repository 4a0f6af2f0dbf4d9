import { isatty } from 'node:tty';
import { Command } from 'commander';
import { Collector } from '../collector/collector.js';
import { DEFAULT_LIMITS } from '../collector/limits.js';
import { compileRecordFilter, HANDSHAKE, recordFilter } from '../collector/record-filter.js';
import type { Filter } from '../filter/filter.js';
import { formatEndpoint, IPFIX_PORT, isDatagram, isSecured, parseEndpoint, type Endpoint } from '../common/endpoint.js';
import { exporterLines, summary } from './collect/summary.js';
import { TroubleNotes } from './collect/troubles.js';
import { COLLECT_FORMATS, collectPrinter, type CollectFormat } from './collect/printer.js';
import type { CollectFileOptions } from '../collector/file/collect-file.js';
import { lackingOf } from '../collector/tls-listener.js';
import { newStats, type CollectorStats } from '../collector/stats.js';
import { CtflowError } from '../common/errors.js';
import { collectFiles } from './files/collect-files.js';
import { note, standardOutput } from '../common/terminal/standard-streams.js';
import { Progress } from './progress.js';
import { handleSignals } from './signals.js';
import { choice, duration, list, text, wholeNumber, type Kind } from '../config/kind.js';
import { throwMistakes } from '../config/mistakes.js';
import { addSettings, isGiven } from '../config/options.js';
import { defaulted, setting } from '../config/setting.js';
import { filterExpression } from '../config/source-settings.js';
import type { Element } from '../ipfix/element.js';
import { ownElement } from '../ipfix/field-list/list-mistakes.js';
import { nameElement } from '../ipfix/registry.js';
import { tlsFileErrors } from '../transport/tls-files.js';

/** Milliseconds that exporters have to close their connections after the half-close. */
const GRACE_MS = 10_000;
/** Characters of output that wait before records do, and are written at once. */
const PIECE = 65_536;
/** Milliseconds that the reader has for the last of the output, at least. */
const LAST_MS = 1000;
const DEFAULT_LISTEN = `udp://127.0.0.1:${IPFIX_PORT}`;

interface CollectFlags {
  listen?: Endpoint[];
  format: CollectFormat;
  count?: number;
  duration?: number;
  templateLifetime: number;
  filter?: Filter;
  elements?: Element[];
  tlsCa?: string;
  tlsCertificate?: string;
  tlsKey?: string;
  tlsPeerName?: string[];
}

/** What becomes of records, wherever they come from. */
type RecordHandlers = Pick<CollectFileOptions, 'onRecord' | 'ready' | 'onTrouble'>;

const address: Kind<Endpoint> = {
  form: '<address>',
  parse: parseEndpoint,
  write: formatEndpoint,
  json: { type: 'string' },
  allowed: 'udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT',
};

const ownElements: Kind<Element> = {
  form: '<name=pen/id>',
  parse: text => {
    const found = ownElement(text.includes('=') ? text : `${text}=`);
    if ('id' in found) return found;
    throw new CtflowError('CTFLOW_USAGE', found.what, found.hint);
  },
  write: ({ name, enterprise, id }) => `${name}=${enterprise}/${id}`,
  json: { type: 'string' },
  allowed: 'NAME=PEN/ID, as in --fields of the exporter',
};

const collectSettings = {
  listen: setting(
    '',
    list('<address...>', address),
    `udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT; may be given several times (default: ${DEFAULT_LISTEN})`,
  ),
  format: defaulted(
    '',
    choice('<how>', COLLECT_FORMATS),
    'table',
    'a table of the main columns, JSON with every element, one record per line, CSV, or an IPFIX File (RFC 5655)',
  ),
  filter: setting(
    '',
    filterExpression(recordFilter),
    'print only flow records that match, e.g. "protocol == tcp && bytes > 1MB"; any element has its name',
  ),
  elements: setting(
    '',
    list('<name=pen/id...>', ownElements, ({ enterprise, id }) => `${enterprise}/${id}`),
    'what the elements of your own are that exporters send, as in their --fields: tcpHandshakeMicroseconds=32473/1',
  ),
  count: setting('', wholeNumber('<n>', 1, Number.MAX_SAFE_INTEGER), 'stop after this many flow records'),
  duration: setting('', duration('10ms', '24d'), 'stop after this time'),
  templateLifetime: defaulted(
    '',
    duration('1s', '24d'),
    DEFAULT_LIMITS.templateLifetime,
    'forget a template that came over UDP or DTLS and was not sent again in this time; three times the refresh interval ' +
      'of the exporters (RFC 7011 section 8.4)',
  ),
  tlsCertificate: setting('', text('<file>'), "PEM: this collector's certificate, with those up to its authority"),
  tlsKey: setting('', text('<file>'), 'PEM: the key of --tls-certificate, without a passphrase'),
  tlsCa: setting(
    '',
    text('<file>'),
    'PEM: authorities of which an exporter must have a certificate (default: exporters need none)',
  ),
  tlsPeerName: setting(
    '',
    list('<name...>', text('<name>')),
    "an exporter's certificate has one of these names or addresses",
  ),
};

/** `ctflow collect` */
export function collectCommand(): Command {
  return addSettings(new Command('collect'), collectSettings)
    .description('receive IPFIX from any exporter, or read it from files, and print its records')
    .argument('[file...]', 'IPFIX files (RFC 5655) to read, one after another, instead of listening')
    .addHelpText(
      'after',
      `
Table: packets and octets are original/reply: totals, and with + the deltas since the last record; 'end' is the
flowEndReason. It has no options records.
JSON: integers above 2^53 - 1, and identifiers such as flowId, are strings, octetArray values hexadecimal, unknown
elements ENTERPRISE/ID.
CSV: one header whatever comes (RFC 4180), flow records only; elements without a column are JSON in the last one, 'other'.
IPFIX: the records as they came, options records included, for a file or a pipe.
Whoever reads the output slowly slows exporters over TCP and TLS down; datagrams wait in 16 MiB, and what does not fit is
dropped and counted.
Stops on SIGINT or SIGTERM: half-closes its TCP and TLS connections, drains them and prints its counters. A second signal ends it
at once. With files it stops at their end; a file that is damaged is named with the octet where that begins, and the exit
code is 1.

Examples:
  $ ctflow collect
  $ ctflow collect --listen udp://0.0.0.0:4739 --listen tcp://[::]:4739
  $ ctflow collect --listen tls://[::]:4740 --tls-certificate collector.pem --tls-key key.pem --tls-ca exporters.pem
  $ ctflow collect --filter 'dst.port == 53 && !(src in 10.0.0.0/8)'
  $ ctflow collect --format json --count 100 | jq .octetDeltaCount
  $ ctflow collect --format ipfix --duration 1h > hour.ipfix
  $ ctflow collect --format json /var/log/ctflow/flows-*.ipfix`,
    )
    .action(collect);
}

async function collect(files: readonly string[], flags: CollectFlags, command: Command): Promise<void> {
  if (files.length > 0) checkFiles(command);
  const listen = flags.listen ?? [parseEndpoint(DEFAULT_LISTEN)];
  if (lifetimeWithoutEffect(files.length > 0 ? [] : listen, command))
    note('--template-lifetime has no effect without a UDP or DTLS address in --listen');
  checkTls(files.length > 0 ? [] : listen, flags);
  for (const element of flags.elements ?? []) nameElement(element);
  if (flags.filter?.fields.has('tcp.handshake') && !flags.elements?.some(({ name }) => name === HANDSHAKE))
    note(`--filter asks for tcp.handshake, which no record has without --elements ${HANDSHAKE}=PEN/ID`);
  const output = standardOutput();
  const printer = collectPrinter(flags.format, output);
  const troubles = new TroubleNotes(note);
  const { promise: enough, resolve: stop } = newPromise();
  const matches = flags.filter && compileRecordFilter(flags.filter);
  let leftOut = 0;
  let left = flags.count ?? Infinity;
  const handlers: RecordHandlers = {
    onRecord: record => {
      if (left === 0) return;
      if (matches && !matches(record)) {
        if (!record.isOptions) leftOut++;
        return;
      }
      if (!record.isOptions && --left === 0) stop();
      printer.print(record);
    },
    ready: () => (output.waiting < PIECE ? undefined : output.room()),
    onTrouble: trouble => troubles.add(trouble),
  };
  const collector = new Collector({
    ...handlers,
    listen,
    tls: flags,
    limits: { templateLifetime: flags.templateLifetime },
  });
  const fileStats = files.length > 0 ? newStats() : undefined;
  const stats = (): CollectorStats => fileStats ?? collector.stats();
  const signals = handleSignals({
    reload: () => note('SIGHUP: there is nothing to reload'),
    report: () => report(collector, fileStats),
    cutShort: signal => note(`${signal} again: ended at once; ${summary(stats())}`),
  });
  let cut = 0;
  let deadline = 0;
  const timer = flags.duration === undefined ? undefined : setTimeout(stop, flags.duration);
  const ended = Promise.race([signals.stopped, enough, output.closed]);
  let failure: unknown;
  try {
    if (fileStats) {
      const far = (): string => `${fileStats.records.toLocaleString('en-US')} records read`;
      // where the records themselves are seen, they are the progress
      const progress = new Progress(far, { isWatched: isatty(2) && !isatty(1) });
      failure = await untilRead(files, { ...handlers, stats: fileStats }, ended);
      progress.close();
    } else {
      for (const endpoint of await collector.open()) note(`listening on ${formatEndpoint(endpoint)}`);
      await ended;
    }
  } finally {
    clearTimeout(timer);
    deadline = performance.now() + GRACE_MS;
    cut = await collector.close(output.broken ? 0 : GRACE_MS);
  }
  printer.end();
  // a signal may come because the reader stands still
  const rest = Math.max(deadline - performance.now(), LAST_MS);
  if (signals.received && !(await output.end(rest))) note(`${output.waiting} characters of output were not read`);
  troubles.flush();
  if (left === 0) note(`stopped after ${flags.count} flow records (--count)`);
  if (cut > 0) note(`closed ${cut} connections that exporters did not close within ${GRACE_MS / 1000} s`);
  if (matches) note(`${leftOut} flow records left out by --filter`);
  if (!output.broken) report(collector, fileStats);
  if (failure !== undefined) throw failure;
}

/** The exporters' counters, and those of all together; of files, these alone. */
function report(collector: Collector, fileStats: CollectorStats | undefined): void {
  if (!fileStats) for (const line of exporterLines(collector.exporters())) note(line);
  note(summary(fileStats ?? collector.stats()));
}

/** @throws CtflowError CTFLOW_USAGE */
function checkFiles(command: Command): void {
  if (command.getOptionValueSource('listen') !== 'cli') return;
  throw new CtflowError('CTFLOW_USAGE', '--listen does not go with files', 'Give files, or --listen');
}

/** @returns what was wrong with files, to be thrown at the very end */
async function untilRead(
  files: readonly string[],
  options: CollectFileOptions,
  ended: Promise<void>,
): Promise<unknown> {
  const stopping = new AbortController();
  const stop = ended.finally(() => stopping.abort());
  const read = collectFiles(files, { ...options, signal: stopping.signal }).catch((error: unknown) => error);
  // the reader of the output may stand still
  return Promise.race([read, stop]);
}

/** @throws CtflowError CTFLOW_USAGE, CTFLOW_TLS, Mistakes for several */
function checkTls(listen: readonly Endpoint[], flags: CollectFlags): void {
  const tls = listen.find(isSecured);
  for (const [name, value] of Object.entries(flags)) {
    if (!tls && name.startsWith('tls') && value !== undefined) {
      note(
        `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)} has no effect without tls:// or dtls:// in --listen`,
      );
    }
  }
  if (!tls) return;
  throwMistakes([...lackingOf(tls, flags), ...tlsFileErrors(flags)]);
  if (flags.tlsCa === undefined)
    note('without --tls-ca no exporter needs a certificate: whoever reaches this port may send');
}

/** Templates that come over TCP last as long as their connection (RFC 7011 section 8.1). */
function lifetimeWithoutEffect(listen: readonly Endpoint[], command: Command): boolean {
  return isGiven(command, 'templateLifetime') && !listen.some(isDatagram);
}

function newPromise(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>(done => (resolve = done));
  return { promise, resolve };
}
