import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import type { Batch } from '../row/batch.js';
import { writeNumber } from '../common/u64.js';
import {
  CARRIED,
  destinationOf,
  ENTRY_WORDS,
  EntryBlock,
  EXPORTED,
  HEAD_WORDS,
  LAST_WORD,
  MOST_ENTRIES,
  ROW_ENTRIES,
  SUMMED,
} from './entry-block.js';
import type { SumRows } from '../record/sum-row.js';
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
  /** The journal as it grows; its size is undefined once it is closed or has failed. */
  from: { path: string; size: () => number | undefined };
  /** DESTINATION blocks of those that are exported to, and their numbers. */
  destinations: Uint8Array[];
  numbers: ReadonlySet<number>;
  write: Write;
  /** Rows of the destroy log: their entries are kept. */
  destroys: (onBatch: (batch: Batch) => void) => Promise<void>;
  /** How many of the last ended connections of a destination stay. */
  keptEnds: number;
}

/**
 * Writes a journal anew without old entries of ended connections and without repeated entries: reads it up to now, writes the
 * result, and copies what was added meanwhile. The event loop gets its turn; when this settles nothing is missing.
 * @returns fd -1 where the journal was closed or failed meanwhile
 * @throws the system's error
 */
export async function compact(work: Compaction): Promise<{ fd: number; size: number }> {
  const { from, numbers } = work;
  const upTo = from.size()!;
  const contents = new JournalContents(upTo, work.keptEnds);
  rmSync(work.path, { force: true });
  // a journal that fails closes its fd, and the number may soon be another file's
  const old = openSync(from.path, 'r');
  const fd = openSync(work.path, 'ax+', 0o600);
  let size = 0;
  const discard = (): void => {
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
    await work.destroys(batch => contents.keepEnded(batch));
    put(work.header);
    for (const block of work.destinations) put(block);
    if (from.size() !== undefined) await writeEntries(contents, numbers, put);
    for (const { number, pending, sums } of contents.destinations) {
      if (!numbers.has(number)) continue;
      for (const one of pending) put(carriedBlock(number, one));
      await writeSums(number, [...sums.values()], put);
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
    discard();
    throw error;
  } finally {
    closeSync(old);
  }
  discard();
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
    const number = destinationOf(table.words[word + LAST_WORD]);
    const block = blocks.get(number);
    if (!block || (table.isEnded(word) && !table.isMarked(word))) continue;
    const to = block.next();
    for (let i = 0; i < LAST_WORD; i++) block.words[to + i] = table.words[word + i];
    block.words[to + LAST_WORD] = table.lastWordAt(word);
    if (block.count < block.capacity) continue;
    put(block.seal(EXPORTED, number));
    if (++written % BLOCKS_A_TURN === 0) await turn();
  }
  for (const [number, block] of blocks) if (block.count > 0) put(block.seal(EXPORTED, number));
}

async function writeSums(number: number, sums: readonly SumRows[], put: (bytes: Uint8Array) => void): Promise<void> {
  const most = Math.floor((MOST_ENTRIES - 1) / ROW_ENTRIES);
  const block = new EntryBlock();
  for (let from = 0; from < sums.length; from += most) {
    block.words[block.next()] = 0;
    for (const { words } of sums.slice(from, from + most)) {
      block.words.set(words, block.next());
      block.count += ROW_ENTRIES - 1;
    }
    put(block.seal(SUMMED, number));
    if ((from / most) % BLOCKS_A_TURN === 0) await turn();
  }
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
