import { isIP } from 'node:net';
import type { Backend } from '../backend/backend.js';
import { formatEndpoint, isDatagram, isSecured } from '../common/endpoint.js';
import { CtflowError } from '../common/errors.js';
import { MAX_HOLDERS as MOST_DESTINATIONS } from '../store/flow-listeners.js';
import type { DestinationConfig, RunConfig } from '../config/run-config.js';
import type { RunSettings } from '../config/run-settings.js';
import type { Path } from '../config/mistakes.js';
import { destinationSettings } from '../config/destination-settings.js';
import { recorderSettings } from '../config/recorder-settings.js';
import { canonicalAddress } from '../config/values.js';
import type { EventsOptions } from '../ingest/conntrack-events.js';
import { needOf } from '../ipfix/field-list/elements.js';
import { mistakesOf } from '../ipfix/field-list/field-list.js';
import { LEAST_POLL_INTERVAL } from '../ingest/poll-interval.js';
import { tlsFileFaults } from '../transport/tls-files.js';
import { FIELDS } from '../filter/fields.js';
import { isNat } from '../record/nat-log.js';
import { endedRoom } from '../schedule/ended-room.js';
import type { Source } from '../sources/source.js';

/**
 * What can be wrong with the settings of `ctflow run` together. Before anything is opened, so that a usage error is one for
 * every user.
 */
export function checkRun(config: RunConfig, backend: Backend): CtflowError[] {
  const { settings, destinations } = config;
  const found: CtflowError[] = [];
  const sourceKind = sourceKindOf(settings, backend);
  const events = eventKind(settings, sourceKind);
  const say = (key: keyof RunSettings, value?: string): string => config.say([key], value);
  const kernelOnly = (key: keyof RunSettings): void => {
    if (settings.source === 'kernel') return;
    const what = `${say(key)} needs ${say('source', 'kernel')}, not ${settings.source}`;
    found.push(...config.conflict([[key], ['source']], what, 'Remove one of them'));
  };
  if (settings.netns !== undefined) kernelOnly('netns');
  if (settings.tcpStateHistory && events !== 'all') {
    const all = say('events', 'all');
    const what = `${say('tcpStateHistory')} needs ${all}`;
    const hint = `Add ${all}, or remove ${say('tcpStateHistory')}`;
    found.push(...config.conflict([['tcpStateHistory'], ['events']], what, hint));
  }
  if (events !== 'off') kernelOnly('events');
  if (settings.nflogGroup) kernelOnly('nflogGroup');
  if (settings.state !== undefined && sourceKind !== 'netlink') {
    const what = `${say('state')} needs conntrack ids and start times, which source ${sourceKind} does not have`;
    const hint = `Use the native backend with ${say('source', 'kernel')}, or remove ${say('state')}`;
    found.push(...config.conflict([['state'], ['source'], ['backend']], what, hint));
  }
  if (settings.recordLast !== undefined && sourceKind !== 'netlink') {
    const what = `${say('recordLast')} records netlink, which source ${sourceKind} does not have`;
    const hint = `Use the native backend with ${say('source', 'kernel')}, or remove ${say('recordLast')}`;
    found.push(...config.conflict([['recordLast'], ['source'], ['backend']], what, hint));
  }
  try {
    endedRoom(
      Math.max(settings.maxConnections, settings.maxDenied),
      destinations.map(({ endedQueue }) => endedQueue),
    );
  } catch (error) {
    const { message, hint = '' } = error as CtflowError;
    found.push(
      ...config.conflict(
        [['maxConnections'], ['maxDenied'], ['endedQueue']],
        config.inWords(message),
        config.inWords(hint),
      ),
    );
  }
  if (settings.state !== undefined && destinations.length === 0) {
    const what = `${say('state')} needs a destination: it keeps what was exported`;
    found.push(...config.conflict([['state']], what, `Give --collector, or remove ${say('state')}`));
  }
  return [...found, ...checkDestinations(config, sourceKind)];
}

type StandardOnly = 'biflow' | 'netfilterElements' | 'fields' | 'interfaces' | 'aggregateKeys';

