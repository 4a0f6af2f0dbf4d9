import { open, type FileHandle } from 'node:fs/promises';
import { CtflowError, errnoOf } from '../../common/errors.js';
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
 * @returns where the file is damaged, undefined where all of it was read
 * @throws CtflowError CTFLOW_IPFIX where it cannot be read
 */
export async function* messagesOfFile(
  path: string,
): AsyncGenerator<readonly Uint8Array[], FileDamage | undefined, void> {
  const framer = new MessageFramer();
  let offset = 0;
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    for (;;) {
      const buffer = new Uint8Array(CHUNK);
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) break;
      const messages: Uint8Array[] = [];
      const reason = framer.push(buffer.subarray(0, bytesRead), bytes => {
        offset += bytes.length;
        messages.push(bytes);
      });
      if (messages.length > 0) yield messages;
      if (reason !== undefined) return { offset, reason, version: await versionAt(file, offset) };
    }
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await file?.close();
  }
  return framer.incomplete ? { offset, reason: 'truncated', version: undefined } : undefined;
}

async function versionAt(file: FileHandle, offset: number): Promise<string | undefined> {
  const buffer = new Uint8Array(BEGINNING);
  try {
    const { bytesRead } = await file.read(buffer, 0, BEGINNING, offset);
    return otherVersion(buffer.subarray(0, bytesRead));
  } catch {
    return undefined; // a pipe cannot be read again
  }
}

/** @returns the error to throw */
function unreadable(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === '') return error;
  const hint = errno === 'EISDIR' ? 'Name the files in it' : 'Name an IPFIX file that this user may read';
  return new CtflowError('CTFLOW_IPFIX', `${path} cannot be read (${errno})`, hint, error);
}
