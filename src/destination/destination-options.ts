import type { Flows } from '../record/flows.js';
import { formatDestination, type DestinationEndpoint } from '../common/destination-endpoint.js';
import type { Filter } from '../filter/filter.js';
import type { Interfaces } from '../ipfix/interfaces.js';
import type { ListContext } from '../ipfix/field-list/elements.js';
import { aggregateProfile, type AggregateKey } from '../ipfix/profile-aggregate.js';
import type { NatTime } from '../ipfix/profile-nat.js';
import type { Biflow } from '../ipfix/profile-standard.js';
import { createProfile, type Profile, type ProfileName } from '../ipfix/profile.js';
import type { FileOptions } from '../transport/file.js';
import type { TlsClientOptions } from '../transport/tls-options.js';
import type { UdpOptions } from '../transport/udp.js';
import type { MaxRate } from './pacing/pacing.js';

export interface DestinationOptions extends UdpOptions, TlsClientOptions, FileOptions {
  /** Identifies it in the log, in statistics and in the state file; its address by default. */
  name?: string;
  endpoint: DestinationEndpoint;
  profile: ProfileName;
  biflow: Biflow;
  /** Also mark and conntrack id (PEN 21373). */
  netfilterElements: boolean;
  /** Elements in place of those of profile standard, by name, in their order; `tcpState=PEN/ID` as an element of one's own. */
  fields?: readonly string[] | undefined;
  /** ingressInterface and egressInterface; profile `standard` only. */
  interfaces: Interfaces;
  /** Profile `nat` only: natInstanceID, and in what unit events have their time. */
  natInstance: number;
  natTime: NatTime;
  /** Milliseconds, as all times here. */
  activeFlowExportTimeout: number;
  idleFlowExportTimeout: number;
  observationDomain: number;
  /** What people call the observation domain: the network namespace. */
  observationDomainName?: string | undefined;
  templateRefreshInterval: number;
  templateRefreshPackets: number;
  /** Records a second at most. */
  maxRate: MaxRate;
  /** TCP, TLS and DTLS: the first wait before another attempt. */
  reconnectInterval: number;
  /** TCP and TLS: a connection is closed and another one opened after this time, more or less by a quarter; 0 for never. */
  connectionLifetime: number;
  /** DTLS: a session is ended and another one begun after this time, more or less by a quarter. */
  handshakeInterval: number;
  /** TCP and TLS: octets that the collector's kernel holds unread at most. */
  collectorBuffer: number;
  /** Ended connections that wait for this collector, at most. */
  endedQueue: number;
  /** Also records without a packet in them. */
  zeroDeltaRecords: boolean;
  /** Connections are summed up by these, instead of a record for each; profile `standard` only. */
  aggregateKeys?: readonly AggregateKey[] | undefined;
  /** From one export of the sums to the next. */
  aggregateInterval: number;
  /** Keys at most; what finds no room is summed up in a remainder. */
  aggregateLimit: number;
  /** Which connections it gets: from the moment when they match until they end. */
  filter?: Filter | undefined;
  /** How often options records are sent; 0 for never, and for none at all. */
  optionsInterval: number;
  /** Options also have samplingInterval (34) and samplerRandomInterval (50), which IANA has deprecated. */
  deprecatedSampling: boolean;
}

/** The documented defaults; Antrea's where Antrea has one. */
export const DESTINATION_DEFAULTS: Omit<
  DestinationOptions,
  'name' | 'endpoint' | 'observationDomain' | 'observationDomainName' | 'filter' | 'fields' | 'aggregateKeys'
> = {
  profile: 'standard',
  biflow: 'reverse',
  netfilterElements: false,
  interfaces: 'none',
  natInstance: 1,
  natTime: 'milliseconds',
  zeroDeltaRecords: false,
  aggregateInterval: 60_000,
  aggregateLimit: 100_000,
  activeFlowExportTimeout: 5_000,
  idleFlowExportTimeout: 15_000,
  mtu: 512,
  udpSegmentation: true,
  templateRefreshInterval: 60_000,
  templateRefreshPackets: 1_000,
  maxRate: 'auto',
  reconnectInterval: 60_000,
  connectionLifetime: 0,
  handshakeInterval: 60_000,
  collectorBuffer: 32 << 20,
  endedQueue: 131_072,
  optionsInterval: 60_000,
  fileMaxSize: 64 << 20,
  fileMaxAge: 3_600_000,
  fileKeep: 'all',
  fileKeepSize: 1 << 30,
  deprecatedSampling: false,
};

/** Identifies a destination, also after a restart. */
export function destinationName({ name, endpoint }: Pick<DestinationOptions, 'name' | 'endpoint'>): string {
  return name ?? formatDestination(endpoint);
}

/** What state files may have for it: it had no name, or destinations had none. */
export function formerNames(options: Pick<DestinationOptions, 'endpoint' | 'observationDomain' | 'profile'>): string[] {
  return [formatDestination(options.endpoint), nameWithDomain(options)];
}

/** What state files had for it before destinations had names. */
export function nameWithDomain({
  endpoint,
  observationDomain,
  profile,
}: Pick<DestinationOptions, 'endpoint' | 'observationDomain' | 'profile'>): string {
  return `${formatDestination(endpoint)} ${observationDomain} ${profile}`;
}

/** What decides on the elements of a destination's records. */
export type ProfileOptions = Pick<
  DestinationOptions,
  | 'profile'
  | 'biflow'
  | 'netfilterElements'
  | 'fields'
  | 'interfaces'
  | 'natInstance'
  | 'natTime'
  | 'aggregateKeys'
  | 'activeFlowExportTimeout'
  | 'idleFlowExportTimeout'
>;

/** What elements of records can be filled from beside rows: what is known of some of these flows. */
export function knownOf(flows: readonly Flows[]): Omit<ListContext, 'biflow' | 'observationDomain'> {
  const has = (column: keyof Flows['extras']): boolean => flows.some(({ extras }) => extras[column] !== undefined);
  return {
    inventory: has('names'),
    denied: has('rules'),
    policies: has('policies'),
    owners: has('owners'),
    asNumbers: has('asNumbers'),
    countries: has('countries'),
    dnsNames: has('namedAt'),
    workloads: has('podFacts'),
    podLabels: has('podLabels'),
    tcpStates: has('states'),
    handshakes: has('handshakes'),
  };
}

/** The profile of a destination's records. @param known what else is known of flows */
export function profileOf(options: ProfileOptions, known: Partial<ListContext>): Profile {
  const nat = { instance: options.natInstance, time: options.natTime };
  const { aggregateKeys, profile, biflow, netfilterElements, fields, interfaces } = options;
  const { activeFlowExportTimeout: active, idleFlowExportTimeout: idle } = options;
  const all = { ...known, timeouts: { active, idle } };
  if (!aggregateKeys) return createProfile(profile, biflow, netfilterElements, fields, interfaces, all, nat);
  return aggregateProfile(aggregateKeys, biflow, typeof interfaces === 'string' ? undefined : interfaces);
}
