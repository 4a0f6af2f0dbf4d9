import type {
  V1ContainerStatus,
  V1EndpointSlice,
  V1Node,
  V1Pod,
  V1Service,
  V1ServicePort,
} from '@kubernetes/client-node';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../../row/protocol.js';
import type { EndpointFacts, NodeFacts, PodFacts, PortFacts, ServiceFacts } from './facts.js';
import { keptLabels } from './labels.js';
import { workloadOf } from './workload.js';

/** Objects of the API to facts. Dates are texts in them, as they come as JSON. */

/** Times of the API are whole seconds. */
const SECOND = 1_000;
const PROTOCOLS: Readonly<Record<string, number>> = { TCP: IPPROTO_TCP, UDP: IPPROTO_UDP, SCTP: IPPROTO_SCTP };

/**
 * @param at when it was received
 * @param wanted keys of labels
 * @returns undefined where it has no address of its own
 */
export function podFacts(
  { metadata, spec, status }: V1Pod,
  at: number,
  wanted: readonly string[] = [],
): PodFacts | undefined {
  if (spec?.hostNetwork || !metadata?.uid || !status) return undefined;
  const addresses = (status.podIPs ?? [{ ip: status.podIP }]).flatMap(({ ip }) => ip ?? []);
  if (addresses.length === 0) return undefined;
  const { text: labels, leftOut: labelsLeftOut } = keptLabels(metadata.labels, wanted);
  const finished = status.phase === 'Succeeded' || status.phase === 'Failed';
  const isBeingDeleted = metadata.deletionTimestamp !== undefined;
  let until = Number.POSITIVE_INFINITY;
  if (finished) until = Math.min(lastEnd(status.containerStatuses) ?? at, at);
  else if (isBeingDeleted) until = lastEnd(status.containerStatuses) ?? until;
  return {
    kind: 'pods',
    uid: metadata.uid,
    name: metadata.name ?? '',
    namespace: metadata.namespace ?? '',
    node: spec?.nodeName ?? '',
    workload: workloadOf(metadata),
    labels,
    labelsLeftOut,
    addresses,
    since: timeOf(status.startTime) ?? timeOf(metadata.creationTimestamp) ?? at,
    until,
    ending: isBeingDeleted || spec?.restartPolicy !== 'Always',
  };
}

/** After the last container has ended; undefined while one may run. */
function lastEnd(containers: readonly V1ContainerStatus[] = []): number | undefined {
  const ends = containers.map(({ state }) => timeOf(state?.terminated?.finishedAt));
  if (ends.length === 0 || ends.includes(undefined)) return undefined;
  return Math.max(...(ends as number[])) + SECOND;
}

export function nodeFacts({ metadata, spec, status }: V1Node): NodeFacts | undefined {
  if (!metadata?.uid) return undefined;
  const addresses = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP');
  return {
    kind: 'nodes',
    uid: metadata.uid,
    name: metadata.name ?? '',
    addresses: addresses.map(({ address }) => address),
    podPrefixes: spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]),
  };
}

export function serviceFacts({ metadata, spec, status }: V1Service, at: number): ServiceFacts | undefined {
  if (!metadata?.uid) return undefined;
  const name = `${metadata.namespace}/${metadata.name}`;
  const own = (spec?.clusterIPs ?? [spec?.clusterIP]).filter(ip => ip !== undefined && ip !== '' && ip !== 'None');
  const balancers = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  const ports = spec?.ports ?? [];
  const portsBy = (number: (port: V1ServicePort) => number | undefined): PortFacts[] =>
    ports.flatMap(port => portFacts(name, port.name, port.protocol, number(port)));
  return {
    kind: 'services',
    uid: metadata.uid,
    // an address may have been another's in the second in which it was given
    since: (timeOf(metadata.creationTimestamp) ?? at) + SECOND,
    addresses: [...new Set([...(own as string[]), ...(spec?.externalIPs ?? []), ...balancers])],
    ports: portsBy(({ port }) => port),
    nodePorts: portsBy(({ nodePort }) => nodePort),
  };
}

/** @param node the pods of this one alone; of all where it is undefined */
export function endpointFacts(
  { metadata, endpoints, ports }: V1EndpointSlice,
  node?: string,
): EndpointFacts | undefined {
  const service = metadata?.labels?.['kubernetes.io/service-name'];
  if (!metadata?.uid || service === undefined) return undefined;
  const ours = (endpoints ?? []).filter(({ nodeName }) => node === undefined || nodeName === node);
  const name = `${metadata.namespace}/${service}`;
  return {
    kind: 'endpoints',
    uid: metadata.uid,
    pods: ours.flatMap(({ targetRef }) => (targetRef?.kind === 'Pod' ? (targetRef.uid ?? []) : [])),
    ports: (ports ?? []).flatMap(port => portFacts(name, port.name, port.protocol, port.port)),
  };
}

/** As Antrea writes it: `namespace/name:port`, or without the port where it has no name. */
function portFacts(service: string, port: string | undefined, protocol = 'TCP', number?: number): PortFacts[] {
  const known = PROTOCOLS[protocol];
  if (known === undefined || !number) return [];
  return [{ key: known * 65536 + number, name: port ? `${service}:${port}` : service }];
}

function timeOf(time: Date | string | undefined): number | undefined {
  const milliseconds = time === undefined ? Number.NaN : new Date(time).getTime();
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