function checkDestinations(config: RunConfig, sourceKind: Source['kind']): CtflowError[] {
  const { destinations } = config;
  const found: CtflowError[] = [];
  if (destinations.length > MOST_DESTINATIONS) {
    const what = `There are ${destinations.length} destinations; ${MOST_DESTINATIONS} are possible`;
    found.push(...config.conflict([['destinations']], what, 'Remove some, or run a second exporter'));
  }
  for (const [i, destination] of destinations.entries()) {
    const path = (key: 'profile' | StandardOnly): Path => config.pathOf(destination, key);
    const standardOnly = (key: StandardOnly, value: string | undefined): void => {
      const profile = config.say(path('profile'), destination.profile);
      const whose = destination.profile === 'antrea' ? 'the elements of its own collector' : 'elements of its own';
      const what = `${config.say(path(key), value)} does not go with ${profile}, which has ${whose}`;
      found.push(...config.conflict([path(key), path('profile')], what, 'Remove one of them'));
    };
    if (destination.profile !== 'standard') {
      if (destination.profile === 'antrea' && destination.biflow !== 'reverse')
        standardOnly('biflow', destination.biflow);
      if (destination.netfilterElements) standardOnly('netfilterElements', undefined);
      if (destination.fields) standardOnly('fields', undefined);
      if (destination.interfaces !== 'none') standardOnly('interfaces', undefined);
      if (destination.aggregateKeys) standardOnly('aggregateKeys', undefined);
    }
    if (destination.interfaces === 'route' && sourceKind !== 'netlink') {
      const [route, kernel] = [config.say(path('interfaces'), 'route'), config.say(['source'], 'kernel')];
      const what = `${route} asks the kernel for routes by netlink, which the native backend with ${kernel} alone can do`;
      const hint = `Use that backend and source, or remove ${config.say(path('interfaces'))}`;
      found.push(...config.conflict([path('interfaces'), ['source'], ['backend']], what, hint));
    }
    if (destination.interfaces === 'route' && destination.aggregateKeys) {
      const keys = config.pathOf(destination, 'aggregateKeys');
      const what = `${config.say(path('interfaces'), 'route')} does not go with ${config.say(keys)}: a sum has flows of several interfaces`;
      found.push(...config.conflict([path('interfaces'), keys], what, 'Remove one of them'));
    }
    found.push(
      ...checkLocalEnd(config, destination),
      ...checkTls(config, destination),
      ...checkFields(config, destination),
      ...checkNat(config, destination),
      ...checkFiles(config, destination),
    );
    const twin = destinations.slice(0, i).find(other => isTwin(other, destination));
    if (twin) {
      const what = `${destination.name} has the address and the observation domain of ${twin.name}: over UDP its collector cannot tell them apart`;
      const named = (one: DestinationConfig, key: string): Path => ['destinations', one.name, key];
      const paths = [destination, twin].flatMap(one => [
        named(one, 'observationDomain'),
        named(one, 'flowCollectorAddr'),
      ]);
      found.push(...config.conflict(paths, what, 'Give each an observationDomain of its own'));
    }
  }
  // a setting of all destinations is wrong once
  return found.filter(({ message }, i) => found.findIndex(other => other.message === message) === i);
}

function checkLocalEnd(config: RunConfig, destination: DestinationConfig): CtflowError[] {
  const { localAddress, localPort, endpoint } = destination;
  const path = (key: 'localAddress' | 'localPort'): Path => config.pathOf(destination, key);
  const found: CtflowError[] = [];
  if (
    endpoint.protocol !== 'file' &&
    localPort !== undefined &&
    config.destinations.some(
      other => other !== destination && other.endpoint.protocol !== 'file' && other.localPort === localPort,
    )
  ) {
    const what = `${config.say(path('localPort'))} does not go with several collectors: a port belongs to one socket`;
    found.push(...config.conflict([path('localPort')], what, 'Remove it, or give each destination a port of its own'));
  }
  if (endpoint.protocol === 'file') return found;
  const [own, other] = [isIP(localAddress ?? ''), isIP(endpoint.host)];
  if (own !== 0 && other !== 0 && own !== other) {
    const what = `${config.say(path('localAddress'), localAddress)} cannot reach ${formatEndpoint(endpoint)}: one is IPv4, the other IPv6`;
    const hint = 'Give a local address of the family of the collector';
    found.push(...config.conflict([path('localAddress')], what, hint));
  }
  return found;
}

