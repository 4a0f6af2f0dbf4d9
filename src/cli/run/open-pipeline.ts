import { rmSync } from 'node:fs';
import type { Backend } from '../../backend/backend.js';
import { hostIdentity } from '../../common/host.js';
import type { Logger } from '../../common/logger.js';
import { PressureCensus } from '../../daemon/metrics/pressure-census.js';
import type { Monitoring } from '../../daemon/monitoring.js';
import type { Pipeline, PipelineConfig } from '../../daemon/namespaces/pipeline.js';
import { Readiness } from '../../daemon/readiness.js';
import type { RecorderService } from '../../daemon/recorder/recorder-service.js';
import { Top } from '../../daemon/top/top.js';
import { DESTINATION_DEFAULTS } from '../../destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../exporter.js';
import type { DnsNames } from '../../inventory/addresses/dns-names.js';
import type { Geoip } from '../../inventory/addresses/geoip.js';
import type { InventoryFile } from '../../inventory/inventory-file.js';
import type { KubernetesInventory } from '../../inventory/kubernetes/kubernetes-inventory.js';
import { isNat, timeBound } from '../../record/nat-log.js';
import { FollowedSource } from '../../sources/followed-source.js';
import { NamespaceWatch } from '../../sources/namespace-watch.js';
import type { Source } from '../../sources/source.js';
import { filterOf, sourceOf } from '../open-source.js';
import { destinationsOf, domainOf } from './destinations.js';
import {
  deniedOf,
  eventsOf,
  excludesSelf,
  openState,
  prepareKernel,
  sourceSettingsOf,
  statePathOf,
} from './kernel-parts.js';
import { partOf, type Place } from './place.js';

/** Room for ended connections of destinations that are added while ctflow runs; it takes address space alone until then. */
const SPARE_ENDED = 4 * DESTINATION_DEFAULTS.endedQueue;

/** What a run has once, whatever it reads. */
export interface RunParts {
  readonly backend: Backend;
  readonly log: Logger;
  readonly inventory?: InventoryFile | undefined;
  readonly kubernetes?: KubernetesInventory | undefined;
  readonly geoip?: Geoip | undefined;
  readonly dns?: DnsNames | undefined;
  readonly recorder?: RecorderService | undefined;
  readonly monitoring?: Monitoring | undefined;
  /** Observation domains that are in use. */
  readonly domains: Set<number>;
}

/**
 * Makes the exporter of one network namespace, to be opened.
 * @throws CtflowError where the namespace cannot be read, or a destination cannot be made
 */
export async function openPipeline(config: PipelineConfig, place: Place, parts: RunParts): Promise<Pipeline> {
  const { settings: flags } = config;
  const { backend, inventory, kubernetes, geoip, dns, recorder, monitoring, domains } = parts;
  const log = place.beside ? parts.log.child({ netns: place.label! }) : parts.log;
  const { netns } = place;
  const tap = recorder?.recorder;
  const open = (): Source => sourceOf(sourceSettingsOf(flags, place), backend, true, tap);
  const followed = netns === undefined ? undefined : new FollowedSource(open);
  const source = followed ?? open();
  const left = new Set<string>();
  const events = eventsOf(flags, place, source, tap);
  for (const name of prepareKernel(source, flags, place, events !== undefined, log)) left.add(name);
  if (config.destinations.some(isNat)) {
    const timestamps = source.sysctl('nf_conntrack_timestamp')?.trim() === '1';
    const bound = timeBound(timestamps, events !== undefined);
    if (bound !== undefined) log.warn(bound);
  }
  const namespace = followed && {
    watch: new NamespaceWatch(netns!),
    source: followed,
    enter: () => {
      followed.reopen();
      const events = eventsOf(flags, place, followed, tap);
      for (const name of prepareKernel(followed, flags, place, events !== undefined, log)) left.add(name);
      return { events, identity: hostIdentity(netns), excludeSelf: excludesSelf(flags, place, followed) };
    },
  };
  let domain: number | undefined;
  const defaultOf = (instance: string | undefined): number => {
    const id = (domain ??= domainOf(instance, place, domains, log));
    domains.add(id);
    return id;
  };
  try {
    const destinations = destinationsOf(config, place, defaultOf);
    const denied = deniedOf(flags, place);
    const state = await openState(flags, place, source, backend, destinations, log);
    const top = new Top(flags.snatPorts);
    const { events: _, inventory: __, state: ___, kubernetes: ____, ...rest } = flags;
    const exporter = new Exporter({
      ...rest,
      pollBudget: flags.pollBudget / place.parts,
      // a recording has no exporter before it that could have reported anything
      firstSight: flags.firstSight ?? (source.kind === 'replay' ? 'total' : EXPORTER_DEFAULTS.firstSight),
      backend,
      filter: filterOf(flags),
      source,
      ...(events && { events }),
      ...(denied && { denied }),
      ...(inventory && { inventory: inventory.share() }),
      ...(kubernetes && { kubernetes: kubernetes.share() }),
      ...(geoip && { geoip: geoip.share() }),
      ...(dns && { dns: dns.share() }),
      excludeSelf: excludesSelf(flags, place, source),
      ...(state && { state }),
      ...(namespace && { namespace }),
      ...(place.beside && { beside: place.beside }),
      pollHooks: [recorder?.pollHook, top.pollHook, monitoring?.pollHook].filter(hook => hook !== undefined),
      destinations,
      spareEnded: partOf(SPARE_ENDED, place),
      log,
    });
    const readiness = new Readiness(() => exporter.stats());
    recorder?.watch(exporter, source);
    const pressure = new PressureCensus({ stored: exporter.stored, growth: top.growth, snatPorts: flags.snatPorts });
    const unwatch = monitoring?.watch({
      netns: place.beside && place.label,
      exporter,
      source,
      readiness,
      recorder,
      pressure,
    });
    top.watch(exporter, source);
    return {
      netns: place.beside && place.label,
      exporter,
      source,
      top,
      pressure,
      readiness,
      destinations,
      reload: next => {
        const { flowPollInterval, pollBudget, shutdownTimeout } = next.settings;
        return exporter.reload({
          destinations: destinationsOf(next, place, defaultOf),
          flowPollInterval,
          pollBudget: pollBudget / place.parts,
          shutdownTimeout,
        });
      },
      close: async () => {
        try {
          return await exporter.close();
        } finally {
          if (domain !== undefined) domains.delete(domain);
          for (const name of left) log.info(`net.netfilter.${name} stays at 1`);
        }
      },
      unwatch: () => unwatch?.(),
      forget: () => {
        const path = statePathOf(flags, place);
        if (path === undefined) return;
        for (const ending of ['', '.ends', '.seq', '.lock']) rmSync(`${path}${ending}`, { force: true });
      },
    };
  } catch (error) {
    if (domain !== undefined) domains.delete(domain);
    source.close();
    throw error;
  }
}
