import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { CtflowError, errnoOf } from '../common/errors.js';
import { notRegular, READ_NOW } from '../common/regular-file.js';
import { compileInventory } from './compile.js';
import { InventoryError } from './mistakes.js';
import { parseInventory } from './parse.js';
import type { Answer } from './reader.js';

/** Reads one inventory on a thread of its own: a large one takes seconds, in which the exporter goes on. */

/** Bytes; an inventory of 100,000 pods has about 10 MB. Reading takes some 70 times as much memory. */
const LARGEST = 16 << 20;
const HINT = 'Give a file that exists and can be read';

function read(file: string): Answer {
  try {
    return { inventory: compileInventory(parseInventory(readText(file), file)) };
  } catch (error) {
    if (error instanceof InventoryError) return { mistakes: error.mistakes, count: error.count };
    if (!(error instanceof CtflowError)) throw error;
    return { code: error.code, message: error.message, hint: error.hint };
  }
}

function readText(file: string): string {
  const bytes = readBytes(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CtflowError('CTFLOW_INVENTORY', `${file} is not text in UTF-8`, 'Write YAML or JSON', error);
  }
}

/** No more than the limit, however large the file is or becomes. */
function readBytes(file: string): Buffer {
  try {
    const fd = openSync(file, READ_NOW);
    try {
      const found = fstatSync(fd);
      const why = notRegular(found);
      if (why !== undefined) throw new CtflowError('CTFLOW_INVENTORY', `${file} cannot be read: ${why}`, HINT);
      const bytes = Buffer.alloc(Math.min(found.size, LARGEST) + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read) {
        read = readSync(fd, bytes, length, bytes.length - length, null);
      }
      const size = Math.max(found.size, length);
      if (size <= LARGEST) return bytes.subarray(0, length);
      throw new CtflowError('CTFLOW_INVENTORY', `${file} has ${size} bytes or more`, `The limit is ${LARGEST} bytes`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof CtflowError) throw error;
    const reason = errnoOf(error) || String(error);
    throw new CtflowError('CTFLOW_INVENTORY', `${file} cannot be read: ${reason}`, HINT, error);
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort!.postMessage(read(workerData as string));