function checkFiles(config: RunConfig, destination: DestinationConfig): CtflowError[] {
  const { endpoint, name, fileKeepSize, fileMaxSize } = destination;
  if (endpoint.protocol !== 'file') return [];
  const { destinations } = config;
  const twin = destinations
    .slice(0, destinations.indexOf(destination))
    .find(other => other.endpoint.protocol === 'file' && other.endpoint.path === endpoint.path);
  if (twin) {
    const paths = [name, twin.name].map(one => ['destinations', one, 'flowCollectorAddr']);
    return config.conflict(paths, `${name} has the file of ${twin.name}`, 'Give each a file of its own');
  }
  if (fileKeepSize === 'off' || fileKeepSize >= fileMaxSize) return [];
  const [keep, most] = [config.pathOf(destination, 'fileKeepSize'), config.pathOf(destination, 'fileMaxSize')];
  const what = `${config.say(keep)} (${fileKeepSize}) is below ${config.say(most)} (${fileMaxSize}): a file would be removed as soon as it is closed`;
  return config.conflict([keep, most], what, `Give a larger ${config.say(keep)}, or off`);
}

function checkFields(config: RunConfig, destination: DestinationConfig): CtflowError[] {
  const { fields, biflow, interfaces } = destination;
  if (!fields || destination.profile !== 'standard') return [];
  const path = config.pathOf(destination, 'fields');
  const { inventory, nflogGroup, tcpStateHistory } = config.settings;
  const needs = {
    inventory: ['inventory'],
    denied: ['nflogGroup'],
    tcpStates: ['tcpStateHistory'],
    interfaces: config.pathOf(destination, 'interfaces'),
  };
  // whoever wrote a file or variables knows no flags
  const named = (text: string): string =>
    config.inWords(
      text
        .replace('--interfaces', config.say(needs.interfaces))
        .replace(`--biflow ${biflow}`, config.say(config.pathOf(destination, 'biflow'), biflow)),
    );
  const found = mistakesOf(fields, {
    biflow,
    interfaces,
    observationDomain: 0,
    inventory: inventory !== undefined,
    denied: nflogGroup !== undefined,
    tcpStates: tcpStateHistory,
  }).flatMap(({ what, hint, item, need }) => {
    const place = config.pathOfItem(path, item, fields.length);
    const paths = need === undefined ? [place] : [place, needs[need]];
    return config.conflict(paths, `${config.say(place)}: ${named(what)}`, named(hint));
  });
  if (found.length > 0) return found;
  if (interfaces !== 'none' && !fields.some(name => name.endsWith('gressInterface'))) {
    const its = config.pathOf(destination, 'interfaces');
    const what = `${config.say(its)} does not go with ${config.say(path)}, whose list has no interfaces`;
    const hint = 'Add ingressInterface and egressInterface to the list, or remove one of them';
    found.push(...config.conflict([its, path], what, hint));
  }
  if (destination.aggregateKeys) {
    const keys = config.pathOf(destination, 'aggregateKeys');
    const what = `${config.say(path)} does not go with ${config.say(keys)}: a sum has its keys, times and deltas`;
    found.push(...config.conflict([path, keys], what, 'Remove one of them'));
  }
  return found;
}

/** An event is exported at once, and what may still change of its connection cannot decide on it. */
function checkNat(config: RunConfig, destination: DestinationConfig): CtflowError[] {
  const { filter, profile } = destination;
  const changing = [...(filter?.fields ?? [])].filter(name => !FIELDS.get(name)?.lasting);
  if (profile !== 'nat' || changing.length === 0) return [];
  const [filterPath, profilePath] = [config.pathOf(destination, 'filter'), config.pathOf(destination, 'profile')];
  const nat = config.say(profilePath, 'nat');
  const what = `${config.say(filterPath)}: ${changing.join(' and ')} may change, which does not go with ${nat}: its events are exported at once`;
  const hint = 'Filter by addresses, ports, protocol, family, zone, snat or dnat';
  return config.conflict([filterPath, profilePath], what, hint);
}

