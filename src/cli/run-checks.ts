import { isIP } from 'node:net';
import type { Backend } from '../backend/backend.js';
import { formatEndpoint } from '../common/endpoint.js';
import { CtflowError } from '../common/errors.js';
import type { EventsOptions } from '../ingest/conntrack-events.js';
import { checkFieldList } from '../ipfix/field-list.js';
import { LEAST_POLL_INTERVAL } from '../ingest/poll-interval.js';
import { endedRoom } from '../schedule/ended-room.js';
import type { Source } from '../sources/source.js';
import type { RunFlags } from './run-flags.js';
import { readTlsFiles, type TlsFileNames } from '../transport/tls-files.js';
import { needsKernel } from './source-flags.js';

/**
 * What can be wrong with the flags of `ctflow run` together. Before anything is opened, so that a usage error is one for
 * every user.
 * @throws CtflowError CTFLOW_USAGE
 */
export function checkRun(flags: RunFlags, backend: Backend): void {
  const sourceKind = sourceKindOf(flags, backend);
  const events = eventKind(flags, sourceKind);
  if (flags.tcpStateHistory && events !== 'all') {
    throw new CtflowError(
      'CTFLOW_USAGE',
      '--tcp-state-history needs --events all',
      'Add --events all, or remove --tcp-state-history',
    );
  }
  endedRoom(
    Math.max(flags.maxConnections, flags.maxDenied),
    flags.collector.map(() => flags.endedQueue),
  );
  if (events !== 'off') needsKernel('--events', flags.source);
  if (flags.nflogGroup) needsKernel('--nflog-group', flags.source);
  if (flags.state !== undefined && sourceKind !== 'netlink') {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `--state needs conntrack ids and start times, which source ${sourceKind} does not have`,
      'Use the native backend with --source kernel, or remove --state',
    );
  }
  checkLocalEnd(flags);
  checkTls(flags);
  if (flags.profile === 'antrea') {
    if (flags.biflow !== 'reverse') standardOnly(`--biflow ${flags.biflow}`);
    if (flags.netfilterElements) standardOnly('--netfilter-elements');
    if (flags.fields) standardOnly('--fields');
    if (flags.interfaces !== 'none') standardOnly('--interfaces');
  }
  if (flags.fields) checkFields(flags.fields, flags);
  if (flags.fields && flags.interfaces !== 'none') {
    throw new CtflowError(
      'CTFLOW_USAGE',
      '--interfaces does not go with --fields, whose list has no interfaces',
      'Remove one of them',
    );
  }
  if (flags.fileKeepSize !== 'off' && flags.fileKeepSize < flags.fileMaxSize) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `--file-keep-size (${flags.fileKeepSize}) is below --file-max-size (${flags.fileMaxSize}): a file would be removed as soon as it is closed`,
      'Give a larger --file-keep-size, or off',
    );
  }
  if (flags.statsInterval > 0 && flags.statsInterval < 1000) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `--stats-interval: '${flags.statsInterval}ms' is out of range`,
      'Write 0s, or a duration from 1s to 24h',
    );
  }
}

/** @throws CtflowError CTFLOW_USAGE */
function checkLocalEnd({ localAddress, localPort, collector }: RunFlags): void {
  const peers = collector.filter(endpoint => endpoint.protocol !== 'file');
  if (localPort !== undefined && peers.length > 1) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      '--local-port does not go with several collectors: a port belongs to one socket',
      'Remove it, or run an exporter for each collector',
    );
  }
  const family = isIP(localAddress ?? '');
  const other = peers.find(({ host }) => family !== 0 && isIP(host) !== 0 && isIP(host) !== family);
  if (other === undefined) return;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `--local-address ${localAddress} cannot reach ${formatEndpoint(other)}: one is IPv4, the other IPv6`,
    'Give a local address of the family of the collector',
  );
}

/** @throws CtflowError CTFLOW_USAGE, CTFLOW_TLS */
function checkTls(flags: RunFlags): void {
  if (!flags.collector.some(({ protocol }) => protocol === 'tls')) return;
  checkCertificate(flags);
  readTlsFiles(flags);
}

