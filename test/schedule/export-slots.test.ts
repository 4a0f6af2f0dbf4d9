import test from 'ava';
import { COUNTER_WORDS, ExportSlots } from '../../src/schedule/export-state.js';

test('the export state of a slot does not change its other fields or its neighbours', t => {
  const slots = new ExportSlots(3);
  const counters = (slot: number): number[] => Array.from({ length: COUNTER_WORDS }, (_, i) => 0xffff_ff00 + slot + i);
  for (const slot of [0, 1, 2]) {
    slots.words.set(counters(slot), slots.countersAt(slot));
    slots.setActiveSince(slot, 1000.25 + slot);
    slots.setLast(slot, 250 + slot, 240 + slot);
    slots.setNews(slot, 230 + slot);
    slots.idle.push(slot);
    slots.active.push(2 - slot);
  }
  for (const slot of [0, 1, 2]) {
    const at = slots.countersAt(slot);
    t.deepEqual([...slots.words.subarray(at, at + COUNTER_WORDS)], counters(slot));
    t.is(slots.activeSince(slot), 1000.25 + slot);
    t.deepEqual(
      [slots.lastReason(slot), slots.lastState(slot), slots.news(slot)],
      [250 + slot, 240 + slot, 230 + slot],
    );
  }
  t.deepEqual([slots.idle.head, slots.idle.after(0), slots.idle.after(1), slots.idle.after(2)], [0, 1, 2, -1]);
  t.deepEqual([slots.active.head, slots.active.after(2), slots.active.after(1), slots.active.after(0)], [2, 1, 0, -1]);
});
