import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { CtflowError, errnoOf } from '../common/errors.js';
import { compileInventory } from './compile.js';
import { parseInventory } from './parse.js';
import type { Answer } from './reader.js';

/** Reads one inventory on a thread of its own: a large one takes seconds, in which the exporter goes on. */

/** Bytes; an inventory of 100,000 pods has about 10 MB. */
const LARGEST = 64 << 20;

function read(file: string): Answer {
  try {
    return { inventory: compileInventory(parseInventory(readText(file), file)) };
  } catch (error) {
    if (!(error instanceof CtflowError)) throw error;
    return { code: error.code, message: error.message, hint: error.hint };
  }
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const reason = errnoOf(error) || String(error);
    throw new CtflowError(
      'CTFLOW_INVENTORY',
      `${file} cannot be read: ${reason}`,
      'Give a file that exists and can be read',
      error,
    );
  }
  if (bytes.length > LARGEST) {
    throw new CtflowError('CTFLOW_INVENTORY', `${file} has ${bytes.length} bytes`, `The limit is ${LARGEST} bytes`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CtflowError('CTFLOW_INVENTORY', `${file} is not text in UTF-8`, 'Write YAML or JSON', error);
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort!.postMessage(read(workerData as string));