/** @throws CtflowError CTFLOW_USAGE */
export function checkCertificate({ tlsCertificate, tlsKey }: TlsFileNames): void {
  if ((tlsCertificate === undefined) === (tlsKey === undefined)) return;
  const [given, missing] = tlsKey === undefined ? ['certificate', 'key'] : ['key', 'certificate'];
  throw new CtflowError('CTFLOW_USAGE', `--tls-${given} needs --tls-${missing}`, `Give --tls-${missing} too`);
}

/** @throws CtflowError CTFLOW_USAGE */
function checkFields(fields: readonly string[], { biflow, tcpStateHistory }: RunFlags): void {
  checkFieldList(fields, biflow);
  const state = fields.find(name => name === 'tcpState' || name === 'tcpStatePrevList');
  if (state === undefined || tcpStateHistory) return;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `--fields: '${state}' needs --tcp-state-history`,
    'Add --tcp-state-history, or remove the element',
  );
}

/** @throws CtflowError CTFLOW_USAGE */
function standardOnly(flag: string): never {
  throw new CtflowError(
    'CTFLOW_USAGE',
    `${flag} does not go with --profile antrea, which has the elements of its own collector`,
    'Remove one of them',
  );
}

type Name = keyof RunFlags & string;

/**
 * Flags that were given and change nothing, because of others.
 * @param given whether a flag was given, in the command line or by a variable
 * @returns a sentence for each
 */
export function flagsWithoutEffect(flags: RunFlags, backend: Backend, given: (name: Name) => boolean): string[] {
  const found: string[] = [];
  /** @param names of flags that were given in vain */
  const without = (why: string, ...names: Name[]): void => {
    for (const name of names) if (given(name)) found.push(`${flagName(name)} has no effect ${why}`);
  };
  const sourceKind = sourceKindOf(flags, backend);
  const udp = flags.collector.some(({ protocol }) => protocol === 'udp');
  const tcp = flags.collector.some(({ protocol }) => protocol !== 'udp');
  const tls = flags.collector.some(({ protocol }) => protocol === 'tls');
  if (!udp) {
    without('without a UDP collector', 'mtu', 'templateRefreshInterval', 'templateRefreshPackets', 'udpSegmentation');
  } else if (backend.name === 'fallback') {
    without('with the fallback backend', 'udpSegmentation');
    if (flags.mtu === 'path')
      found.push(
        '--mtu path has no effect with the fallback backend, which cannot ask the system: packets have 512 octets',
      );
  }
  // a rate that is a number holds for TCP too
  if (!udp && typeof flags.maxRate !== 'number')
    without('without a UDP collector: over TCP nothing is spread', 'maxRate');
  if (!tcp) without('without a TCP or TLS collector', 'reconnectInterval', 'connectionLifetime', 'collectorBuffer');
  if (!tls) without('without a TLS collector', 'tlsCa', 'tlsCertificate', 'tlsKey', 'tlsServerName', 'tlsPeerName');
  const files = flags.collector.some(({ protocol }) => protocol === 'file');
  if (!files) without('without a file:// collector', 'fileMaxSize', 'fileMaxAge', 'fileKeep', 'fileKeepSize');
  if (eventKind(flags, sourceKind) === 'off') without('without --events', 'eventBuffer', 'dyingLimit', 'holdEnded');
  else if (flags.holdEnded === 'off') without('with --hold-ended off', 'dyingLimit');
  if (!flags.nflogGroup) without('without --nflog-group', 'nflogBuffer', 'maxDenied');
  if (flags.fields) without('with --fields: name mark and conntrack_id there', 'netfilterElements');
  const { optionsInterval = flags.profile === 'antrea' ? 0 : 1 } = flags;
  if (optionsInterval === 0) without('without options records', 'deprecatedSampling');
  if (flags.observationDomain !== undefined) without('with --observation-domain', 'instance');
  if (sourceKind === 'replay') without('with a recording', 'setupSysctl', 'pollBudget');
  else if (flags.flowPollInterval !== 'auto') without('with a fixed --flow-poll-interval', 'pollBudget');
  if (flags.profile !== 'antrea' && !asksFor(flags, INVENTORY_FIELDS))
    without('without --profile antrea: only that exports names, and --filter asks for none', 'inventory');
  if (['silent', 'error', 'warn'].includes(flags.logLevel) && flags.statsInterval > 0) {
    without(`with --log-level ${flags.logLevel}`, 'statsInterval');
  }
  return [...found, ...fieldsWithoutSource(flags), ...timeoutsWithoutEffect(flags)];
}

