import {
  FORWARDING_STATUS,
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_NTP,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
} from '../row/layout.generated.js';
import { elementByName } from './registry.js';
import type { Field } from './template.js';

/** The ways in which a field of a flow record gets onto the wire; `name` is the information element's. */

export const address4 = (name: string, offset: number): Field => field(name, OP_BYTES, offset, 4);
export const address6 = (name: string, offset: number): Field => field(name, OP_BYTES, offset, 16);
export const unsigned8 = (name: string, offset: number): Field => field(name, OP_U8, offset, 1);
export const unsigned16 = (name: string, offset: number): Field => field(name, OP_U16, offset, 2);
/** A 16-bit number in an element of 32 bits. */
export const widened16 = (name: string, offset: number): Field => field(name, OP_U16, offset, 4);
export const unsigned32 = (name: string, offset: number): Field => field(name, OP_U32, offset, 4);
/** Counters and milliseconds. */
export const unsigned64 = (name: string, offset: number): Field => field(name, OP_U64, offset, 8);
/** Milliseconds of the record as seconds. */
export const seconds = (name: string, offset: number): Field => field(name, OP_SECONDS, offset, 4);
/** The same as dateTimeMicroseconds: NTP's 64 bits, of which the eleven lowest say nothing (RFC 7011 section 6.1.9). */
export const microseconds = (name: string, offset: number): Field => ({
  ...field(name, OP_NTP, offset, 8),
  argument: 0x7ff,
});
/** The same as dateTimeNanoseconds. */
export const nanoseconds = (name: string, offset: number): Field => field(name, OP_NTP, offset, 8);
/** A zero-padded text of `size` bytes. */
export const text = (name: string, offset: number, size: number): Field => field(name, OP_TEXT, offset, size);
export const tcpState = (name: string, offset: number): Field => field(name, OP_TCP_STATE, offset, 0);
/** The TCP states packed at `offset`. */
export const tcpHistory = (name: string, offset: number): Field => field(name, OP_TCP_HISTORY, offset, 0);
/** The name whose number stands at `offset`. */
export const named = (name: string, offset: number): Field => field(name, OP_NAME, offset, 0);
/**
 * forwardingStatus of the record and the firewallEvent that goes with it: 3, flow denied.
 * @param size octets of forwardingStatus, an unsigned32 that most exporters send in one (RFC 7011 section 6.2)
 */
export const denied = (size: 1 | 4): Field[] => [
  constant8('firewallEvent', 3),
  field('forwardingStatus', OP_U8, FORWARDING_STATUS, size),
];
/** The same number in every record. */
export const constant8 = (name: string, argument: number): Field => ({ ...field(name, OP_CONSTANT, 0, 1), argument });
export const constant16 = (name: string, argument: number): Field => ({ ...field(name, OP_CONSTANT, 0, 2), argument });
export const constant32 = (name: string, argument: number): Field => ({ ...field(name, OP_CONSTANT, 0, 4), argument });
/** Zeros of the element's own size. */
export const zeros = (name: string, length: number): Field => field(name, OP_CONSTANT, 0, length);
/** The same text in every record, of 254 bytes at most. */
export const literal = (name: string, value: string): Field => {
  const text = Buffer.from(value);
  return { ...constant8(name, text.length), text };
};
/** The empty string: a length byte of zero. */
export const emptyText = (name: string): Field => field(name, OP_CONSTANT, 0, 1);

function field(name: string, operation: number, offset: number, length: number): Field {
  return { element: elementByName(name), operation, offset, length, argument: 0 };
}
