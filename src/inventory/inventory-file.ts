import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import type { NameTable } from '../record/name-table.js';
import type { CompiledInventory } from './compile.js';
import { FileWatch, stampOf } from './file-watch.js';
import type { Inventory, InventoryChange, InventorySize } from './inventory.js';
import { InventoryLookup } from './lookup.js';
import { readInventory } from './reader.js';

export interface InventoryStats extends InventorySize {
  /** When what is in force was read, milliseconds since 1970. */
  loadedAt: number;
  /** Times that another content came into force. */
  reloads: number;
  /** Contents that could not be read or were wrong, and stayed out of force. */
  errors: number;
}

/** The inventory in force: that of the file, or its last valid content. */
export class InventoryFile implements Inventory<InventoryStats> {
  readonly #file: string;
  readonly #log: Logger;
  readonly #counts = { loadedAt: 0, reloads: 0, errors: 0 };
  #inventory: CompiledInventory;
  /** Of the content that was read last, good or not. */
  #stamp: string;
  readonly #watch: FileWatch;
  readonly #listeners = new Set<(inventory: CompiledInventory) => Promise<void>>();
  #users = 1;
  #loading: Promise<void> | undefined;
  #again = false;
  readonly #end = new AbortController();

  private constructor(file: string, log: Logger, inventory: CompiledInventory, stamp: string, pollMs?: number) {
    this.#file = file;
    this.#log = log;
    this.#inventory = inventory;
    this.#stamp = stamp;
    this.#counts.loadedAt = Date.now();
    this.#watch = new FileWatch(file, {
      changed: () => void this.#look(),
      failed: error =>
        log.warn({ error: describeError(error) }, 'the inventory file cannot be watched; changes are found by polling'),
      ...(pollMs !== undefined && { pollMs }),
    });
  }

  /**
   * Reads the file for the first time, and watches it until {@link close}.
   * @param pollMs how often to check the file without a notification
   * @param signal gives up
   * @throws CtflowError CTFLOW_INVENTORY
   */
  static async open(file: string, log: Logger, pollMs?: number, signal?: AbortSignal): Promise<InventoryFile> {
    const stamp = await stampOf(file);
    const inventory = await readInventory(file, signal);
    log.info({ file, ...inventory.size }, 'inventory loaded');
    return new InventoryFile(file, log, inventory, stamp, pollMs);
  }

  get inventory(): CompiledInventory {
    return this.#inventory;
  }

  lookup(names: NameTable): InventoryLookup {
    return new InventoryLookup(this.#inventory, names);
  }

  stats(): InventoryStats {
    return { ...this.#inventory.size, ...this.#counts };
  }

  /** @param listener called when another content comes into force; @returns ends that */
  subscribe(names: NameTable, listener: (change: InventoryChange) => Promise<void>): () => void {
    const hear = (inventory: CompiledInventory): Promise<void> =>
      listener({ lookup: new InventoryLookup(inventory, names) });
    this.#listeners.add(hear);
    return () => void this.#listeners.delete(hear);
  }

  /** For another user, who closes it too. */
  share(): this {
    this.#users++;
    return this;
  }

  /** Reads the file now, changed or not; a wrong one is logged and counted, and what was in force stays so. */
  async reload(): Promise<void> {
    if (this.#end.signal.aborted) return;
    // one reader at a time; what changes meanwhile is read again
    this.#again = true;
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  /** The last user's ends it. */
  close(): void {
    if (--this.#users > 0) return;
    this.#end.abort();
    this.#watch.close();
  }

  async #look(): Promise<void> {
    if ((await stampOf(this.#file)) !== this.#stamp) await this.reload();
  }

  async #load(): Promise<void> {
    const { signal } = this.#end;
    while (this.#again && !signal.aborted) {
      this.#again = false;
      // taken before the reading, so that a later change shows
      this.#stamp = await stampOf(this.#file);
      if (signal.aborted) return;
      try {
        const inventory = await readInventory(this.#file, signal);
        if (signal.aborted) return;
        this.#inventory = inventory;
        this.#counts.reloads++;
        this.#counts.loadedAt = Date.now();
        this.#log.info({ file: this.#file, ...inventory.size }, 'inventory reloaded');
        for (const listener of this.#listeners) void listener(inventory);
      } catch (error) {
        if (signal.aborted) return;
        this.#counts.errors++;
        this.#log.error(`${describeError(error)}; the previous inventory stays in use`);
      }
    }
  }
}
