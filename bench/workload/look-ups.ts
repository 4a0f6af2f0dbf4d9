import type { FlowExtras } from '../../src/encoder/columns.js';
import { Enrichment } from '../../src/inventory/enrichment.js';
import type { AddressLookup } from '../../src/inventory/inventory.js';
import { ClusterLookup } from '../../src/inventory/kubernetes/cluster-lookup.js';
import { NodeTable } from '../../src/inventory/kubernetes/nodes.js';
import { PodTable } from '../../src/inventory/kubernetes/pods.js';
import { ServiceTable } from '../../src/inventory/kubernetes/services.js';
import { NameTable } from '../../src/record/name-table.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../src/row/protocol.js';
import type { ConnectionStore } from '../../src/store/connection-store.js';
import { lookupOf } from '../../test/helpers/builders/inventory.js';
import type { MeasuredFamily } from '../results/results.js';
import { EPOCH } from './connections.js';

/** Pods of this host, one for each of the first clients of Connections. */
const PODS = 64;
/** Others, so that there is something to search in. */
const OTHER_PODS = 1_000;
const HERE = 'worker-1';

export interface LookedUp {
  readonly extras: FlowExtras;
  readonly names: NameTable;
}

interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly addresses: readonly string[];
}

/** Looks pods and services of a store's connections up, as a host of a cluster does: every connection is of a pod and a service. */
export function lookUp(store: ConnectionStore, family: MeasuredFamily): LookedUp {
  return lookUpBy(store, names =>
    lookupOf(
      {
        node: HERE,
        pods: podsOf(family),
        nodes: [{ name: HERE, addresses: [nodeOf(family)] }],
        services: [
          {
            name: 'front',
            namespace: 'shop',
            addresses: [serviceOf(family)],
            ports: [
              { name: 'https', port: 443 },
              { name: 'dns', port: 53, protocol: 'udp' },
            ],
          },
        ],
      },
      names,
    ),
  );
}

/** The same pods and services, as an API server has told them. */
export function lookUpInCluster(store: ConnectionStore, family: MeasuredFamily): LookedUp {
  const [pods, nodes, services] = [new PodTable(), new NodeTable(HERE, []), new ServiceTable()];
  const since = EPOCH - 3_600_000;
  podsOf(family).forEach((pod, i) => {
    const workload = `statefulset/${pod.name.replace(/-\d+$/, '')}`;
    const facts = {
      uid: `pod-${i}`,
      ...pod,
      workload,
      labels: '',
      labelsLeftOut: 0,
      since,
      until: Number.POSITIVE_INFINITY,
      ending: false,
    };
    pods.set({ kind: 'pods', ...facts }, since);
  });
  nodes.set({ kind: 'nodes', uid: 'node', name: HERE, addresses: [nodeOf(family)], podPrefixes: [] });
  services.setService({
    kind: 'services',
    uid: 'service',
    since,
    addresses: [serviceOf(family)],
    ports: [
      { key: IPPROTO_TCP * 65_536 + 443, name: 'shop/front:https' },
      { key: IPPROTO_UDP * 65_536 + 53, name: 'shop/front:dns' },
    ],
    nodePorts: [],
  });
  return lookUpBy(
    store,
    names => new ClusterLookup({ pods, nodes, services, labelled: false, contactAt: () => Date.now() }, names),
  );
}

function lookUpBy(store: ConnectionStore, lookupBy: (names: NameTable) => AddressLookup): LookedUp {
  const names = new NameTable();
  return { extras: new Enrichment(store, lookupBy(names), names).extras, names };
}

function podsOf(family: MeasuredFamily): Pod[] {
  const v6 = family === 'ipv6';
  const client = (i: number): string => (v6 ? `2001:db8:1::${hex(i)}` : `10.1.${i >> 8}.${i & 255}`);
  const other = (i: number): string => (v6 ? `2001:db8:4::${hex(i)}` : `10.2.${i >> 8}.${i & 255}`);
  const pod = (name: string, node: string, address: string): Pod => ({
    name,
    namespace: 'shop',
    node,
    addresses: [address],
  });
  return [
    ...Array.from({ length: PODS }, (_, i) => pod(`web-${i}`, HERE, client(i))),
    ...Array.from({ length: OTHER_PODS }, (_, i) => pod(`db-${i}`, 'worker-2', other(i))),
  ];
}

const nodeOf = (family: MeasuredFamily): string => (family === 'ipv6' ? '2001:db8:9::1' : '192.0.2.11');
const serviceOf = (family: MeasuredFamily): string => (family === 'ipv6' ? '2001:db8:2::35' : '198.51.100.35');

function hex(number: number): string {
  return number.toString(16);
}
