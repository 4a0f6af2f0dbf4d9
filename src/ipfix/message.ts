import { U16_MAX } from '../common/unsigned.js';

/** The version in every message header, RFC 7011 section 3.1. */
export const IPFIX_VERSION = 10;
/** Octets of a message header: version (2), length (2), export time (4), sequence number (4), observation domain (4). */
export const MESSAGE_HEADER = 16;
export const LARGEST_MESSAGE = U16_MAX;

/** Octets of a set header: id (2), length (2). */
export const SET_HEADER = 4;
/** Set ids of RFC 7011 section 3.3.2. */
export const TEMPLATE_SET = 2;
export const OPTIONS_TEMPLATE_SET = 3;
export const FIRST_DATA_SET = 256;

/**
 * Writes the header of a message that begins at byte `at`, by bytes: a view of a buffer takes longer to make than to fill.
 * @param exportTime seconds since 1970
 */
export function writeMessageHeader(
  into: Uint8Array,
  at: number,
  length: number,
  exportTime: number,
  sequence: number,
  observationDomain: number,
): void {
  into[at] = 0;
  into[at + 1] = IPFIX_VERSION;
  into[at + 2] = length >>> 8;
  into[at + 3] = length;
  write32(into, at + 4, exportTime);
  write32(into, at + 8, sequence);
  write32(into, at + 12, observationDomain);
}

function write32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

/** Where the data sets of a message begin: its templates stand before them. */
export function firstDataSet(message: Uint8Array): number {
  let at = MESSAGE_HEADER;
  while (setIdOf(message, at) < FIRST_DATA_SET) at += (message[at + 2] << 8) | message[at + 3];
  return at;
}

/** The id of the set that begins there. */
export function setIdOf(bytes: Uint8Array, at = 0): number {
  return (bytes[at] << 8) | bytes[at + 1];
}
