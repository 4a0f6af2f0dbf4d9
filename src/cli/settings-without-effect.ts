import type { Backend } from '../backend/backend.js';
import { isDatagram, isSecured } from '../common/endpoint.js';
import { destinationSettings } from '../config/destination-settings.js';
import { recorderSettings } from '../config/recorder-settings.js';
import type { DestinationConfig, RunConfig } from '../config/run-config.js';
import type { RunSettings } from '../config/run-settings.js';
import { ALL } from '../daemon/namespaces/namespace-names.js';
import { LEAST_POLL_INTERVAL } from '../ingest/poll-interval.js';
import { type Need, needOf } from '../ipfix/field-list/elements.js';
import { isNat } from '../record/nat-log.js';
import { eventKind, roomOf, sourceKindOf } from './run-checks.js';

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
  if (settings.metrics === undefined && settings.control === 'off') without('without metrics or control', 'snatPorts');
  if (destinations.length === 0) {
    without('without a destination', ...(Object.keys(destinationSettings) as (keyof RunSettings)[]));
    const ofRecords = [
      'excludeSelf',
      'firstSight',
      'nat66Events',
      'owners',
      'routeMark',
      'staleConnectionTimeout',
      'tcpStateHistory',
    ] as const;
    without(
      'without a destination',
      'inventory',
      'kubernetes',
      'instance',
      'geoipAsn',
      'geoipCountry',
      'dnsNames',
      ...ofRecords,
    );
    return [...found];
  }
  if (settings.netns?.[0] !== ALL) without(`without ${config.say(['netns'], ALL)}`, 'maxNamespaces');
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
    const vain = (why: string, ...keys: readonly string[]): void => {
      for (const key of keys)
        if (own.has(key)) found.add(`${config.say(['destinations', name, key])} has no effect ${config.inWords(why)}`);
    };
    vain(`over ${endpoint.protocol}`, ...wrong);
    if (isNat(destination)) vain('with --profile nat: its records are those of events', ...FLOWS_ONLY);
    else vain('without --profile nat', 'natInstance', 'natTime');
    if (destination.aggregateKeys) vain('with --aggregate-keys: name mark there', 'netfilterElements');
    else vain('without --aggregate-keys', 'aggregateInterval', 'aggregateLimit');
    if (destination.fields) vain('with --fields: name mark and conntrack_id there', 'netfilterElements');
    if (!hasOptions(destination)) vain('without options records', 'deprecatedSampling');
  }
  if (eventKind(settings, sourceKind) === 'off') without('without --events', 'eventBuffer', 'dyingLimit', 'holdEnded');
  else if (settings.holdEnded === 'off') without('with --hold-ended off', 'dyingLimit');
  if (!settings.nflogGroup) without('without --nflog-group', 'nflogBuffer', 'nftComments', 'maxDenied');
  if (sourceKind === 'procfs' || sourceKind === 'ovs')
    without(`with source ${sourceKind}: it shows no labels`, 'labels');
  if (destinations.every(({ interfaces }) => interfaces !== 'route'))
    without('without --interfaces route', 'routeMark');
  if (destinations.every(one => !has(one, 'owners')))
    without('without --fields that have owners, such as userName', 'owners');
  if (destinations.every(({ fields }) => fields !== undefined))
    without('with --fields: name mark and conntrack_id there', 'netfilterElements');
  if (destinations.every(({ aggregateKeys }) => aggregateKeys !== undefined)) {
    without('with --aggregate-keys: name mark there', 'netfilterElements');
    without('with --aggregate-keys: sums have no states', 'tcpStateHistory');
  }
  if (destinations.every(({ aggregateKeys }) => aggregateKeys === undefined))
    without('without --aggregate-keys', 'aggregateInterval', 'aggregateLimit');
  if (!destinations.some(hasOptions)) without('without options records', 'deprecatedSampling');
  if (!destinations.some(isNat)) without('without --profile nat', 'natInstance', 'natTime', 'nat66Events');
  if (destinations.every(isNat)) {
    without('with --profile nat alone: its records are those of events', ...FLOWS_ONLY);
    without(
      'with --profile nat alone: it has no denied packets',
      'nflogGroup',
      'nftComments',
      'maxDenied',
      'nflogBuffer',
    );
    without('with --profile nat alone: its records name no policy', 'marks', 'labels');
    without('with --profile nat alone: it has no TCP states', 'tcpStateHistory');
  }
  if (destinations.every(({ observationDomain }) => observationDomain !== undefined))
    without('with --observation-domain', 'instance');
  if (sourceKind === 'replay') without('with a recording', 'setupSysctl', 'pollBudget');
  else if (settings.flowPollInterval !== 'auto') without('with a fixed --flow-poll-interval', 'pollBudget');
  const isNamed = (one: DestinationConfig): boolean =>
    one.profile === 'antrea' || has(one, 'inventory') || asksFor(one, INVENTORY_FIELDS) !== undefined;
  const noNames = 'without --profile antrea: --fields has no names, and --filter asks for none';
  if (!destinations.some(isNamed)) {
    without(noNames, 'inventory');
    const ofPods = (one: DestinationConfig): boolean =>
      has(one, 'workloads') ||
      has(one, 'podLabels') ||
      asksFor(one, [...WORKLOAD_FIELDS, ...LABEL_FIELDS]) !== undefined;
    if (!destinations.some(ofPods)) without(noNames, 'kubernetes');
  }
  for (const { key, need, fields, such } of OF_ENDS)
    if (destinations.every(one => !has(one, need) && !asksFor(one, fields)))
      without(`without --fields that have ${such}, and --filter asks for none`, key);
  if (!settings.dnsNames) without('without --dns-names', 'dnsServers', 'dnsCache', 'dnsMaxAge');
  if (settings.kubernetes === undefined)
    without('without --kubernetes', 'kubernetesNode', 'kubernetesPods', 'kubernetesPodPrefixes', 'kubernetesLabels');
  if (['silent', 'error', 'warn'].includes(settings.logLevel) && settings.statsInterval > 0) {
    without(`with --log-level ${settings.logLevel}`, 'statsInterval');
  }
  for (const destination of destinations)
    for (const sentence of [
      ...fieldsWithoutSource(config, destination),
      ...timeoutsWithoutEffect(config, destination),
      ...recordsWithoutRoom(config, destination),
    ])
      found.add(sentence);
  return [...found];
}