/** Fields of a filter that an inventory fills, and those that denied packets do. */
const INVENTORY_FIELDS = ['src.pod', 'src.namespace', 'src.node', 'dst.pod', 'dst.namespace', 'dst.node', 'service'];
const DENIED_FIELDS = ['denied', 'rule'];

function asksFor({ filter }: RunFlags, fields: readonly string[]): string | undefined {
  return fields.find(field => filter?.fields.has(field));
}

/** What a filter asks for and is never known. */
function fieldsWithoutSource(flags: RunFlags): string[] {
  const found: string[] = [];
  const name = flags.inventory === undefined ? asksFor(flags, INVENTORY_FIELDS) : undefined;
  if (name !== undefined) found.push(`--filter asks for ${name}, which is not known without --inventory`);
  const denied = flags.nflogGroup ? undefined : asksFor(flags, DENIED_FIELDS);
  if (denied !== undefined) found.push(`--filter asks for ${denied}, which is not known without --nflog-group`);
  return found;
}

/** Timeouts that another one overtakes; defaults count as well. */
function timeoutsWithoutEffect(flags: RunFlags): string[] {
  const found: string[] = [];
  const above = (longer: Name, shorter: Name, then: string): void => {
    const [long, short] = [milliseconds(flags[longer]), milliseconds(flags[shorter])];
    if (long > short)
      found.push(`${flagName(longer)} (${long} ms) is above ${flagName(shorter)} (${short} ms): ${then}`);
  };
  const late = 'what is due is noticed at the next poll only';
  above('flowPollInterval', 'activeFlowExportTimeout', late);
  above('flowPollInterval', 'idleFlowExportTimeout', late);
  above('flowPollInterval', 'staleConnectionTimeout', 'ended connections may be dropped before the next poll');
  const dropped = 'an ended connection can be dropped before that';
  above('idleFlowExportTimeout', 'staleConnectionTimeout', dropped);
  above('activeFlowExportTimeout', 'staleConnectionTimeout', dropped);
  return found;
}

/** @param time `auto` for what a poll interval is at least */
function milliseconds(time: RunFlags[Name]): number {
  return time === 'auto' ? LEAST_POLL_INTERVAL : (time as number);
}

function flagName(name: Name): string {
  return `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

/** By default where the source has them. */
export function eventKind({ events }: RunFlags, source: Source['kind']): EventsOptions['kind'] | 'off' {
  return events ?? (source === 'netlink' ? 'destroy' : 'off');
}

/** The capabilities that do what these flags want, without root. */
export function neededCapabilities(flags: RunFlags, { kind }: Source): string[] {
  const needed: string[] = [];
  if (kind === 'netlink') {
    needed.push('CAP_NET_ADMIN');
    if (flags.netns !== undefined) needed.push('CAP_SYS_ADMIN');
    if (eventKind(flags, kind) !== 'off' && flags.holdEnded !== 'off') needed.push('CAP_BPF');
  }
  if (kind === 'procfs') {
    needed.push('CAP_DAC_READ_SEARCH');
    if (flags.setupSysctl) needed.push('CAP_NET_ADMIN');
  }
  return needed;
}

function sourceKindOf({ source }: RunFlags, { name }: Backend): Source['kind'] {
  if (source === 'kernel') return name === 'native' ? 'netlink' : 'procfs';
  return source === 'procfs' ? 'procfs' : 'replay';
}
