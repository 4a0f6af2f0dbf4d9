import { shapeOf } from '../../../src/ipfix/shape.js';
import { ROW_WORDS } from '../../../src/row/layout.generated.js';
import { ConnectionTable, HANDSHAKE } from '../../../src/store/connection-table.js';
import { rows, type Facts } from './rows.js';

export const FLOW_START = 1_699_999_990_123;
export const FLOW_END = 1_700_000_000_999;
export const END_REASON = 2;

/** The shape that a connection has. */
export function shape(facts: Facts): number {
  const batch = rows(facts);
  return shapeOf(batch.u32, batch.bytes, 0);
}

/** A store's table with these connections, the first in slot 0. */
export function flowTable(...connections: Facts[]): ConnectionTable {
  const table = new ConnectionTable(Math.max(connections.length, 1));
  for (const facts of connections) {
    const slot = table.allocate(rows(facts).u32, 0);
    table.setStartMs(slot, FLOW_START);
    table.flags[slot] |= facts.hostEnd ?? 0;
    table.rows[slot * ROW_WORDS + (HANDSHAKE >> 2)] = facts.handshake ?? 0;
    table.setEndMs(slot, facts.lasts === undefined ? FLOW_END : FLOW_START + facts.lasts);
  }
  return table;
}
