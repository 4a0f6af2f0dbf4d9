import { read } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import {
  DESTROY_LOG_RECORD_SIZE,
  DESTROY_LOG_RECORDS_AT,
  DESTROY_LOG_ROW_AT,
  LAYOUT_VERSION,
  ROW_SIZE,
} from '../row/layout.generated.js';
import { readNumber, writeNumber } from '../common/u64.js';
import type { HostIdentity } from '../common/host.js';
import { encodeFileHeader, FILE_HEADER_SIZE, refuseFileHeader } from './journal-file.js';

/**
 * The bytes of a destroy log: a header, then a ring of records, written by the native listener (ends_file.rs). Numbers are in
 * the byte order of the host, as in the journal.
 *
 * Header: as the journal's (64), then capacity in records (4), version of the rows (4), place below which records are free (8),
 * CRC of these (4). A record stands at its place modulo the capacity.
 */
export const DESTROY_HEADER_SIZE = FILE_HEADER_SIZE + 20;
const KIND = { magic: 'CTFLOWEN', name: 'a destroy log' };
const PLACE_WORDS = 4;
/** No place is as far. */
const FARTHEST = 2 ** 48;
/** Records that are read in one go. */
const CHUNK = 4096;

/** What changes in the header. */
export interface DestroyHeader {
  /** Records that the file has room for. */
  readonly capacity: number;
  /** Places below it are free. */
  readonly done: number;
}

const readAt = promisify(read);

export function encodeDestroyHeader(identity: HostIdentity, changing: DestroyHeader): Uint8Array {
  return Buffer.concat([encodeFileHeader(identity, KIND), encodeChanging(changing)]);
}

/** The part of the header behind FILE_HEADER_SIZE. */
export function encodeChanging({ capacity, done }: DestroyHeader): Uint8Array {
  const words = new Uint32Array(PLACE_WORDS + 1);
  const bytes = new Uint8Array(words.buffer);
  words[0] = capacity;
  words[1] = LAYOUT_VERSION;
  writeNumber(words, 2, done);
  words[PLACE_WORDS] = crc32(bytes.subarray(0, PLACE_WORDS * 4));
  return bytes;
}

/** @returns what stands in it; or why a file with this header holds nothing for this host and version */
export function readDestroyHeader(bytes: Uint8Array, identity: HostIdentity): DestroyHeader | string {
  const refused = refuseFileHeader(bytes, identity, KIND);
  if (refused !== undefined) return refused;
  const changing = Uint8Array.from(bytes.subarray(FILE_HEADER_SIZE, DESTROY_HEADER_SIZE));
  const words = new Uint32Array(changing.buffer, 0, changing.length >> 2);
  const whole = words.length > PLACE_WORDS && words[PLACE_WORDS] === crc32(changing.subarray(0, PLACE_WORDS * 4));
  if (!whole || words[0] === 0 || readNumber(words, 2) > FARTHEST) return 'its header is damaged';
  if (words[1] !== LAYOUT_VERSION) return `its rows are of version ${words[1]}, these are version ${LAYOUT_VERSION}`;
  return { capacity: words[0], done: readNumber(words, 2) };
}

/**
 * Reads the records that are not free, the oldest first. One that is not whole is skipped: it was not written, or only in part.
 * @param onRow the bytes of a row, valid until it returns
 * @returns the place behind the last
 * @throws the system's error
 */
export async function readRecords(
  fd: number,
  { capacity, done }: DestroyHeader,
  onRow: (row: Uint8Array) => void,
): Promise<number> {
  const bytes = new Uint8Array(Math.min(CHUNK, capacity) * DESTROY_LOG_RECORD_SIZE);
  const words = new Uint32Array(bytes.buffer);
  let behind = done;
  for (let looked = 0; looked < capacity;) {
    const index = (done + looked) % capacity;
    const many = Math.min(CHUNK, capacity - looked, capacity - index);
    const position = DESTROY_LOG_RECORDS_AT + index * DESTROY_LOG_RECORD_SIZE;
    const { bytesRead } = await readAt(fd, bytes, 0, many * DESTROY_LOG_RECORD_SIZE, position);
    for (
      let at = 0, place = done + looked;
      at + DESTROY_LOG_RECORD_SIZE <= bytesRead;
      at += DESTROY_LOG_RECORD_SIZE, place++
    ) {
      if (readNumber(words, at >> 2) !== place) continue;
      const row = bytes.subarray(at + DESTROY_LOG_ROW_AT, at + DESTROY_LOG_ROW_AT + ROW_SIZE);
      if (words[(at >> 2) + 2] !== crc32(row, crc32(bytes.subarray(at, at + 8)))) continue;
      onRow(row);
      behind = place + 1;
    }
    // behind the end of the file there is nothing up to the end of the ring, however large it says that it is
    looked += bytesRead < many * DESTROY_LOG_RECORD_SIZE ? capacity - index : many;
  }
  return behind;
}
