import type { ExportSchedule } from '../../../src/schedule/export-schedule.js';

/**
 * Takes what is due from a schedule, as FlowBatcher does, for a test that keeps the records itself.
 * @param take returns false when it takes none now
 * @returns whether more is due
 */
export function exportDue(
  schedule: ExportSchedule,
  now: number,
  budget: number,
  take: (slot: number, reason: number) => boolean,
): boolean {
  for (let looked = 0; looked < budget; looked++) {
    const slot = schedule.next(now);
    if (slot < 0) return false;
    const isNews = schedule.isNews(slot);
    if (isNews && !take(slot, schedule.reason)) return true;
    schedule.done(slot, isNews, now);
  }
  return true;
}