function checkTls(config: RunConfig, destination: DestinationConfig): CtflowError[] {
  if (!isSecured(destination.endpoint)) return [];
  const { tlsCertificate, tlsKey } = destination;
  const found = tlsFileFaults(destination).map(({ setting, error }) =>
    config.atValue(config.pathOf(destination, setting), error),
  );
  if ((tlsCertificate === undefined) === (tlsKey === undefined)) return found;
  const [given, missing] =
    tlsKey === undefined ? (['tlsCertificate', 'tlsKey'] as const) : (['tlsKey', 'tlsCertificate'] as const);
  const there = config.pathOf(destination, given);
  const lacking = config.pathOf(destination, missing);
  const what = `${config.say(there)} needs ${config.say(lacking)}`;
  return [...config.conflict([there, lacking], what, `Give ${config.say(lacking)} too`), ...found];
}

/** Over UDP a collector knows an exporter by its address and observation domain (RFC 7011 section 10.3). */
function isTwin(one: DestinationConfig, other: DestinationConfig): boolean {
  if (one.endpoint.protocol !== 'udp' || other.endpoint.protocol !== 'udp') return false;
  if (one.observationDomain !== other.observationDomain) return false;
  return canonicalAddress(one.endpoint) === canonicalAddress(other.endpoint);
}

/**
 * Settings that were given and change nothing, because of others.
 * @returns a sentence for each
 */
