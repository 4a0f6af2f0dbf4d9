import { Command } from 'commander';
import { loadBackend } from '../../backend/load.js';
import { FileSender, type SendCounts } from '../../collector/file/file-sender.js';
import { formatDestination, type DestinationEndpoint } from '../../common/destination-endpoint.js';
import { isDatagram, isSecured } from '../../common/endpoint.js';
import { CtflowError, describeError } from '../../common/errors.js';
import { note } from '../../common/terminal/standard-streams.js';
import { U16_MAX, U32_MAX } from '../../common/unsigned.js';
import { createTransport } from '../../destination/create-transport.js';
import { DESTINATION_DEFAULTS } from '../../destination/destination-options.js';
import { explained } from '../../destination/failure-meaning.js';
import { CHECKED } from '../../transport/dtls/transport.js';
import type { TlsClientOptions } from '../../transport/tls-options.js';
import { tlsFileErrors } from '../../transport/tls-files.js';
import { tlsSettings } from '../../config/destination-settings.js';
import { duration, numberOr } from '../../config/kind.js';
import { addSettings, isGiven } from '../../config/options.js';
import { collector } from '../../config/run-settings.js';
import { throwMistakes } from '../../config/mistakes.js';
import { about, defaulted, flagName, setting } from '../../config/setting.js';
import { backendSetting } from '../../config/source-settings.js';
import { Progress } from '../progress.js';
import { handleSignals } from '../signals.js';
import { describeDamage } from './collect-files.js';

/** Records a second over UDP, where no rate is given: what a collector's socket takes. */
const UDP_RATE = 20_000;

interface SendFlags extends TlsClientOptions {
  collector?: DestinationEndpoint;
  mtu: number | 'path';
  maxRate: number | 'auto' | 'off';
  /** Milliseconds. */
  timeout: number;
  backend: 'auto' | 'native' | 'fallback';
}

const sendSettings = {
  collector: setting(
    '',
    collector,
    'udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, dtls://HOST:PORT, or file:///PATH for another file',
  ),
  mtu: defaulted(
    '',
    numberOr('<bytes|path>', 256, U16_MAX, ['path']),
    DESTINATION_DEFAULTS.mtu,
    'UDP, DTLS: largest IP packet; path for what the path carries (native only)',
  ),
  maxRate: defaulted(
    '',
    numberOr('<records>', 1, U32_MAX, ['auto', 'off']),
    'auto',
    `records a second at most; auto: ${UDP_RATE} over UDP and DTLS, else off; off: no limit`,
  ),
  timeout: defaulted('', duration('100ms', '24h'), 30_000, 'give up when the collector takes nothing for this time'),
  ...backendSetting,
  ...tlsSettings,
};

/** `ctflow send` */
export function sendCommand(): Command {
  return addSettings(new Command('send'), sendSettings)
    .description('send the records of IPFIX files to a collector')
    .argument('<file...>', 'IPFIX files (RFC 5655), sent one after another')
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
  if (!collector) throw new CtflowError('CTFLOW_USAGE', '--collector is missing', 'Write --collector udp://HOST:PORT');
  const udp = isDatagram(collector);
  if (!udp && isGiven(command, 'mtu')) note('--mtu has no effect without a UDP or DTLS collector');
  checkTls(flags, isSecured(collector), command);
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
  const stopping = new AbortController();
  let said = '';
  const sender = new FileSender({
    ...options,
    createTransport: () => createTransport(collector, { ...options, fileMaxSize: Infinity }, backend, { tlsFailed }),
    maxRate: maxRate === 'auto' ? (udp ? UDP_RATE : 'off') : maxRate,
    timeout,
    closed: (why, uncertain) => {
      // a DTLS session was renewed; or it is tried again, in vain for the same reason
      if (why === CHECKED || (why === said && uncertain === 0)) return;
      said = why;
      note(
        `${name}: ${explained(why)}; trying again${uncertain > 0 ? ` (${uncertain} records may not have been read)` : ''}`,
      );
    },
    signal: stopping.signal,
  });
  const signals = handleSignals({
    report: () => note(summary(sender.counts(), name)),
    cutShort: signal => note(`${signal} again: ended at once; ${summary(sender.counts(), name)}`),
  });
  void signals.stopped.then(() => stopping.abort());
  let damaged = 0;
  let file = 0;
  const far = (): string =>
    `file ${file} of ${files.length}, ${sender.counts().transport.records.toLocaleString('en-US')} records sent`;
  const progress = new Progress(far);
  try {
    for (const path of files) {
      file++;
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
    progress.close();
    note(summary(sender.counts(), name));
  }
  const problem = whatIsMissing(sender.counts(), damaged, files.length);
  if (problem !== undefined)
    throw new CtflowError('CTFLOW_UNEXPORTED', problem, 'The lines above say which files, and the counters why');
}

/** @throws CtflowError CTFLOW_USAGE, CTFLOW_TLS */
function checkTls(flags: SendFlags, tls: boolean, command: Command): void {
  for (const [key, schema] of tls ? [] : Object.entries(tlsSettings))
    if (isGiven(command, key)) note(`${flagName(key, about(schema))} has no effect without a TLS or DTLS collector`);
  if (!tls) return;
  const { tlsCertificate, tlsKey } = flags;
  const found: CtflowError[] = [];
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    const [given, missing] = tlsKey === undefined ? ['certificate', 'key'] : ['key', 'certificate'];
    const what = `--tls-${given} needs --tls-${missing}`;
    found.push(new CtflowError('CTFLOW_USAGE', what, `Give --tls-${missing} too`));
  }
  throwMistakes([...found, ...tlsFileErrors(flags)]);
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
