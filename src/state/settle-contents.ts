import { ENTRY_WORDS } from './entry-block.js';
import type { ExportedTable } from './exported-table.js';
import type { JournalContents } from './journal-contents.js';

/** Entries looked at before the event loop gets its turn. */
const ENTRIES_A_TURN = 65_536;

/**
 * After the first complete poll: connections of the journal that it did not show have ended.
 * @param ended called for each entry of such a connection
 * @returns connections found again, and those that ended; each counts once, however many destinations know it
 */
export async function settleContents(
  { table, destinations }: JournalContents,
  ended: (destination: number, table: ExportedTable, word: number) => void,
): Promise<{ restored: number; endedWhileDown: number }> {
  const order = new Map(destinations.map(({ number }, i) => [number, i]));
  const numbers = destinations.map(({ number }) => number);
  const isFound = (word: number): boolean => table.isMarked(word);
  const isOpen = (word: number): boolean => !table.isEnded(word);
  let [restored, endedWhileDown, looked] = [0, 0, 0];
  for (let entry = 0; entry < table.count; entry++) {
    looked += numbers.length;
    if (looked >= ENTRIES_A_TURN) {
      looked = 0;
      await new Promise(resolve => setImmediate(resolve));
    }
    const word = entry * ENTRY_WORDS;
    const there = table.some(word, numbers, numbers.length, isFound);
    const destination = table.destinationAt(word);
    if (!there && isOpen(word)) ended(destination, table, word);
    if (table.some(word, numbers, order.get(destination) ?? 0, there ? isFound : isOpen)) continue;
    if (there && isFound(word)) restored++;
    else if (!there && isOpen(word)) endedWhileDown++;
  }
  return { restored, endedWhileDown };
}
