import type { Backend } from '../../src/backend/backend.js';
import type { Decoded } from '../../src/netlink/decode.js';
import { CtflowError } from '../../src/common/errors.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import type { Stream } from './netlink-arbitraries.js';

/** What a decoder answered: its counts and the rows, or the code of its error. */
export interface Decoding {
  readonly answer: Decoded | string;
  readonly rows: Buffer;
}

/** Decodes into `capacity` bytes of rows. */
export function decoding(backend: Backend, stream: Stream, words: Uint32Array, capacity: number): Decoding {
  const rows = new Uint8Array(capacity).fill(0xaa); // whatever was there before
  try {
    const answer = { ...backend.decode(stream.netlink, stream.littleEndian, words, rows) };
    return { answer, rows: Buffer.from(rows.subarray(0, answer.rows * ROW_SIZE)) };
  } catch (error) {
    return { answer: codeOf(error), rows: Buffer.alloc(0) };
  }
}

/** The code of an error. */
export function codeOf(error: unknown): string {
  return error instanceof CtflowError ? error.code : String(error);
}
