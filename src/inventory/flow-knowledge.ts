import type { Logger } from '../common/logger.js';
import type { FlowExtras } from '../encoder/columns.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { Interfaces, RouteMark } from '../ipfix/interfaces.js';
import type { NameTable } from '../record/name-table.js';
import type { RouteCounts, Source } from '../sources/source.js';
import type { FlowStore } from '../store/flow-store.js';
import { AddressFacts } from './addresses/address-facts.js';
import type { DnsNames, DnsStats } from './addresses/dns-names.js';
import type { Geoip, GeoipStats } from './addresses/geoip.js';
import { Enrichment } from './enrichment.js';
import { HostInterfaces } from './host-interfaces.js';
import { HostRoutes } from './host-routes.js';
import type { Inventory } from './inventory.js';
import type { InventoryFile, InventoryStats } from './inventory-file.js';
import type { KubernetesInventory, KubernetesStats } from './kubernetes/kubernetes-inventory.js';
import { LocalAddresses, LocalEnds } from './local-ends.js';
import { HostOwners, type OwnerStats } from './owners/host-owners.js';

export interface KnowledgeOptions {
  source: Source;
  destinations: readonly { interfaces: Interfaces }[];
  /** Names for the addresses of flows; closed when the exporter closes. */
  inventory?: InventoryFile;
  /** The same of a cluster; not beside a file. */
  kubernetes?: KubernetesInventory;
  /** Autonomous systems and countries of addresses; closed when the exporter closes. */
  geoip?: Geoip;
  /** Names of addresses; closed when the exporter closes. */
  dns?: DnsNames;
  /** Whose sockets the ends of connections on this host are is looked up. */
  owners?: boolean;
  /** The mark by which routes are looked up, where a destination has `interfaces: 'route'`. */
  routeMark: RouteMark;
}

export interface KnowledgeStats {
  readonly inventory?: InventoryStats;
  readonly kubernetes?: KubernetesStats;
  readonly geoip?: GeoipStats;
  readonly dns?: DnsStats;
  /** Where a destination has interfaces by routes. */
  readonly routes?: RouteCounts;
  /** Where owners are looked up. */
  readonly owners?: OwnerStats;
}

/** Who knows something of flows that no row of the kernel has: this host of its ends, an inventory of names, and files about addresses. */
export class FlowKnowledge implements PollHook {
  /** Where a destination has interfaces in its records. */
  readonly interfaces: HostInterfaces | undefined;
  readonly #routes: HostRoutes | undefined;
  readonly #owners: HostOwners | undefined;
  readonly #addresses: LocalAddresses;
  readonly #file: InventoryFile | undefined;
  readonly #kubernetes: KubernetesInventory | undefined;
  readonly #geoip: Geoip | undefined;
  readonly #dns: DnsNames | undefined;
  readonly #names: NameTable;
  readonly #unsubscribe: (() => void)[] = [];

  /** @throws as {@link HostRoutes} and {@link HostOwners} */
  constructor(options: KnowledgeOptions, names: NameTable, log: Logger) {
    const { source, destinations, inventory, kubernetes, geoip, dns, owners, routeMark } = options;
    this.#addresses = new LocalAddresses(source, log);
    const wanted = destinations.some(({ interfaces }) => interfaces !== 'none');
    this.interfaces = wanted ? new HostInterfaces(source, log) : undefined;
    const routed = destinations.some(({ interfaces }) => interfaces === 'route');
    this.#routes = routed ? new HostRoutes(source, routeMark, log) : undefined;
    this.#file = inventory;
    this.#kubernetes = kubernetes;
    this.#geoip = geoip;
    this.#dns = dns;
    this.#owners = owners ? new HostOwners(source, this.#addresses, names, log) : undefined;
    this.#names = names;
  }

  /** Routes are looked up, as a destination has interfaces by them. */
  get routed(): boolean {
    return this.#routes !== undefined;
  }

  /** Reads what may have changed on the host. */
  beforeDump(): void {
    this.#addresses.beforeDump();
    this.interfaces?.beforeDump();
    this.#owners?.beforeDump();
  }

  async afterDump(): Promise<void> {
    this.#owners?.afterDump();
  }

  /** Another inventory concerns it no more. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#owners?.close();
  }

  stats(): KnowledgeStats {
    return {
      ...(this.#file && { inventory: this.#file.stats() }),
      ...(this.#kubernetes && { kubernetes: this.#kubernetes.stats() }),
      ...(this.#geoip && { geoip: this.#geoip.stats() }),
      ...(this.#dns && { dns: this.#dns.stats() }),
      ...(this.#owners && { owners: this.#owners.stats() }),
      ...(this.#routes && { routes: this.#routes.counts() }),
    };
  }

  /** What is known of the store of connections, from now on: their sockets too. */
  ofConnections(store: FlowStore): FlowExtras {
    return { ...this.of(store), ...this.#owners?.of(store) };
  }

  /** What is known of a store's flows, from now on. */
  of(store: FlowStore): FlowExtras {
    store.subscribe(new LocalEnds(store, this.#addresses));
    const inventory: Inventory | undefined = this.#file ?? this.#kubernetes;
    const [geoip, dns] = [this.#geoip, this.#dns];
    const addresses = (geoip ?? dns) && new AddressFacts(store, this.#names, { geoip, dns });
    const extras: FlowExtras = { ...this.#routes?.of(store), ...addresses?.extras };
    if (!inventory) return extras;
    const enrichment = new Enrichment(store, inventory.lookup(this.#names), this.#names);
    this.#unsubscribe.push(inventory.subscribe(this.#names, change => enrichment.use(change)));
    return { ...extras, ...enrichment.extras };
  }
}
