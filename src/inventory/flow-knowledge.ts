import type { Logger } from '../common/logger.js';
import type { FlowExtras } from '../encoder/columns.js';
import type { PollHook } from '../ingest/poll-hook.js';
import type { NameTable } from '../record/name-table.js';
import type { Source } from '../sources/source.js';
import type { FlowStore } from '../store/flow-store.js';
import { Enrichment } from './enrichment.js';
import type { InventoryFile } from './inventory-file.js';
import { LocalAddresses, LocalEnds } from './local-ends.js';

/** Who knows something of flows that no row of the kernel has: this host of its ends, and an inventory of names. */
export class FlowKnowledge {
  readonly pollHook: PollHook;
  readonly #addresses: LocalAddresses;
  readonly #inventory: InventoryFile | undefined;
  readonly #names: NameTable;

  constructor(options: { source: Source; inventory?: InventoryFile }, names: NameTable, log: Logger) {
    this.#addresses = new LocalAddresses(options.source, log);
    this.pollHook = this.#addresses;
    this.#inventory = options.inventory;
    this.#names = names;
  }

  /** What is known of a store's flows, from now on. */
  of(store: FlowStore): FlowExtras {
    new LocalEnds(store, this.#addresses);
    const inventory = this.#inventory;
    if (!inventory) return {};
    const enrichment = new Enrichment(store, inventory.inventory, this.#names);
    inventory.subscribe(changed => enrichment.use(changed));
    return enrichment.extras;
  }
}
