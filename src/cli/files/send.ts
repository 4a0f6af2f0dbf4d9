import { Command } from 'commander';
import { loadBackend } from '../../backend/load.js';
import { FileSender, type SendCounts } from '../../collector/file/file-sender.js';
import { formatDestination, type DestinationEndpoint } from '../../common/destination-endpoint.js';
import { CtflowError, describeError } from '../../common/errors.js';
import { note } from '../../common/terminal/standard-streams.js';
import { U16_MAX, U32_MAX } from '../../common/unsigned.js';
import { createTransport } from '../../destination/create-transport.js';
import { DESTINATION_DEFAULTS } from '../../destination/destination.js';
import type { TlsClientOptions } from '../../transport/tls-client.js';
import { readTlsFiles } from '../../transport/tls-files.js';
import { flag, timeFlag } from '../flag.js';
import { checkCertificate } from '../run-checks.js';
import { tlsFlags } from '../run-flags.js';
import { handleSignals } from '../signals.js';
import { backendFlag } from '../source-flags.js';
import { collectorAddress, numberOr } from '../values.js';
import { describeDamage } from './collect-files.js';

/** Records a second over UDP, where no rate is given: what a collector's socket takes. */
const UDP_RATE = 20_000;

interface SendFlags extends TlsClientOptions {
  collector: DestinationEndpoint;
  mtu: number | 'path';
  maxRate: number | 'auto' | 'off';
  /** Milliseconds. */
  timeout: number;
  backend: 'auto' | 'native' | 'fallback';
}

/** `ctflow send` */
export function sendCommand(): Command {
  const command = new Command('send')
    .description('send the records of IPFIX files to a collector')
    .argument('<file...>', 'IPFIX files (RFC 5655), sent one after another')
    .addOption(
      flag('--collector <address>', 'udp://HOST:PORT, tcp://HOST:PORT, or file:///PATH for another file')
        .argParser(collectorAddress)
        .makeOptionMandatory(),
    )
    .addOption(
      flag('--mtu <bytes|path>', 'UDP: largest IP packet; path for what the path carries (native only)')
        .argParser(numberOr(256, U16_MAX, ['path']))
        .default(DESTINATION_DEFAULTS.mtu),
    )
    .addOption(
      flag('--max-rate <records>', `records a second at most; auto: ${UDP_RATE} over UDP, else off; off: no limit`)
        .argParser(numberOr(1, U32_MAX, ['auto', 'off']))
        .default('auto'),
    )
    .addOption(
      timeFlag('--timeout <time>', 'give up when the collector takes nothing for this time', '100ms', '24h', 30_000),
    )
    .addOption(backendFlag());
  for (const option of tlsFlags()) command.addOption(option.helpGroup('TLS:'));
  return command
    .addHelpText(
      'after',
      `
The records keep their templates, observation domains and export times; sequence numbers are those of a session of its own.
A message that is too large for the way to the collector is sent as several. The exit code is 0 where every record of every
file was taken.

Examples:
  $ ctflow send flows-*.ipfix --collector tcp://collector.example:4739
  $ ctflow send flows.ipfix --collector udp://192.0.2.10:4739 --mtu 1400 --max-rate 5000`,
    )
    .action(send);
}

async function send(files: readonly string[], flags: SendFlags, command: Command): Promise<void> {
  const { collector, mtu, timeout, maxRate } = flags;
  const udp = collector.protocol === 'udp';
  const given = (name: string): boolean => ['cli', 'env'].includes(command.getOptionValueSource(name)!);
  if (!udp && given('mtu')) note('--mtu has no effect without a UDP collector');
  checkTls(flags, collector.protocol === 'tls', given);
  const backend = await loadBackend(flags.backend, note);
  const name = formatDestination(collector);
  const options = {
    ...DESTINATION_DEFAULTS,
    ...flags,
    mtu,
    fileMaxAge: 'off',
    fileKeep: 'all',
    fileKeepSize: 'off',
  } as const;
  const tlsFailed = (error: unknown): void => note(describeError(error));
  let stopped = false;
  const sender = new FileSender({
    ...options,
    createTransport: () => createTransport(collector, { ...options, fileMaxSize: Infinity }, backend, { tlsFailed }),
    maxRate: maxRate === 'auto' ? (udp ? UDP_RATE : 'off') : maxRate,
    timeout,
    closed: (why, uncertain) =>
      note(`${name}: ${why}; trying again${uncertain > 0 ? ` (${uncertain} records may not have been read)` : ''}`),
    stopped: () => stopped,
  });
  const signals = handleSignals({
    report: () => note(summary(sender.counts(), name)),
    cutShort: signal => note(`${signal} again: ended at once; ${summary(sender.counts(), name)}`),
  });
  void signals.stopped.then(() => (stopped = true));
  let damaged = 0;
  try {
    for (const path of files) {
      try {
        const damage = await sender.send(path);
        if (damage === undefined) continue;
        note(describeDamage(path, damage));
      } catch (error) {
        if (!(error instanceof CtflowError) || error.code !== 'CTFLOW_IPFIX') throw error;
        note(describeError(error));
      }
      damaged++;
    }
  } finally {
    await sender.close();
    note(summary(sender.counts(), name));
  }
  const problem = whatIsMissing(sender.counts(), damaged, files.length);
  if (problem !== undefined)
    throw new CtflowError('CTFLOW_UNEXPORTED', problem, 'The lines above say which files, and the counters why');
}

/** @throws CtflowError CTFLOW_USAGE, CTFLOW_TLS */
function checkTls(flags: SendFlags, tls: boolean, given: (name: string) => boolean): void {
  for (const option of tls ? [] : tlsFlags())
    if (given(option.attributeName())) note(`${option.long} has no effect without a TLS collector`);
  if (!tls) return;
  checkCertificate(flags);
  readTlsFiles(flags);
}

/** @returns undefined where every record of every file was taken */
function whatIsMissing(counts: SendCounts, damaged: number, files: number): string | undefined {
  const { malformedMessages, undecodableSets, refusedTemplates, records, oversizeRecords, transport } = counts;
  const unsent = records - oversizeRecords - transport.records - transport.lostRecords - transport.uncertainRecords;
  const missing: [number, string][] = [
    [damaged, `of ${files} files could not be read to their end`],
    [malformedMessages, 'malformed messages were left out'],
    [undecodableSets, 'sets without a template were left out'],
    [refusedTemplates, 'templates were refused'],
    [oversizeRecords, 'records were too large for the MTU'],
    [transport.lostRecords, 'records did not arrive'],
    [transport.uncertainRecords, 'records may not have been read'],
    [unsent, 'records were not sent'],
  ];
  const found = missing.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return found.length > 0 ? found.join(', ') : undefined;
}

function summary({ messages, records, transport }: SendCounts, name: string): string {
  return (
    `read ${records} records in ${messages} messages; sent ${transport.records} records in ` +
    `${transport.messages} messages to ${name}`
  );
}
