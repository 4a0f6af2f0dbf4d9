import { ZEROED, type FlowExtras } from '../../../src/encoder/columns.js';
import { FlowFacts } from '../../../src/encoder/flow-facts.js';
import { readBigInt, readNumber } from '../../../src/common/u64.js';
import * as row from '../../../src/row/layout.generated.js';
import type { ExportSlots } from '../../../src/schedule/export-state.js';
import type { ConnectionTable } from '../../../src/store/connection-table.js';

/** A flow record, read back from what an encoder reads. */
export interface Report {
  /** Original source port, or the identifier of ICMP: tells the connections of a test apart. */
  readonly port: number;
  readonly reason: number;
  /** biflowDirection. */
  readonly direction: number;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly state: number;
  /** The TCP states before that one. */
  readonly before: readonly number[];
  readonly flowId: bigint;
  /** Packets and octets of the original direction, then of the reply direction. */
  readonly deltas: readonly bigint[];
  readonly totals: readonly bigint[];
}

/** The flow record that a slot has now. */
export function reportOf(
  table: ConnectionTable,
  slots: ExportSlots,
  slot: number,
  reason: number,
  extras: FlowExtras = {},
): Report {
  const columns = table.columns(extras);
  const facts = new FlowFacts(columns, slots.bytes);
  facts.read(slot, reason);
  const { words, bytes } = facts;
  const at = slot * row.ROW_SIZE;
  const fact = (offset: number): number => (offset - row.ROW_SIZE) >> 2;
  const counters = [row.ORIG_PACKETS, row.ORIG_OCTETS, row.REPLY_PACKETS, row.REPLY_OCTETS];
  const deltas = [row.ORIG_PACKET_DELTA, row.ORIG_OCTET_DELTA, row.REPLY_PACKET_DELTA, row.REPLY_OCTET_DELTA];
  const zeroed = (table.flags[slot] & ZEROED) !== 0;
  return {
    port: new Uint16Array(table.rows.buffer, table.rows.byteOffset)[(at + row.ORIG_SPORT) >> 1],
    reason: bytes[row.END_REASON - row.ROW_SIZE],
    direction: bytes[row.BIFLOW_DIRECTION - row.ROW_SIZE],
    start: readNumber(words, fact(row.FLOW_START_MS)),
    end: readNumber(words, fact(row.FLOW_END_MS)),
    state: table.bytes[at + row.STATE],
    before: unpacked(words[fact(row.TCP_STATE_HISTORY)]),
    flowId: readBigInt(words, fact(row.FLOW_ID)),
    deltas: deltas.map(offset => readBigInt(words, fact(offset))),
    totals: counters.map((offset, i) => {
      const more = zeroed ? readBigInt(columns.zeroed, slot * 8 + i * 2) : 0n;
      return BigInt.asUintN(64, readBigInt(table.rows, (at + offset) >> 2) + more);
    }),
  };
}

function unpacked(states: number): number[] {
  const list: number[] = [];
  for (let left = states; left !== 0; left >>>= 4) list.push(left & 15);
  return list;
}
