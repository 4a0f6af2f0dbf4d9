import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import type { Batch } from '../row/batch.js';
import { writeNumber } from '../common/u64.js';
import { CARRIED, destinationOf, ENTRY_WORDS, EntryBlock, HEAD_WORDS, REPORTED, TOLD_WORD } from './entry-block.js';
import { JournalContents } from './journal-contents.js';
import { FILE_HEADER_SIZE, readBlocks, writeWhole, type Write } from './journal-file.js';

/** Bytes copied in one go. */
const COPY = 1 << 20;
/** Blocks written before the event loop gets its turn. */
const BLOCKS_A_TURN = 16;

export interface Compaction {
  /** The new file. */
  path: string;
  header: Uint8Array;
  /** The journal as it grows; its size is undefined when it has been closed or given up. */
  from: { path: string; size: () => number | undefined };
  /** DESTINATION blocks of those that are exported to, and their numbers. */
  destinations: Uint8Array[];
  numbers: ReadonlySet<number>;
  write: Write;
  /** Rows of ends that are not told everywhere: of these it is kept that they were told. */
  heard: (onBatch: (batch: Batch) => void) => Promise<void>;
  /** Ended ones of a destination that stay, the last. */
  keptEnds: number;
}

/**
 * Writes a journal anew, without what has ended long ago and what was said twice: reads it up to where it is now, writes what it comes
 * to, and copies what was added meanwhile behind it. The event loop gets its turn; when this settles nothing is missing.
 * @returns fd -1 where the journal was given up meanwhile
 * @throws the system's error
 */
export async function compact(work: Compaction): Promise<{ fd: number; size: number }> {
  const { from, numbers } = work;
  const upTo = from.size()!;
  const contents = new JournalContents(upTo, work.keptEnds);
  rmSync(work.path, { force: true });
  // whoever gives the journal up closes its file, and the number may soon be another's
  const old = openSync(from.path, 'r');
  const fd = openSync(work.path, 'ax+', 0o600);
  let size = 0;
  const giveUp = (): void => {
    closeSync(fd);
    rmSync(work.path, { force: true });
  };
  const put = (bytes: Uint8Array): void => {
    size += writeWhole(work.write, fd, bytes);
  };
  try {
    const read = await readBlocks(old, FILE_HEADER_SIZE, upTo, block => {
      if (from.size() !== undefined) contents.take(block);
    });
    await work.heard(batch => contents.keepEnded(batch));
    put(work.header);
    for (const block of work.destinations) put(block);
    if (from.size() !== undefined) await writeEntries(contents, numbers, put);
    for (const { number, pending } of contents.destinations) {
      if (numbers.has(number)) for (const one of pending) put(carriedBlock(number, one));
    }
    const chunk = new Uint8Array(COPY);
    for (let at = read; ;) {
      const end = from.size();
      if (end === undefined) break;
      if (at === end) return { fd, size };
      const bytesRead = readSync(old, chunk, 0, Math.min(COPY, end - at), at);
      put(chunk.subarray(0, bytesRead));
      at += bytesRead;
      // the last bit goes without a turn, so that nothing can be added before the new file takes its place
      if (end - at > COPY) await turn();
    }
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    closeSync(old);
  }
  giveUp();
  return { fd: -1, size: 0 };
}

async function writeEntries(
  contents: JournalContents,
  numbers: ReadonlySet<number>,
  put: (bytes: Uint8Array) => void,
): Promise<void> {
  const { table } = contents;
  contents.keepLastEnded();
  const blocks = new Map([...numbers].map(number => [number, new EntryBlock()]));
  let written = 0;
  for (let entry = 0; entry < table.count; entry++) {
    const word = entry * ENTRY_WORDS;
    const number = destinationOf(table.words[word + TOLD_WORD]);
    const block = blocks.get(number);
    if (!block || (table.isEnded(word) && !table.isAsked(word))) continue;
    const to = block.next();
    for (let i = 0; i < TOLD_WORD; i++) block.words[to + i] = table.words[word + i];
    block.words[to + TOLD_WORD] = table.toldAt(word);
    if (block.count < block.capacity) continue;
    put(block.seal(REPORTED, number));
    if (++written % BLOCKS_A_TURN === 0) await turn();
  }
  for (const [number, block] of blocks) if (block.count > 0) put(block.seal(REPORTED, number));
}

function carriedBlock(
  number: number,
  { batch, records, packets, octets }: { batch: number; records: number; packets: number; octets: number },
): Uint8Array {
  const block = new EntryBlock(1);
  block.next();
  [records, packets, octets].forEach((value, i) => writeNumber(block.words, HEAD_WORDS + i * 2, value));
  return block.seal(CARRIED, number, batch);
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
