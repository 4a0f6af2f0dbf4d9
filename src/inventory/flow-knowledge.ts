import type { Logger } from '../common/logger.js';
import type { FlowExtras } from '../encoder/columns.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { Interfaces } from '../ipfix/interfaces.js';
import type { NameTable } from '../record/name-table.js';
import type { Source } from '../sources/source.js';
import type { FlowStore } from '../store/flow-store.js';
import { Enrichment } from './enrichment.js';
import { HostInterfaces } from './host-interfaces.js';
import type { InventoryFile } from './inventory-file.js';
import { LocalAddresses, LocalEnds } from './local-ends.js';

interface KnowledgeOptions {
  source: Source;
  destinations: readonly { interfaces: Interfaces }[];
  inventory?: InventoryFile;
}

/** Who knows something of flows that no row of the kernel has: this host of its ends, and an inventory of names. */
export class FlowKnowledge implements PollHook {
  /** Where a destination has interfaces in its records. */
  readonly interfaces: HostInterfaces | undefined;
  readonly #addresses: LocalAddresses;
  readonly #inventory: InventoryFile | undefined;
  readonly #names: NameTable;

  constructor({ source, destinations, inventory }: KnowledgeOptions, names: NameTable, log: Logger) {
    this.#addresses = new LocalAddresses(source, log);
    const wanted = destinations.some(({ interfaces }) => interfaces !== 'none');
    this.interfaces = wanted ? new HostInterfaces(source, log) : undefined;
    this.#inventory = inventory;
    this.#names = names;
  }

  /** Reads what may have changed on the host. */
  beforeDump(): void {
    this.#addresses.beforeDump();
    this.interfaces?.beforeDump();
  }

  /** What is known of a store's flows, from now on. */
  of(store: FlowStore): FlowExtras {
    store.subscribe(new LocalEnds(store, this.#addresses));
    const inventory = this.#inventory;
    if (!inventory) return {};
    const enrichment = new Enrichment(store, inventory.inventory, this.#names);
    inventory.subscribe(changed => enrichment.use(changed));
    return enrichment.extras;
  }
}
