import type { Batch } from '../row/batch.js';

/**
 * Facts about flows that no kernel row holds: names, the rule that denied one, the TCP states it went through. Who knows
 * them keeps them by slot.
 */
export interface RecordAugmenter {
  /** Bits of ipfix/shape.ts that the facts add. */
  shapeOf(slot: number): number;
  /**
   * Writes the facts into the record that begins at byte `at` of the batch. The fields of it are theirs alone, and are written
   * whether something is known or not: the batch is used again.
   */
  write(slot: number, batch: Batch, at: number): void;
}
