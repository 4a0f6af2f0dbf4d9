import { crc32 } from 'node:zlib';
import { ENTRY_WORDS } from '../encoder/request.js';
import { ROW_SIZE } from '../row/layout.generated.js';
import { COUNTER_WORDS } from '../schedule/export-state.js';

/**
 * What was exported of one connection to one destination, in twelve words: conntrack id, start (2), the four counters (8) as
 * last exported, and reason | state << 8 | destination << 16.
 */
export { ENTRY_WORDS };
export const ENTRY_SIZE = ENTRY_WORDS * 4;
/** Words of an entry that identify the connection. */
export const IDENTITY_WORDS = 3;
/** The last word. */
export const LAST_WORD = IDENTITY_WORDS + COUNTER_WORDS;
/** Bit of the last word: the connection is over, or no longer exported. */
export const ENDED = 0x80;
const REASON_MASK = 0x3f;

/** Kinds of blocks. */
/** Entries that hold from now on. */
export const EXPORTED = 1;
/** Entries that hold from now on, of records that are about to be sent. */
export const PENDING = 2;
/** The batches of a destination up to this one were sent. */
export const DONE = 3;
/**
 * Of this batch the entries from a number on (the first word of the payload), and all later batches, do not hold: they were
 * never sent. The earlier entries of the batch were.
 */
export const WITHDRAWN = 6;
/** A pending batch after a compaction: its entries hold already, these are its sums. */
export const CARRIED = 4;
/** A destination by its number: since when its exports are known, and its name. */
export const DESTINATION = 5;

/** The random number that this file was begun with, in the first two words; the first block. Files of earlier versions have none. */
export const FILE_ID = 7;
/**
 * Connections whose deltas were added to sums, and these sums as they are now. In the first entry, how many entries of connections
 * follow; they hold as those of EXPORTED. Behind them are rows of sums, ROW_ENTRIES entries each; an empty one is no more.
 */
export const SUMMED = 8;
/** Sums of records that are about to be sent: rows as in SUMMED. */
export const PENDING_SUMS = 9;
/** Entries that a row of a sum takes. */
export const ROW_ENTRIES = ROW_SIZE / ENTRY_SIZE;
/** Kinds of blocks end here. */
export const LAST_KIND = PENDING_SUMS;

/** Words of a block before its payload: kind | destination << 16, entries, batch, CRC of the three. */
export const HEAD_WORDS = 4;
export const HEAD_SIZE = HEAD_WORDS * 4;
/** CRC of the payload, continued from that of the head. */
export const TAIL_SIZE = 4;
/** Entries of a block at most. */
export const MOST_ENTRIES = 1024;

export function lastWord(reason: number, state: number, destination: number, ended: boolean): number {
  return (reason | (ended ? ENDED : 0) | (state << 8) | (destination << 16)) >>> 0;
}

export const reasonOf = (word: number): number => word & REASON_MASK;
export const stateOf = (word: number): number => (word >>> 8) & 0xff;
export const destinationOf = (word: number): number => word >>> 16;

/** A block in the making: room for entries between its head and its tail. */
export class EntryBlock {
  readonly capacity: number;
  /** Entry `i` begins at word HEAD_WORDS + i * ENTRY_WORDS. */
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  count = 0;

  constructor(capacity: number = MOST_ENTRIES) {
    this.capacity = capacity;
    const buffer = new ArrayBuffer(blockSize(capacity));
    this.words = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** The word at which the next entry goes; it counts from now on. */
  next(): number {
    return HEAD_WORDS + this.count++ * ENTRY_WORDS;
  }

  /** The finished block; the bytes are this block's own, and the next one is written over them. */
  seal(kind: number, destination: number, batch = 0): Uint8Array {
    const { words, bytes, count } = this;
    const payload = HEAD_SIZE + count * ENTRY_SIZE;
    words[0] = (kind | (destination << 16)) >>> 0;
    words[1] = count;
    words[2] = batch;
    words[3] = crc32(bytes.subarray(0, HEAD_SIZE - 4));
    words[payload / 4] = crc32(bytes.subarray(HEAD_SIZE, payload), words[3]);
    this.count = 0;
    return bytes.subarray(0, payload + TAIL_SIZE);
  }
}

/** Bytes of a block with so many entries. */
export function blockSize(entries: number): number {
  return HEAD_SIZE + entries * ENTRY_SIZE + TAIL_SIZE;
}
