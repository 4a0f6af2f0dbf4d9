import { MESSAGE_HEADER, SET_HEADER } from './message.js';
import { isVariable, type Field } from './template.js';

/** What the flow records of messages hold together. */
export interface Totals {
  flows: number;
  packets: number;
  octets: number;
}

const PACKETS = new Set(['packetDeltaCount', 'reversePacketDeltaCount']);
const OCTETS = new Set(['octetDeltaCount', 'reverseOctetDeltaCount']);
/** RFC 7011 section 7: a length of 255 is followed by one of two octets. */
const LONG = 255;

/**
 * Adds the flow records of one of our own messages, and what their deltas count; of records that are lost.
 * @param fieldsOf the fields of a template by its id, undefined for options
 */
export function addMessage(
  totals: Totals,
  message: Uint8Array,
  fieldsOf: (id: number) => readonly Field[] | undefined,
): void {
  const view = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  for (let at = MESSAGE_HEADER; at < view.length;) {
    const fields = fieldsOf(view.readUInt16BE(at));
    const end = at + view.readUInt16BE(at + 2);
    if (fields) for (let record = at + SET_HEADER; record < end;) record = addRecord(totals, view, record, fields);
    at = end;
  }
}

/** @returns where the next record begins */
function addRecord(totals: Totals, view: Buffer, at: number, fields: readonly Field[]): number {
  totals.flows++;
  for (const field of fields) {
    const { name } = field.element;
    if (PACKETS.has(name)) totals.packets += Number(view.readBigUInt64BE(at));
    else if (OCTETS.has(name)) totals.octets += Number(view.readBigUInt64BE(at));
    if (!isVariable(field)) at += field.length;
    else at += view[at] === LONG ? 3 + view.readUInt16BE(at + 1) : 1 + view[at];
  }
  return at;
}
