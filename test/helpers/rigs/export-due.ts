import { NEWS_NONE } from '../../../src/encoder/columns.js';
import type { ConnectionTable } from '../../../src/store/connection-table.js';
import { ORIG_PACKETS_WORD, ROW_SIZE, ROW_WORDS, STATE } from '../../../src/row/layout.generated.js';
import { DueSlots } from '../../../src/schedule/due-slots.js';
import type { ExportSchedule } from '../../../src/schedule/export-schedule.js';
import { COUNTER_WORDS, type ExportSlots } from '../../../src/schedule/export-state.js';

/**
 * Takes what is due from a schedule, as FlowBatcher does, for a test that keeps the records itself.
 * @param take returns false when it takes none now
 * @returns whether more is due
 */
export function exportDue(
  schedule: ExportSchedule,
  table: ConnectionTable,
  now: number,
  budget: number,
  take: (slot: number, reason: number) => boolean,
): boolean {
  const due = new DueSlots();
  for (let looked = 0; looked < budget;) {
    schedule.due(now, due, budget - looked, Infinity);
    if (due.count === 0) return false;
    for (let i = 0; i < due.count; i++) {
      const [slot, reason, isNews] = [due.slots[i], due.why[i], due.reasons[i] !== 0];
      if (isNews) {
        if (!take(slot, reason)) return true;
        updateExported(schedule.slots, table, slot, reason);
      }
      schedule.done(slot, reason, isNews, now);
    }
    looked += due.count;
  }
  return true;
}

/** As an encoder does for a record that it has written. */
export function updateExported(slots: ExportSlots, table: ConnectionTable, slot: number, reason: number): void {
  const from = slot * ROW_WORDS + ORIG_PACKETS_WORD;
  slots.words.set(table.rows.subarray(from, from + COUNTER_WORDS), slots.countersAt(slot));
  slots.setLast(slot, reason, table.bytes[slot * ROW_SIZE + STATE]);
  slots.setNews(slot, NEWS_NONE);
}