const FLOWS_ONLY = ['activeFlowExportTimeout', 'idleFlowExportTimeout', 'zeroDeltaRecords'] as const;

/** By default all but profile antrea have options records. */
function hasOptions({ optionsInterval, profile }: DestinationConfig): boolean {
  return (optionsInterval ?? (profile === 'antrea' ? 0 : 1)) > 0;
}

/** Fields of a filter that an inventory fills, and those that denied packets do. */
const INVENTORY_FIELDS = ['src.pod', 'src.namespace', 'src.node', 'dst.pod', 'dst.namespace', 'dst.node', 'service'];
const WORKLOAD_FIELDS = ['src.workload', 'dst.workload'];
const LABEL_FIELDS = ['src.labels', 'dst.labels'];
/** What is known of addresses and pods, and who asks for it. */
const OF_ENDS = [
  { key: 'kubernetesLabels', need: 'podLabels', fields: LABEL_FIELDS, such: 'sourcePodLabels' },
  { key: 'geoipAsn', need: 'asNumbers', fields: ['src.asn', 'dst.asn'], such: 'bgpSourceAsNumber' },
  { key: 'geoipCountry', need: 'countries', fields: ['src.country', 'dst.country'], such: 'sourceCountry' },
  { key: 'dnsNames', need: 'dnsNames', fields: ['src.dns', 'dst.dns'], such: 'sourceDnsName' },
] as const satisfies readonly { key: keyof RunSettings; need: Need; fields: readonly string[]; such: string }[];
const RULE_FIELDS = ['denied', 'rule', 'policy', 'policy.namespace'];

/** A list has elements that this fills. */
function has({ fields = [] }: DestinationConfig, need: Need): boolean {
  return fields.some(name => needOf(name) === need);
}

function asksFor({ filter }: DestinationConfig, fields: readonly string[]): string | undefined {
  return fields.find(field => filter?.fields.has(field));
}

/** What a filter asks for and is never known. */
function fieldsWithoutSource(config: RunConfig, destination: DestinationConfig): string[] {
  const { events, inventory, kubernetes, labels, marks, nflogGroup } = config.settings;
  const filter = config.say(config.pathOf(destination, 'filter'));
  const found: string[] = [];
  const name = (inventory ?? kubernetes) === undefined ? asksFor(destination, INVENTORY_FIELDS) : undefined;
  if (name !== undefined)
    found.push(`${filter} asks for ${name}, which is not known without ${config.say(['inventory'])}`);
  const workload = kubernetes === undefined ? asksFor(destination, WORKLOAD_FIELDS) : undefined;
  if (workload !== undefined)
    found.push(`${filter} asks for ${workload}, which is not known without ${config.say(['kubernetes'])}`);
  for (const { key, fields } of OF_ENDS) {
    const isOff = config.settings[key] === undefined || config.settings[key] === false;
    const field = isOff ? asksFor(destination, fields) : undefined;
    if (field !== undefined) found.push(`${filter} asks for ${field}, which is not known without ${config.say([key])}`);
  }
  const denied = (nflogGroup ?? labels ?? marks) ? undefined : asksFor(destination, RULE_FIELDS);
  if (denied !== undefined)
    found.push(`${filter} asks for ${denied}, which is not known without ${config.say(['nflogGroup'])}`);
  if (events !== 'all' && asksFor(destination, ['tcp.handshake']) !== undefined)
    found.push(`${filter} asks for tcp.handshake, which is not known without ${config.say(['events'], 'all')}`);
  return found;
}

/** Flows with many facts whose records, or templates, would be too large. */
function recordsWithoutRoom(config: RunConfig, destination: DestinationConfig): string[] {
  const { mtu, name } = destination;
  const room = mtu === 'path' ? undefined : roomOf(config, destination);
  if (!room || mtu === 'path' || mtu >= room.fullest) return [];
  const said = config.say(config.pathOf(destination, 'mtu'), String(mtu));
  return [`${said} is too small for the fullest records of ${name}, which need ${room.fullest}: they would be dropped`];
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
