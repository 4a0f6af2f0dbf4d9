import type { ConnectionStore } from '../../src/store/connection-store.js';
import { Enrichment } from '../../src/inventory/enrichment.js';
import { NameTable } from '../../src/record/name-table.js';
import { lookupOf } from '../../test/helpers/builders/inventory.js';
import type { MeasuredFamily } from '../results/results.js';

/** Pods of this host, one for each of the first clients of Connections. */
const PODS = 64;
/** Others, so that there is something to search in. */
const OTHER_PODS = 1_000;

/** Looks pods and services of a store's connections up, as a host of a cluster does: every connection is of a pod and a service. */
export function lookUp(store: ConnectionStore, family: MeasuredFamily): Enrichment {
  const v6 = family === 'ipv6';
  const client = (i: number): string => (v6 ? `2001:db8:1::${hex(i)}` : `10.1.${i >> 8}.${i & 255}`);
  const other = (i: number): string => (v6 ? `2001:db8:4::${hex(i)}` : `10.2.${i >> 8}.${i & 255}`);
  const pod = (name: string, node: string, address: string) => ({
    name,
    namespace: 'shop',
    node,
    addresses: [address],
  });
  const names = new NameTable();
  const lookup = lookupOf(
    {
      node: 'worker-1',
      pods: [
        ...Array.from({ length: PODS }, (_, i) => pod(`web-${i}`, 'worker-1', client(i))),
        ...Array.from({ length: OTHER_PODS }, (_, i) => pod(`db-${i}`, 'worker-2', other(i))),
      ],
      nodes: [{ name: 'worker-1', addresses: [v6 ? '2001:db8:9::1' : '192.0.2.11'] }],
      services: [
        {
          name: 'front',
          namespace: 'shop',
          addresses: [v6 ? '2001:db8:2::35' : '198.51.100.35'],
          ports: [
            { name: 'https', port: 443 },
            { name: 'dns', port: 53, protocol: 'udp' },
          ],
        },
      ],
    },
    names,
  );
  return new Enrichment(store, lookup, names);
}

function hex(number: number): string {
  return number.toString(16);
}
