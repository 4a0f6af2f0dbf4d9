import { Batch } from '../../src/row/batch.js';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { ACTIVE_TIMEOUT } from '../../src/store/end-reason.js';
import { ExportSlots } from '../../src/schedule/export-state.js';
import { appendRecord } from '../../src/record/flow-record.js';
import { shapeOf } from '../../src/ipfix/shape.js';
import { RECORD_SIZE, ROW_WORDS } from '../../src/row/layout.generated.js';
import { EPOCH } from './connections.js';

/** Flow records of one shape, as a destination gathers them. */
export interface RecordBatch {
  readonly shape: number;
  readonly batch: Batch;
}

/**
 * Flow records of these rows, in batches of one shape each.
 * @param shapes the bits of a shape that make a difference
 */
export function recordsOf(rows: readonly Batch[], shapes: number, recordsABatch: number): RecordBatch[] {
  const connections = rows.reduce((sum, batch) => sum + batch.count, 0);
  const table = new ConnectionTable(connections);
  const reported = new ExportSlots(connections);
  const open = new Map<number, Batch>();
  const batches: RecordBatch[] = [];
  for (const { u32, count } of rows) {
    for (let i = 0; i < count; i++) {
      const slot = table.allocate(u32, i * ROW_WORDS);
      table.setStartMs(slot, EPOCH);
      table.setEndMs(slot, EPOCH + 5_000);
      const shape = shapeOf(table.rows, table.bytes, slot) & shapes;
      let batch = open.get(shape);
      if (!batch || batch.count === batch.capacity) {
        open.set(shape, (batch = new Batch(recordsABatch, RECORD_SIZE)));
        batches.push({ shape, batch });
      }
      appendRecord(batch, table, slot, reported, ACTIVE_TIMEOUT, []);
    }
  }
  return batches;
}
