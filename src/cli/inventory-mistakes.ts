import type { CtflowError } from '../common/errors.js';
import type { RunConfig } from '../config/run-config.js';
import { InventoryError } from '../inventory/mistakes.js';
import { readInventory } from '../inventory/reader.js';

/** What is wrong with the inventory that the settings name: it is read whole, as a run would. */
export async function inventoryMistakes({ settings: { inventory }, blame }: RunConfig): Promise<CtflowError[]> {
  if (inventory === undefined) return [];
  try {
    await readInventory(inventory);
    return [];
  } catch (error) {
    if (!(error instanceof InventoryError)) {
      const { message, hint = '' } = error as CtflowError;
      return [blame(['inventory'], message, hint)];
    }
    const found = error.mistakes.map(({ message, hint }) => blame(['inventory'], message, hint));
    const more = error.count - found.length;
    if (more > 0) found.push(blame(['inventory'], `${inventory} has ${more} mistakes more`, 'Mend these first'));
    return found;
  }
}
