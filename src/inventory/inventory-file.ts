import type { Logger } from '../common/logger.js';
import type { NameTable } from '../record/name-table.js';
import type { CompiledInventory } from './compile.js';
import type { Inventory, InventoryChange, InventorySize } from './inventory.js';
import { InventoryLookup } from './lookup.js';
import { readInventory } from './reader.js';
import { type FileCounts, WatchedFile } from './watched-file.js';

export interface InventoryStats extends InventorySize, FileCounts {}

/** The inventory in force: that of the file, or its last valid content. */
export class InventoryFile implements Inventory<InventoryStats> {
  readonly #file: WatchedFile<CompiledInventory>;
  #users = 1;

  private constructor(file: WatchedFile<CompiledInventory>) {
    this.#file = file;
  }

  /**
   * Reads the file for the first time, and watches it until {@link close}.
   * @param pollMs how often to check the file without a notification
   * @param signal gives up
   * @throws CtflowError CTFLOW_INVENTORY
   */
  static async open(file: string, log: Logger, pollMs?: number, signal?: AbortSignal): Promise<InventoryFile> {
    const facts = ({ size }: CompiledInventory): InventorySize => size;
    const options = { file, what: 'inventory', read: readInventory, facts, log, pollMs };
    return new InventoryFile(await WatchedFile.open(options, signal));
  }

  get inventory(): CompiledInventory {
    return this.#file.content;
  }

  lookup(names: NameTable): InventoryLookup {
    return new InventoryLookup(this.inventory, names);
  }

  stats(): InventoryStats {
    return { ...this.inventory.size, ...this.#file.counts() };
  }

  /** @param listener called when another content comes into force; @returns ends that */
  subscribe(names: NameTable, listener: (change: InventoryChange) => Promise<void>): () => void {
    return this.#file.subscribe(inventory => listener({ lookup: new InventoryLookup(inventory, names) }));
  }

  /** For another user, who closes it too. */
  share(): this {
    this.#users++;
    return this;
  }

  /** Reads the file now, changed or not; a wrong one is logged and counted, and what was in force stays so. */
  reload(): Promise<void> {
    return this.#file.reload();
  }

  /** The last user's ends it. */
  close(): void {
    if (--this.#users === 0) this.#file.close();
  }
}
