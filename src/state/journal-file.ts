import { read } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { CtflowError } from '../common/errors.js';
import { blockSize, CARRIED, DONE, HEAD_SIZE, HEAD_WORDS, LAST_KIND, MOST_ENTRIES } from './entry-block.js';
import type { HostIdentity } from '../common/host.js';
import { readNumber, writeNumber } from '../common/u64.js';

/**
 * The bytes of a journal: a header, then blocks. Numbers are in the byte order of the host, as no other may read it.
 *
 * Header: magic (8), version (4), byte order mark (4), inode of the network namespace (8), boot id (36), CRC (4).
 */
export const FILE_HEADER_SIZE = 64;
const JOURNAL: FileKind = { magic: 'CTFLOWST', name: 'a state file' };
const VERSION = 1;
const BYTE_ORDER = 0x01020304;
const CHUNK = 1 << 20;

/** A block as it is read; its entries begin at word `at` and are valid until the callback returns. */
export interface Block {
  kind: number;
  destination: number;
  batch: number;
  count: number;
  words: Uint32Array;
  at: number;
}

/** What a file with such a header is. */
export interface FileKind {
  /** Eight characters. */
  readonly magic: string;
  readonly name: string;
}

/** As writeSync. */
export type Write = (fd: number, bytes: Uint8Array) => number;

const readAt = promisify(read);

export function encodeFileHeader({ namespace, boot }: HostIdentity, { magic } = JOURNAL): Uint8Array {
  const bytes = Buffer.alloc(FILE_HEADER_SIZE);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, FILE_HEADER_SIZE / 4);
  bytes.write(magic, 'latin1');
  words[2] = VERSION;
  words[3] = BYTE_ORDER;
  writeNumber(words, 4, namespace);
  bytes.write(boot, 24, 36, 'latin1');
  words[15] = crc32(bytes.subarray(0, FILE_HEADER_SIZE - 4));
  return bytes;
}

/** @returns why a file with this header holds nothing for this host, undefined where it may */
export function refuseFileHeader(
  bytes: Uint8Array,
  identity: HostIdentity,
  { magic, name } = JOURNAL,
): string | undefined {
  const header = Buffer.alloc(FILE_HEADER_SIZE);
  header.set(bytes.subarray(0, FILE_HEADER_SIZE));
  const words = new Uint32Array(header.buffer, header.byteOffset, FILE_HEADER_SIZE / 4);
  const text = (from: number, to: number): string => header.toString('latin1', from, to);
  if (bytes.length < FILE_HEADER_SIZE || text(0, 8) !== magic) return `it is not ${name} of ctflow`;
  if (words[3] !== BYTE_ORDER) return 'it is damaged, or of a host with another byte order';
  if (words[2] !== VERSION) return `it is of version ${words[2]}, this is version ${VERSION}`;
  if (words[15] !== crc32(header.subarray(0, FILE_HEADER_SIZE - 4))) return 'its header is damaged';
  if (text(24, 60) !== identity.boot) return 'it is from another boot of the host';
  if (readNumber(words, 4) !== identity.namespace) return 'it is of another network namespace';
  return undefined;
}

/**
 * Reads whole blocks between two offsets, a MiB at a time.
 * @returns the offset behind the last whole block; short of `to` where the last one was cut off while it was written
 * @throws CtflowError CTFLOW_STATE where a block is damaged; the system's error where it cannot be read
 */
export async function readBlocks(
  fd: number,
  from: number,
  to: number,
  onBlock: (block: Block) => void,
): Promise<number> {
  const bytes = new Uint8Array(CHUNK + blockSize(MOST_ENTRIES));
  const words = new Uint32Array(bytes.buffer);
  const block: Block = { kind: 0, destination: 0, batch: 0, count: 0, words, at: 0 };
  let held = 0;
  let offset = from;
  for (;;) {
    const wanted = Math.min(CHUNK, to - offset - held);
    const { bytesRead } = await readAt(fd, bytes, held, wanted, offset + held);
    held += bytesRead;
    let at = 0;
    for (;;) {
      const size = held - at < HEAD_SIZE ? Infinity : takeHead(bytes, words, at, block, offset + at);
      if (at + size > held) break;
      if (words[(at + size) / 4 - 1] !== crc32(bytes.subarray(at + HEAD_SIZE, at + size - 4), words[at / 4 + 3])) {
        throw damaged(offset + at);
      }
      block.at = at / 4 + HEAD_WORDS;
      onBlock(block);
      at += size;
    }
    bytes.copyWithin(0, at, held);
    offset += at;
    held -= at;
    if (bytesRead === 0) return offset;
  }
}

/** Writes all of it. @returns bytes written @throws the system's error */
export function writeWhole(write: Write, fd: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) at += write(fd, bytes.subarray(at));
  return bytes.length;
}

/** @returns bytes of the whole block */
function takeHead(bytes: Uint8Array, words: Uint32Array, at: number, block: Block, offset: number): number {
  const word = at / 4;
  block.kind = words[word] & 0xffff;
  block.destination = words[word] >>> 16;
  block.count = words[word + 1];
  block.batch = words[word + 2];
  if (words[word + 3] !== crc32(bytes.subarray(at, at + HEAD_SIZE - 4))) throw damaged(offset);
  const fits =
    block.count <= MOST_ENTRIES &&
    block.kind >= 1 &&
    block.kind <= LAST_KIND &&
    (block.kind !== DONE || block.count === 0) &&
    (block.kind < CARRIED || block.count > 0);
  if (!fits) throw damaged(offset);
  return blockSize(block.count);
}

function damaged(offset: number): CtflowError {
  return new CtflowError('CTFLOW_STATE', `it is damaged at byte ${offset}`, 'Remove it');
}