export function settingsWithoutEffect(config: RunConfig, backend: Backend): string[] {
  const { settings, destinations } = config;
  const found = new Set<string>();
  /** @param keys of settings that were given in vain */
  const without = (why: string, ...keys: (keyof RunSettings)[]): void => {
    for (const key of keys)
      if (config.isMeant(key)) found.add(`${config.say([key])} has no effect ${config.inWords(why)}`);
  };
  if (settings.recordLast === undefined) {
    const others = Object.keys(recorderSettings) as (keyof typeof recorderSettings)[];
    without(`without ${config.say(['recordLast'])}`, ...others.filter(key => key !== 'recordLast'));
  } else if (settings.recordAtFill === 0 && settings.recordAtDrops === 0) without('without a condition', 'recordPause');
  if (destinations.length === 0) {
    without('without a destination', ...(Object.keys(destinationSettings) as (keyof RunSettings)[]));
    const ofRecords = [
      'excludeSelf',
      'firstSight',
      'nat66Events',
      'routeMark',
      'staleConnectionTimeout',
      'tcpStateHistory',
    ] as const;
    without('without a destination', 'inventory', 'instance', ...ofRecords);
    return [...found];
  }
  const sourceKind = sourceKindOf(settings, backend);
  const DATAGRAM_ONLY = ['mtu', 'templateRefreshInterval', 'templateRefreshPackets'] as const;
  const TCP_ONLY = ['connectionLifetime', 'collectorBuffer'] as const;
  const TLS_ONLY = ['tlsCa', 'tlsCertificate', 'tlsKey', 'tlsServerName', 'tlsPeerName'] as const;
  const FILE_ONLY = ['fileMaxSize', 'fileMaxAge', 'fileKeep', 'fileKeepSize'] as const;
  const LOCAL_END = ['localAddress', 'localPort'] as const;
  const over = (...protocols: readonly string[]): boolean =>
    destinations.some(({ endpoint }) => protocols.includes(endpoint.protocol));
  const datagrams = over('udp', 'dtls');
  if (!datagrams) without('without a UDP or DTLS collector', ...DATAGRAM_ONLY);
  if (!over('dtls')) without('without a DTLS collector', 'handshakeInterval');
  if (!over('udp')) without('without a UDP collector', 'udpSegmentation');
  else if (backend.name === 'fallback') without('with the fallback backend', 'udpSegmentation');
  // a rate that is a number holds for TCP too
  if (!datagrams && typeof settings.maxRate !== 'number')
    without('without a UDP or DTLS collector: over TCP nothing is spread', 'maxRate');
  if (!over('tcp', 'tls')) without('without a TCP or TLS collector', ...TCP_ONLY);
  if (!over('tcp', 'tls', 'dtls')) without('without a TCP, TLS or DTLS collector', 'reconnectInterval');
  if (!over('tls', 'dtls')) without('without a TLS or DTLS collector', ...TLS_ONLY);
  if (!over('file')) without('without a file:// collector', ...FILE_ONLY);
  if (destinations.every(({ endpoint }) => endpoint.protocol === 'file'))
    without('where all collectors are files', ...LOCAL_END);
  for (const destination of destinations) {
    const { name, endpoint, own } = destination;
    if (backend.name === 'fallback' && endpoint.protocol === 'udp' && destination.mtu === 'path')
      found.add(
        `${config.say(config.pathOf(destination, 'mtu'), 'path')} has no effect with the fallback backend, which cannot ask the system: packets have 512 octets`,
      );
    const { protocol } = endpoint;
    const wrong: string[] = protocol === 'udp' ? [] : ['udpSegmentation'];
    if (!isDatagram(endpoint)) wrong.push(...DATAGRAM_ONLY);
    if (protocol !== 'dtls') wrong.push('handshakeInterval');
    if (isDatagram(endpoint) || protocol === 'file') wrong.push(...TCP_ONLY);
    if (protocol === 'udp' || protocol === 'file') wrong.push('reconnectInterval');
    if (protocol === 'file') wrong.push(...LOCAL_END);
    else wrong.push(...FILE_ONLY);
    if (!isSecured(endpoint)) wrong.push(...TLS_ONLY);
    for (const key of wrong)
      if (own.has(key)) found.add(`${config.say(['destinations', name, key])} has no effect over ${endpoint.protocol}`);
  }
  if (eventKind(settings, sourceKind) === 'off') without('without --events', 'eventBuffer', 'dyingLimit', 'holdEnded');
  else if (settings.holdEnded === 'off') without('with --hold-ended off', 'dyingLimit');
  if (!settings.nflogGroup) without('without --nflog-group', 'nflogBuffer', 'maxDenied');
  if (destinations.every(({ interfaces }) => interfaces !== 'route'))
    without('without --interfaces route', 'routeMark');
  if (destinations.every(({ fields }) => fields !== undefined))
    without('with --fields: name mark and conntrack_id there', 'netfilterElements');
  if (destinations.every(({ aggregateKeys }) => aggregateKeys !== undefined)) {
    without('with --aggregate-keys: name mark there', 'netfilterElements');
    without('with --aggregate-keys: sums have no states', 'tcpStateHistory');
  }
  if (destinations.every(({ aggregateKeys }) => aggregateKeys === undefined))
    without('without --aggregate-keys', 'aggregateInterval', 'aggregateLimit');
  if (destinations.every(one => (one.optionsInterval ?? (one.profile === 'antrea' ? 0 : 1)) === 0))
    without('without options records', 'deprecatedSampling');
  if (!destinations.some(isNat)) without('without --profile nat', 'natInstance', 'natTime', 'nat66Events');
  if (destinations.every(isNat)) {
    const flowsOnly = ['activeFlowExportTimeout', 'idleFlowExportTimeout', 'zeroDeltaRecords'] as const;
    without('with --profile nat alone: its records are those of events', ...flowsOnly);
    without('with --profile nat alone: it has no denied packets', 'nflogGroup', 'maxDenied', 'nflogBuffer');
    without('with --profile nat alone: it has no TCP states', 'tcpStateHistory');
  }
  if (destinations.every(({ observationDomain }) => observationDomain !== undefined))
    without('with --observation-domain', 'instance');
  if (sourceKind === 'replay') without('with a recording', 'setupSysctl', 'pollBudget');
  else if (settings.flowPollInterval !== 'auto') without('with a fixed --flow-poll-interval', 'pollBudget');
  if (destinations.every(one => one.profile !== 'antrea' && !hasNames(one) && !asksFor(one, INVENTORY_FIELDS)))
    without('without --profile antrea: --fields has no names, and --filter asks for none', 'inventory');
  if (['silent', 'error', 'warn'].includes(settings.logLevel) && settings.statsInterval > 0) {
    without(`with --log-level ${settings.logLevel}`, 'statsInterval');
  }
  for (const destination of destinations)
    for (const sentence of [...fieldsWithoutSource(config, destination), ...timeoutsWithoutEffect(config, destination)])
      found.add(sentence);
  return [...found];
}

