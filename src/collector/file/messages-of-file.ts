import { openSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { READ_NOW } from '../../common/regular-file.js';
import { MessageFramer } from '../message-framer.js';
import type { MalformedReason } from '../stats.js';
import { otherVersion } from '../trouble.js';

/** Where a file stops being IPFIX messages one after another; what follows cannot be read. */
export interface FileDamage {
  /** Octets of the whole messages before it. */
  readonly offset: number;
  /** `truncated`: a message without its end; else what is wrong with the header there. */
  readonly reason: MalformedReason;
  /** `NetFlow 9`, where it is something known. */
  readonly version: string | undefined;
}

/** Octets that are read at once. */
const CHUNK = 65_536;
/** Octets that show what they are. */
const BEGINNING = 4;

/**
 * The messages of an IPFIX File (RFC 5655), those that end in one chunk together; they may be kept. Holds a chunk and a message
 * at most.
 * @param signal ends it, also while a pipe has nothing
 * @returns where the file is damaged, undefined where all of it was read
 * @throws CtflowError CTFLOW_IPFIX where it cannot be read
 */
export async function* messagesOfFile(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly Uint8Array[], FileDamage | undefined, void> {
  const framer = new MessageFramer();
  let offset = 0;
  let file: FileHandle | undefined;
  try {
    if (!(await stat(path)).isFIFO()) file = await open(path);
    for await (const chunk of file ? chunksOf(file) : openPipe(path, signal)) {
      const messages: Uint8Array[] = [];
      const reason = framer.push(chunk, bytes => {
        offset += bytes.length;
        messages.push(bytes);
      });
      if (messages.length > 0) yield messages;
      if (reason !== undefined) return { offset, reason, version: await versionAt(file, offset) };
      if (signal?.aborted) return undefined;
    }
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw unreadable(path, error);
  } finally {
    await file?.close();
  }
  return framer.incomplete ? { offset, reason: 'truncated', version: undefined } : undefined;
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK);
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Without a thread that waits for its writer: Node would not end before it. */
function openPipe(path: string, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  return new Socket({ fd: openSync(path, READ_NOW), readable: true, writable: false, ...(signal && { signal }) });
}

/** @param file undefined for a pipe, which cannot be read again */
async function versionAt(file: FileHandle | undefined, offset: number): Promise<string | undefined> {
  if (!file) return undefined;
  const buffer = new Uint8Array(BEGINNING);
  try {
    const { bytesRead } = await file.read(buffer, 0, BEGINNING, offset);
    return otherVersion(buffer.subarray(0, bytesRead));
  } catch {
    return undefined; // nor can a terminal
  }
}

/** @returns the error to throw */
function unreadable(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === '') return error;
  const hint = errno === 'EISDIR' ? 'Name the files in it' : 'Name an IPFIX file that this user may read';
  return new CtflowError('CTFLOW_IPFIX', `${path} cannot be read (${errno})`, hint, error);
}
