import { isIP } from 'node:net';
import type { Backend } from '../backend/backend.js';
import { formatEndpoint, isSecured } from '../common/endpoint.js';
import { CtflowError } from '../common/errors.js';
import { MAX_HOLDERS as MOST_DESTINATIONS } from '../store/flow-listeners.js';
import type { DestinationConfig, RunConfig } from '../config/run-config.js';
import type { RunSettings } from '../config/run-settings.js';
import type { Path } from '../config/mistakes.js';
import { possibleAddresses } from '../config/values.js';
import { ALL, isSeveral, netnsOf } from '../daemon/namespaces/namespace-names.js';
import type { EventsOptions } from '../ingest/conntrack-events.js';
import { packetRoom } from '../destination/packet-room.js';
import type { ListContext } from '../ipfix/field-list/elements.js';
import { mistakesOf } from '../ipfix/field-list/field-list.js';
import type { MessageRoom } from '../ipfix/message-room.js';
import { tlsFileFaults } from '../transport/tls-files.js';
import { FIELDS } from '../filter/fields.js';
import { endedRoom } from '../schedule/ended-room.js';
import type { Source } from '../sources/source.js';
import { partsOf } from './open-source.js';

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
  found.push(...checkNamespaces(config));
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
  if (settings.kubernetes !== undefined && settings.inventory !== undefined) {
    const what = `${say('kubernetes')} does not go with ${say('inventory')}: names come from one of them`;
    found.push(...config.conflict([['kubernetes'], ['inventory']], what, 'Remove one of them'));
  }
  if (settings.setupSysctl && sourceKind === 'ovs') kernelOnly('setupSysctl');
  if (settings.recordLast !== undefined && sourceKind !== 'netlink') {
    const what = `${say('recordLast')} records netlink, which source ${sourceKind} does not have`;
    const hint = `Use the native backend with ${say('source', 'kernel')}, or remove ${say('recordLast')}`;
    found.push(...config.conflict([['recordLast'], ['source'], ['backend']], what, hint));
  }
  if (settings.owners && sourceKind !== 'netlink') {
    const [owners, kernel] = [say('owners'), say('source', 'kernel')];
    const what = `${owners} asks the kernel for sockets by netlink, which the native backend with ${kernel} alone can do`;
    const hint = `Use that backend and source, or remove ${owners}`;
    found.push(...config.conflict([['owners'], ['source'], ['backend']], what, hint));
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

/** What one exporter can have and several cannot. */
function checkNamespaces(config: RunConfig): CtflowError[] {
  const { settings, destinations } = config;
  const { netns, recordLast } = settings;
  if (!isSeveral(netns)) return [];
  const found: CtflowError[] = [];
  const several = config.say(['netns'], netns.join());
  if (netns.length > 1 && netns.includes(ALL)) {
    const what = `${several}: ${ALL} has all others in it`;
    found.push(...config.conflict([['netns']], what, `Give ${ALL} alone, or names`));
  }
  if (recordLast !== undefined) {
    const what = `${config.say(['recordLast'])} records one network namespace, and ${several} may be several`;
    found.push(...config.conflict([['recordLast'], ['netns']], what, 'Remove one of them'));
  }
  for (const destination of destinations) {
    for (const key of ['observationDomain', 'localPort'] as const) {
      if (destination[key] === undefined) continue;
      const path = config.pathOf(destination, key);
      const what = `${config.say(path)} is one number, and ${several} may be several network namespaces, each with its own`;
      const hint =
        key === 'localPort'
          ? 'Remove one of them'
          : `Remove one of them; ${config.say(['instance'])} tells hosts apart`;
      found.push(...config.conflict([path, ['netns']], what, hint));
    }
  }
  return found;
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
      ...checkElements(config, destination),
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
  const needs = {
    inventory: ['inventory'],
    denied: ['nflogGroup'],
    handshakes: ['events'],
    tcpStates: ['tcpStateHistory'],
    owners: ['owners'],
    asNumbers: ['geoipAsn'],
    countries: ['geoipCountry'],
    dnsNames: ['dnsNames'],
    workloads: ['kubernetes'],
    podLabels: ['kubernetesLabels'],
    interfaces: config.pathOf(destination, 'interfaces'),
  };
  // whoever wrote a file or variables knows no flags
  const named = (text: string): string =>
    config.inWords(
      text
        .replace('--interfaces', config.say(needs.interfaces))
        .replace(`--biflow ${biflow}`, config.say(config.pathOf(destination, 'biflow'), biflow)),
    );
  const { activeFlowExportTimeout: active, idleFlowExportTimeout: idle } = destination;
  const context = { ...knownOfFlows(config), biflow, interfaces, timeouts: { active, idle } };
  const found = mistakesOf(fields, context).flatMap(({ what, hint, item, need }) => {
    const place = item === undefined ? path : [...path, item];
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

/** What the elements of a list can be filled from, as far as the settings say. */
function knownOfFlows({ settings }: RunConfig): Omit<ListContext, 'biflow' | 'interfaces' | 'timeouts'> {
  const { events, geoipAsn, geoipCountry, inventory, kubernetes, labels, marks, nflogGroup, owners, tcpStateHistory } =
    settings;
  const policies = (labels ?? marks) !== undefined;
  return {
    observationDomain: 0,
    inventory: inventory !== undefined || kubernetes !== undefined,
    denied: nflogGroup !== undefined || policies,
    policies,
    tcpStates: tcpStateHistory,
    handshakes: events === 'all',
    owners,
    asNumbers: geoipAsn !== undefined,
    countries: geoipCountry !== undefined,
    dnsNames: settings.dnsNames,
    workloads: kubernetes !== undefined,
    podLabels: kubernetes !== undefined && settings.kubernetesLabels !== undefined,
  };
}

function checkElements(config: RunConfig, destination: DestinationConfig): CtflowError[] {
  const found = checkFields(config, destination);
  const { mtu, name } = destination;
  if (found.length > 0 || mtu === 'path') return found;
  const room = roomOf(config, destination);
  if (!room || mtu >= room.least) return [];
  const path = config.pathOf(destination, 'mtu');
  const what = `${config.say(path, String(mtu))} is too small for any record of ${name}, or its template`;
  return config.conflict(
    [path],
    what,
    `Write ${room.least} at least${destination.fields ? ', or give it fewer elements' : ''}`,
  );
}

/** The octets of packets that a destination must have room for: see packetRoom. Undefined where its elements are wrong, too. */
export function roomOf(config: RunConfig, destination: DestinationConfig): MessageRoom | undefined {
  try {
    return packetRoom(destination, knownOfFlows(config));
  } catch {
    // said of the list, or of the setting that it needs
    return undefined;
  }
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
  const addresses = possibleAddresses(other.endpoint);
  return possibleAddresses(one.endpoint).some(address => addresses.includes(address));
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
    if (settings.netns?.some(name => netnsOf(name) !== undefined)) needed.push('CAP_SYS_ADMIN');
    if (eventKind(settings, kind) !== 'off' && settings.holdEnded !== 'off') needed.push('CAP_BPF');
  }
  if (kind === 'procfs') {
    needed.push('CAP_DAC_READ_SEARCH');
    if (settings.setupSysctl) needed.push('CAP_NET_ADMIN');
  }
  return needed;
}

export function sourceKindOf({ source }: RunSettings, { name }: Backend): Source['kind'] {
  if (source === 'kernel') return name === 'native' ? 'netlink' : 'procfs';
  return partsOf(source)[0] as Exclude<Source['kind'], 'netlink'>;
}
