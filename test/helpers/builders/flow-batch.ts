import { Batch } from '../../../src/row/batch.js';
import { ConnectionTable } from '../../../src/store/connection-table.js';
import { appendRecord } from '../../../src/record/flow-record.js';
import { shapeOf } from '../../../src/ipfix/shape.js';
import { RECORD_SIZE } from '../../../src/row/layout.generated.js';
import { ExportSlots } from '../../../src/schedule/export-state.js';
import { rows, type Facts } from './rows.js';

export const FLOW_START = 1_699_999_990_123;
export const FLOW_END = 1_700_000_000_999;
export const END_REASON = 2;

/** The shape that a connection has. */
export function shape(facts: Facts): number {
  const batch = rows(facts);
  return shapeOf(batch.u32, batch.bytes, 0);
}

/** Flow records of these connections, of which nothing was reported before. */
export function flowBatch(...connections: Facts[]): Batch {
  const table = new ConnectionTable(connections.length);
  const reported = new ExportSlots(connections.length);
  const batch = new Batch(connections.length, RECORD_SIZE);
  for (const facts of connections) {
    const slot = table.allocate(rows(facts).u32, 0);
    table.setStartMs(slot, FLOW_START);
    table.setEndMs(slot, FLOW_END);
    appendRecord(batch, table, slot, reported, END_REASON, []);
  }
  return batch;
}
