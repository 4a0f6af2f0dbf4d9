import { crc32 } from 'node:zlib';

/**
 * What was reported of one connection to one destination, in twelve words: conntrack id, start (2), the four counters (8) as
 * last reported, and reason | state << 8 | destination << 16.
 */
export const ENTRY_WORDS = 12;
export const ENTRY_SIZE = ENTRY_WORDS * 4;
/** Words of an entry that name the connection. */
export const NAME_WORDS = 3;
export const COUNTER_WORDS = 8;
/** The last word. */
export const TOLD_WORD = NAME_WORDS + COUNTER_WORDS;
/** Bit of the last word: the connection is over, or no longer exported. */
export const ENDED = 0x80;
const REASON_MASK = 0x3f;

/** Kinds of blocks. */
/** Entries that hold from now on. */
export const REPORTED = 1;
/** Entries that hold from now on, of records that are about to be sent. */
export const PENDING = 2;
/** The batches of a destination up to this one are out of its hands. */
export const DONE = 3;
/**
 * Of this batch the entries from a number on (the first word of the payload), and all of the batches behind it, do not hold:
 * they never left. The others of it are done.
 */
export const WITHDRAWN = 6;
/** A batch that is pending: its entries hold already, here is what it adds up to. */
export const CARRIED = 4;
/** A destination by its number: when its memory begins, and its name. */
export const DESTINATION = 5;

/** Words of a block before its payload: kind | destination << 16, entries, batch, CRC of the three. */
export const HEAD_WORDS = 4;
export const HEAD_SIZE = HEAD_WORDS * 4;
/** CRC of the payload, continued from that of the head. */
export const TAIL_SIZE = 4;
/** Entries of a block at most. */
export const MOST_ENTRIES = 1024;

export function toldWord(reason: number, state: number, destination: number, ended: boolean): number {
  return (reason | (ended ? ENDED : 0) | (state << 8) | (destination << 16)) >>> 0;
}

export const reasonOf = (told: number): number => told & REASON_MASK;
export const stateOf = (told: number): number => (told >>> 8) & 0xff;
export const destinationOf = (told: number): number => told >>> 16;

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
