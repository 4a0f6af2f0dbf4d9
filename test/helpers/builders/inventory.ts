import { compileInventory, type CompiledInventory } from '../../../src/inventory/compile.js';
import { InventoryLookup } from '../../../src/inventory/lookup.js';
import type { NameTable } from '../../../src/record/name-table.js';
import { parseInventory } from '../../../src/inventory/parse.js';

/** An inventory as it stands in a file. */
export interface WrittenInventory {
  node?: string;
  pods?: readonly { name: string; namespace: string; node?: string; addresses: readonly string[]; since?: string }[];
  nodes?: readonly { name: string; addresses: readonly string[] }[];
  services?: readonly {
    name: string;
    namespace: string;
    addresses: readonly string[];
    ports: readonly { name?: string; port: number; protocol?: string }[];
  }[];
  podPrefixes?: readonly string[];
}

export function inventoryOf(written: WrittenInventory): CompiledInventory {
  return compileInventory(parseInventory(JSON.stringify(written), 'inventory.json'));
}

export function lookupOf(written: WrittenInventory, names: NameTable): InventoryLookup {
  return new InventoryLookup(inventoryOf(written), names);
}
