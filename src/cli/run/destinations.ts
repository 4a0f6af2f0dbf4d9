import { join, parse } from 'node:path';
import type { DestinationEndpoint } from '../../common/destination-endpoint.js';
import type { Logger } from '../../common/logger.js';
import { defaultDomain } from '../../common/observation-domain.js';
import type { PipelineConfig } from '../../daemon/namespaces/pipeline.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../destination/destination-options.js';
import { inFileName, partOf, type Place } from './place.js';

export type NamedDestination = DestinationOptions & { name: string };

/** @param defaultOf the observation domain of destinations that have none of their own */
export function destinationsOf(
  { settings, destinations }: PipelineConfig,
  place: Place,
  defaultOf: (instance: string | undefined) => number,
): NamedDestination[] {
  return destinations.map(
    ({ own: _, observationDomain = defaultOf(settings.instance), endpoint, endedQueue, maxRate, ...options }) => ({
      ...options,
      endpoint: endpointOf(endpoint, place),
      observationDomain,
      observationDomainName: place.label,
      endedQueue: partOf(endedQueue, place),
      maxRate: typeof maxRate === 'number' ? partOf(maxRate, place) : maxRate,
      aggregateLimit: partOf(options.aggregateLimit, place),
      // go-ipfix takes options for data of an unknown template, and closes the connection
      optionsInterval:
        options.optionsInterval ?? (options.profile === 'antrea' ? 0 : DESTINATION_DEFAULTS.optionsInterval),
    }),
  );
}

/**
 * The observation domain of this run, or of one of its network namespaces.
 * @param taken those of others
 */
export function domainOf(
  instance: string | undefined,
  { netns, label, beside }: Place,
  taken: ReadonlySet<number>,
  log: Logger,
): number {
  const { id, from } = defaultDomain({ instance, netns });
  let observationDomain = id;
  while (taken.has(observationDomain)) observationDomain = (observationDomain + 1) >>> 0 || 1;
  log.info({ observationDomain, from, ...(beside && { netns: label }) }, 'default observation domain');
  if (observationDomain !== id)
    log.warn(
      { netns: label, observationDomain, hint: 'Give another --instance' },
      'two network namespaces have the same default: this one takes the next observation domain, and may have another after a restart',
    );
  if (from.length === 0)
    log.warn(
      { hint: 'Give --observation-domain, or --instance with a name of its own' },
      'nothing distinguishes this host from others: its observation domain is that of every such host',
    );
  return observationDomain;
}

/** `flows.ipfix` becomes `flows.blue.ipfix`: two exporters do not write one file. */
function endpointOf(endpoint: DestinationEndpoint, { label, beside }: Place): DestinationEndpoint {
  if (endpoint.protocol !== 'file' || !beside) return endpoint;
  const { dir, name, ext } = parse(endpoint.path);
  return { ...endpoint, path: join(dir, `${name}.${inFileName(label!)}${ext}`) };
}
