import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { INTER_NODE, INTRA_NODE } from '../../../src/inventory/enrichment.js';
import { type ChangingCluster, workloadOf } from './changing-cluster.js';

export interface NameCounts {
  records: number;
  /** Of connections that began while the machine was held up; nothing is said of them. */
  heldUp: number;
  /** Ends that have the name of their pod, and that have none though a pod had the address. */
  pods: number;
  unnamedPods: number;
  services: number;
  unnamedServices: number;
  /** Flow types that are known. */
  types: number;
}

/**
 * Records of profile antrea against who had the addresses when their connections began.
 * @returns each name that is another one
 */
export function compareNames(
  records: readonly CollectedRecord[],
  cluster: ChangingCluster,
): { wrong: string[]; counts: NameCounts } {
  const counts = { records: 0, heldUp: 0, pods: 0, unnamedPods: 0, services: 0, unnamedServices: 0, types: 0 };
  const wrong: string[] = [];
  const check = (found: unknown, expected: unknown, what: string): void => {
    if (String(found) !== String(expected)) wrong.push(`${what}: ${String(found)}, not ${String(expected)}`);
  };
  for (const record of records) {
    counts.records++;
    const text = (name: string): string => String(record.get(name));
    const flow = cluster.flow(Number(record.get('sourceTransportPort')));
    if (!flow) {
      counts.heldUp++;
      continue;
    }
    const nodes: string[] = [];
    for (const side of ['source', 'destination']) {
      const address = text(`${side}IPv4Address`);
      const [name, namespace, node] = ['PodName', 'PodNamespace', 'NodeName'].map(field => text(side + field));
      const owner = cluster.podAt(address, flow.start);
      const where = `${side} ${address} of a flow that started at ${flow.start}`;
      if (name !== '') {
        counts.pods++;
        check(`${namespace}/${name}`, owner && `${owner.namespace}/${owner.name}`, where);
      } else {
        if (owner) counts.unnamedPods++;
        check(namespace, '', where);
      }
      if (node !== '') check(node, cluster.nodeOf(address), where);
      if (cluster.isPod(address)) nodes.push(cluster.nodeOf(address));
    }
    const type = Number(record.get('flowType'));
    if (type !== 0 && nodes.length === 2) {
      counts.types++;
      check(type, nodes[0] === nodes[1] ? INTRA_NODE : INTER_NODE, `type of a flow between ${nodes.join(' and ')}`);
    }
    const ports = cluster.servicePortsOf(flow);
    const port = text('destinationServicePortName');
    if (port === '') counts.unnamedServices += Number(ports.length > 0);
    else {
      counts.services++;
      if (!ports.includes(port)) wrong.push(`${flow.serviceAddress}: ${port}, not one of ${ports.join(' ')}`);
    }
  }
  return { wrong, counts };
}

/** A list of elements for {@link compareWorkloads}. */
export const WORKLOAD_FIELDS = [
  'flowId',
  'sourceTransportPort',
  'sourceIPv4Address',
  'destinationIPv4Address',
  'postNATDestinationIPv4Address',
  'sourcePodName',
  'destinationPodName',
  'sourceWorkload=32473/1',
  'destinationWorkload=32473/2',
  'sourcePodLabels',
  'destinationPodLabels',
];
/** Keys of labels for the same. */
export const WORKLOAD_LABELS = ['pod', 'step'];

export interface WorkloadCounts {
  records: number;
  /** Ends that have a workload, and pods that have none. */
  workloads: number;
  bare: number;
  /** Ends whose pod has got other labels by then. */
  relabelled: number;
}

/**
 * Records with {@link WORKLOAD_FIELDS}: a pod that is named has its own workload and labels, which go on as it gets others; no other end
 * has any.
 * @returns each that is another one
 */
export function compareWorkloads(
  records: readonly CollectedRecord[],
  cluster: ChangingCluster,
): { wrong: string[]; counts: WorkloadCounts } {
  const counts = { records: 0, workloads: 0, bare: 0, relabelled: 0 };
  /** By flow and end, the last one. */
  const steps = new Map<string, number>();
  const wrong: string[] = [];
  for (const record of records) {
    counts.records++;
    const port = Number(record.get('sourceTransportPort'));
    const flow = cluster.flow(port);
    if (!flow) continue;
    const after = record.get('postNATDestinationIPv4Address') ?? record.get('destinationIPv4Address');
    const ends = [
      { side: 'source', address: record.get('sourceIPv4Address'), own: record.get('32473/1') },
      { side: 'destination', address: after, own: record.get('32473/2') },
    ];
    for (const { side, address, own } of ends) {
      const pod = record.get(`${side}PodName`);
      const workload = Buffer.from((own ?? []) as Uint8Array).toString();
      const owner = pod === undefined ? undefined : cluster.podAt(String(address), flow.start);
      const expected = owner ? workloadOf(owner) : '';
      if (workload !== expected) wrong.push(`${String(pod)} at ${String(address)}: ${workload}, not ${expected}`);
      else if (workload !== '') counts.workloads++;
      else if (owner) counts.bare++;
      const labels = record.get(`${side}PodLabels`);
      const { pod: labelled, step } = JSON.parse(String(labels ?? '{}')) as { pod?: string; step?: string };
      if (labelled !== pod) wrong.push(`${String(pod)} at ${String(address)} has the labels ${String(labels)}`);
      if (!owner) continue;
      const before = steps.get(`${port} ${side}`) ?? 0;
      const now = Number(step);
      if (!(now >= before && now <= owner.step)) wrong.push(`${String(labels)} after ${before}, of ${owner.step}`);
      steps.set(`${port} ${side}`, now);
      if (now > 0) counts.relabelled++;
    }
  }
  return { wrong, counts };
}
