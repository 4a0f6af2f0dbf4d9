import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { INTER_NODE, INTRA_NODE } from '../../../src/inventory/enrichment.js';
import type { ChangingCluster } from './changing-cluster.js';

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
