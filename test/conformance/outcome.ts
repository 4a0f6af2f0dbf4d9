import type { Backend } from '../../src/backend/backend.js';
import type { Decoded } from '../../src/netlink/decode.js';
import type { Encoded, EncodeRequest } from '../../src/encoder/request.js';
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

/** What an encoder answered: its counts, the messages and the pairs of lengths, or the code of its error. */
export interface Encoding {
  readonly answer: Encoded | string;
  readonly messages: readonly Buffer[];
  readonly records: readonly number[];
}

/** An encode request without its outputs, but with their sizes. */
export type Job = Omit<EncodeRequest, 'out' | 'lengths'> & { readonly room: number; readonly pairs: number };

export function encoding(backend: Backend, job: Job): Encoding {
  const out = new Uint8Array(job.room).fill(0xaa);
  const lengths = new Uint32Array(job.pairs * 2);
  try {
    const answer = { ...backend.encode({ ...job, out, lengths }) };
    const messages: Buffer[] = [];
    const records: number[] = [];
    let at = 0;
    for (let i = 0; i < answer.messages; i++) {
      messages.push(Buffer.from(out.subarray(at, at + lengths[i * 2])));
      records.push(lengths[i * 2 + 1]);
      at += lengths[i * 2];
    }
    return { answer, messages, records };
  } catch (error) {
    return { answer: codeOf(error), messages: [], records: [] };
  }
}

function codeOf(error: unknown): string {
  return error instanceof CtflowError ? error.code : String(error);
}