/** Fields of a filter that an inventory fills, and those that denied packets do. */
const INVENTORY_FIELDS = ['src.pod', 'src.namespace', 'src.node', 'dst.pod', 'dst.namespace', 'dst.node', 'service'];
const DENIED_FIELDS = ['denied', 'rule'];

/** A list has elements that an inventory fills. */
function hasNames({ fields = [] }: DestinationConfig): boolean {
  return fields.some(name => needOf(name) === 'inventory');
}

function asksFor({ filter }: DestinationConfig, fields: readonly string[]): string | undefined {
  return fields.find(field => filter?.fields.has(field));
}

/** What a filter asks for and is never known. */
function fieldsWithoutSource(config: RunConfig, destination: DestinationConfig): string[] {
  const { inventory, nflogGroup } = config.settings;
  const filter = config.say(config.pathOf(destination, 'filter'));
  const found: string[] = [];
  const name = inventory === undefined ? asksFor(destination, INVENTORY_FIELDS) : undefined;
  if (name !== undefined)
    found.push(`${filter} asks for ${name}, which is not known without ${config.say(['inventory'])}`);
  const denied = nflogGroup ? undefined : asksFor(destination, DENIED_FIELDS);
  if (denied !== undefined)
    found.push(`${filter} asks for ${denied}, which is not known without ${config.say(['nflogGroup'])}`);
  return found;
}

/** Timeouts that another one overtakes; defaults count as well. */
function timeoutsWithoutEffect(config: RunConfig, destination: DestinationConfig): string[] {
  const { flowPollInterval, staleConnectionTimeout } = config.settings;
  const found: string[] = [];
  const poll = {
    path: ['flowPollInterval'],
    time: flowPollInterval === 'auto' ? LEAST_POLL_INTERVAL : flowPollInterval,
  };
  const stale = { path: ['staleConnectionTimeout'], time: staleConnectionTimeout };
  const of = (key: 'activeFlowExportTimeout' | 'idleFlowExportTimeout'): typeof stale => ({
    path: config.pathOf(destination, key) as string[],
    time: destination[key],
  });
  const above = (longer: typeof stale, shorter: typeof stale, then: string): void => {
    if (longer.time > shorter.time)
      found.push(
        `${config.say(longer.path)} (${longer.time} ms) is above ${config.say(shorter.path)} (${shorter.time} ms): ${then}`,
      );
  };
  const late = 'what is due is noticed at the next poll only';
  above(poll, of('activeFlowExportTimeout'), late);
  above(poll, of('idleFlowExportTimeout'), late);
  above(poll, stale, 'ended connections may be dropped before the next poll');
  const dropped = 'an ended connection can be dropped before that';
  above(of('idleFlowExportTimeout'), stale, dropped);
  above(of('activeFlowExportTimeout'), stale, dropped);
  return found;
}

/** By default where the source has them. */
export function eventKind({ events }: RunSettings, source: Source['kind']): EventsOptions['kind'] | 'off' {
  return events ?? (source === 'netlink' ? 'destroy' : 'off');
}

/** The capabilities that do what these settings want, without root. */
export function neededCapabilities(settings: RunSettings, { kind }: Pick<Source, 'kind'>): string[] {
  const needed: string[] = [];
  if (kind === 'netlink') {
    needed.push('CAP_NET_ADMIN');
    if (settings.netns !== undefined) needed.push('CAP_SYS_ADMIN');
    if (eventKind(settings, kind) !== 'off' && settings.holdEnded !== 'off') needed.push('CAP_BPF');
  }
  if (kind === 'procfs') {
    needed.push('CAP_DAC_READ_SEARCH');
    if (settings.setupSysctl) needed.push('CAP_NET_ADMIN');
  }
  return needed;
}

function sourceKindOf({ source }: RunSettings, { name }: Backend): Source['kind'] {
  if (source === 'kernel') return name === 'native' ? 'netlink' : 'procfs';
  return source === 'procfs' ? 'procfs' : 'replay';
}
