import { openSync, closeSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { DestroyLogCounts, DestroyLogPlace } from '../../../native/binding.js';
import type { Batch } from '../../../src/row/batch.js';
import {
  DESTROY_LOG_RECORD_SIZE,
  DESTROY_LOG_RECORDS_AT,
  DESTROY_LOG_ROW_AT,
  ROW_SIZE,
} from '../../../src/row/layout.generated.js';
import type { DestroyWriter } from '../../../src/state/destroy-log.js';
import { writeNumber } from '../../../src/common/u64.js';

/** A record of a file of ends. */
export function endsRecord(place: number, row: Uint8Array): Uint8Array {
  const words = new Uint32Array(DESTROY_LOG_RECORD_SIZE / 4);
  const bytes = new Uint8Array(words.buffer);
  writeNumber(words, 0, place);
  bytes.set(row, DESTROY_LOG_ROW_AT);
  words[2] = crc32(row, crc32(bytes.subarray(0, 8)));
  return bytes;
}

/** Writes rows down as the native listener does. */
export class DestroyLogWriter implements DestroyWriter {
  #to: DestroyLogPlace;
  readonly #counts: DestroyLogCounts = { written: 0, full: 0, failed: 0, withoutIdentity: 0 };
  #place: number;
  #done: number;

  constructor(to: DestroyLogPlace) {
    this.#to = to;
    this.#place = to.place;
    this.#done = to.done;
  }

  /** Where the record of this place stands in the file. */
  offset(place = this.#place): number {
    return DESTROY_LOG_RECORDS_AT + (place % this.#to.capacity) * DESTROY_LOG_RECORD_SIZE;
  }

  get place(): number {
    return this.#place;
  }

  append({ bytes, count }: Batch): void {
    const fd = openSync(this.#to.path, 'r+');
    for (let row = 0; row < count; row++, this.#place++) {
      if (this.#place - this.#done >= this.#to.capacity) {
        this.#counts.full++;
        continue;
      }
      writeSync(
        fd,
        endsRecord(this.#place, bytes.subarray(row * ROW_SIZE, (row + 1) * ROW_SIZE)),
        0,
        undefined,
        this.offset(),
      );
      this.#counts.written++;
    }
    closeSync(fd);
  }

  destroyLogCounts(): DestroyLogCounts {
    return { ...this.#counts };
  }

  freeDestroyLog(place: number): void {
    this.#done = place;
  }

  replaceDestroyLog(path: string): void {
    this.#to = { ...this.#to, path };
  }
}
