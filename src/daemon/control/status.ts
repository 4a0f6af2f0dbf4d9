import { VERSION } from '../../common/version.js';
import { destinationName } from '../../destination/destination-options.js';
import type { ExporterStats } from '../../exporter.js';
import { nameIn } from '../namespaces/merged-stats.js';
import type { NamespaceSet } from '../namespaces/namespace-set.js';
import type { Pipeline } from '../namespaces/pipeline.js';
import type { PortsFigures } from '../metrics/pressure-metrics.js';
import type { NamespaceFigures } from '../metrics/process-metrics.js';
import type { Reloader } from '../reload/reloader.js';
import type { RecorderService, RecorderServiceStats } from '../recorder/recorder-service.js';
import type { Source } from '../../sources/source.js';
import { kernelTable, type KernelTable } from '../kernel-table.js';
import type { TableForecast } from '../table-growth.js';

export interface DestinationStatus {
  readonly name: string;
  readonly endpoint: string;
  readonly profile: string;
  readonly observationDomain: number;
  readonly state: 'connected' | 'not connected';
  readonly records: number;
  readonly messages: number;
  readonly octets: number;
  /** Records that are known not to have arrived. */
  readonly lostRecords: number;
  /** Records that no message could hold. */
  readonly oversize: number;
  /** Connections that were dropped before their last record. */
  readonly unexported: number;
  /** Ended connections that wait for it, and how many of them may. */
  readonly waiting: number;
  readonly waitingLimit: number;
  /** How full that queue is: 0 to 100. */
  readonly pressure: number;
  readonly lastError?: { readonly at: string; readonly why: string; readonly meaning?: string };
}

/** What `ctflow status` says of a daemon. */
export interface DaemonStatus {
  readonly version: string;
  readonly state: 'starting' | 'running' | 'stopping';
  readonly pid: number;
  readonly node: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Milliseconds. */
  readonly uptime: number;
  readonly configFile?: string;
  readonly backend?: string;
  readonly source?: string;
  /** The network namespaces that are exported, as they were given. */
  readonly netns?: string;
  /** The kernel's table. */
  readonly conntrack?: KernelTable;
  /** How it fills; absent until it was looked at twice. */
  readonly forecast?: TableForecast;
  /** What is left of the ports of translated sources, where the settings give them. */
  readonly snatPorts?: PortsFigures;
  /** Connections stored, and at most. */
  readonly connections?: number;
  readonly maxConnections?: number;
  /** Where a flight recorder is on. */
  readonly recorder?: RecorderServiceStats;
  readonly destinations: readonly DestinationStatus[];
  /** All of docs/statistics.md. */
  readonly statistics?: ExporterStats;
  /** Where several network namespaces may be read: each of them, and how many there are. */
  readonly namespaces?: readonly NamespaceStatus[];
  readonly namespaceCounts?: NamespaceFigures;
}

/** One of several network namespaces. */
export interface NamespaceStatus {
  readonly netns: string;
  readonly conntrack?: KernelTable;
  readonly forecast?: TableForecast;
  readonly snatPorts?: PortsFigures;
  readonly connections: number;
  readonly polls: number;
  /** Its name stands for no namespace now. */
  readonly gone: boolean;
  readonly observationDomains: readonly number[];
}

/** What runs in a daemon, as far as it has come. */
export interface Running {
  state: DaemonStatus['state'];
  configFile?: string | undefined;
  source?: Source['kind'];
  namespaces?: NamespaceSet;
  /** More than one network namespace may be read. */
  several?: boolean;
  reloader?: Reloader;
  recorder?: RecorderService;
  maxConnections?: number;
  netns?: string | undefined;
}

/** Counts the ports of translated sources where the settings give them; nothing else takes any time. */
export async function statusOf(running: Running): Promise<DaemonStatus> {
  const { state, configFile, source, namespaces, several, recorder, maxConnections, netns } = running;
  const statistics = namespaces?.stats();
  const all = namespaces?.all ?? [];
  const tables: KernelTableStatus[] = [];
  for (const one of all) tables.push(await tableOf(one));
  const uptime = Math.round(process.uptime() * 1000);
  return {
    version: VERSION,
    state,
    pid: process.pid,
    node: process.version,
    startedAt: new Date(Date.now() - uptime).toISOString(),
    uptime,
    ...(configFile !== undefined && { configFile }),
    ...(statistics && { backend: statistics.backend }),
    ...(source && { source }),
    ...(netns !== undefined && { netns }),
    ...(!several && tables[0]),
    ...(statistics && { connections: statistics.connections }),
    ...(maxConnections !== undefined && { maxConnections }),
    ...(recorder && { recorder: recorder.stats() }),
    destinations: all.flatMap(destinationsOf),
    ...(statistics && { statistics }),
    ...(several &&
      namespaces && {
        namespaces: all.map((one, i) => namespaceOf(one, tables[i])),
        namespaceCounts: namespaces.figures(),
      }),
  };
}

type KernelTableStatus = Pick<DaemonStatus, 'conntrack' | 'forecast' | 'snatPorts'>;

async function tableOf({ source, top, pressure }: Pipeline): Promise<KernelTableStatus> {
  const conntrack = kernelTable(source);
  const forecast = conntrack && top.growth.forecast();
  const snatPorts = await pressure.ports();
  return { ...(conntrack && { conntrack }), ...(forecast && { forecast }), ...(snatPorts && { snatPorts }) };
}

function namespaceOf(pipeline: Pipeline, table: KernelTableStatus): NamespaceStatus {
  const { netns, exporter } = pipeline;
  const { connections, poll } = exporter.stats();
  return {
    netns: netns!,
    ...table,
    connections,
    polls: poll.polls,
    gone: exporter.withoutNamespaceSince !== undefined,
    observationDomains: [...new Set(exporter.destinations.map(({ observationDomain }) => observationDomain))],
  };
}

function destinationsOf({ netns, exporter }: Pipeline): DestinationStatus[] {
  const destinations = exporter.destinations;
  return exporter.stats().destinations.map(one => {
    const { profile, observationDomain, endedQueue } = destinations.find(known => destinationName(known) === one.name)!;
    return {
      name: nameIn(netns, one.name),
      endpoint: one.endpoint,
      profile,
      observationDomain,
      state: one.connected ? 'connected' : 'not connected',
      records: one.session.records,
      messages: one.session.messages,
      octets: one.session.octets,
      lostRecords: one.transport.lostRecords,
      oversize: one.session.oversize,
      unexported: one.stale.connections + one.evictedUnreported.connections + one.endedOverflow.connections,
      waiting: one.ended,
      waitingLimit: endedQueue,
      pressure: Math.round((one.ended / endedQueue) * 100),
      ...(one.lastError && { lastError: one.lastError }),
    };
  });
}
