import { Buffer } from 'node:buffer';
import { closeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { HostIdentity } from '../../../src/common/host.js';
import { Batch } from '../../../src/row/batch.js';
import {
  DESTROY_LOG_RECORD_SIZE,
  DESTROY_LOG_RECORDS_AT,
  DESTROY_LOG_ROW_AT,
  ROW_SIZE,
} from '../../../src/row/layout.generated.js';
import { viewRow } from '../../../src/row/row-view.js';
import {
  encodeDestroyHeader,
  DESTROY_HEADER_SIZE,
  readDestroyHeader,
  readRecords,
} from '../../../src/state/destroy-log-format.js';
import {
  blockSize,
  CARRIED,
  DESTINATION,
  DONE,
  ENTRY_WORDS,
  EntryBlock,
  EXPORTED,
  FILE_ID,
  HEAD_SIZE,
  PENDING,
  WITHDRAWN,
} from '../../../src/state/entry-block.js';
import { destinationPayload, JournalContents } from '../../../src/state/journal-contents.js';
import { encodeFileHeader, FILE_HEADER_SIZE, readBlocks, refuseFileHeader } from '../../../src/state/journal-file.js';
import { SequenceFile } from '../../../src/state/sequence-file.js';
import { allow } from '../allowed.js';
import { ScratchFile } from '../scratch-file.js';
import type { Target } from '../target.js';

const HOST: HostIdentity = { namespace: 4_026_531_992, boot: '0b6a8f5e-93c1-4e2a-9a51-6f1d2c3b4a59' };
/** The kinds beside the journal. */
const LOG = 1;
const SEQUENCE = 2;
const SEQUENCE_SUM = 44;
const file = new ScratchFile();
const sequence = new ScratchFile('state.seq');
process.on('exit', () => [file, sequence].forEach(({ fd }) => closeSync(fd)));

function block(kind: number, words: Uint32Array, batch = 0, destination = 0): Buffer {
  const made = new EntryBlock(Math.ceil(words.length / ENTRY_WORDS));
  for (let at = 0; at < words.length; at += ENTRY_WORDS)
    made.words.set(words.subarray(at, at + ENTRY_WORDS), made.next());
  return Buffer.from(made.seal(kind, destination, batch));
}

function entries(...ids: number[]): Uint32Array {
  const words = new Uint32Array(ids.length * ENTRY_WORDS);
  ids.forEach((id, i) => words.set([id, 7, 400_000_000, 10, 0, 20, 0], i * ENTRY_WORDS));
  return words;
}

/** The first octet says which of the files follows: the journal, the destroy log, or how far the journal has come. */
const target: Target = {
  covers: ['/dist/state/'],
  seeds: () => {
    const named = block(DESTINATION, destinationPayload({ name: 'udp://192.0.2.1:4739', since: 1_700_000_000_000 }));
    const journal = [
      [],
      [named, block(EXPORTED, entries(1, 2, 3)), block(PENDING, entries(2), 1), block(DONE, new Uint32Array(0), 1)],
      [named, block(PENDING, entries(4, 5), 2), block(WITHDRAWN, Uint32Array.of(1, 0, 0), 2)],
      [block(FILE_ID, Uint32Array.of(1, 2)), named, block(CARRIED, Uint32Array.of(1, 0, 2, 0, 3, 0), 3)],
    ];
    const log = Buffer.alloc(DESTROY_LOG_RECORDS_AT + 2 * DESTROY_LOG_RECORD_SIZE);
    log.set(encodeDestroyHeader(HOST, { capacity: 2, done: 1 }));
    return [
      ...journal.map(blocks => Buffer.concat([Buffer.from([0]), encodeFileHeader(HOST), ...blocks])),
      mend(Buffer.concat([Buffer.from([LOG]), log])),
      mend(Buffer.concat([Buffer.from([SEQUENCE]), Buffer.from('CTFLOWSQ'), Buffer.alloc(40, 1)])),
    ];
  },
  mend,
  run: async input => {
    const bytes = input.subarray(1);
    const kind = input[0] & 3;
    (kind === SEQUENCE ? sequence : file).write(bytes);
    if (kind === SEQUENCE) readSequence();
    else if (kind === LOG) await readLog(bytes);
    else await readJournal(bytes);
  },
};
export default target;

async function readJournal(bytes: Uint8Array): Promise<void> {
  if (refuseFileHeader(bytes, HOST) !== undefined) return;
  const contents = new JournalContents(bytes.length, 4);
  try {
    const end = await readBlocks(file.fd, FILE_HEADER_SIZE, bytes.length, block => contents.take(block));
    if (end > bytes.length) throw new Error('blocks behind the end');
  } catch (error) {
    allow(error, 'CTFLOW_STATE');
  }
  contents.keepLastEnded();
  contents.keepEnded(new Batch(1));
}

async function readLog(bytes: Uint8Array): Promise<void> {
  const header = readDestroyHeader(bytes, HOST);
  if (typeof header === 'string') return;
  const batch = new Batch(1);
  await readRecords(file.fd, header, row => {
    batch.bytes.set(row);
    viewRow(batch, 0);
  });
}

function readSequence(): void {
  const read = new SequenceFile(sequence.path.replace(/\.seq$/, ''));
  const { known, place } = read;
  const latest = read.isLatest([1, 2], 100);
  read.close();
  if (!(place >= 0) || (!known && (latest || place > 0))) throw new Error('a file that is not whole was believed');
}

/** Checksums that are right. */
function mend(input: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input);
  if ((bytes[0] & 3) === SEQUENCE) {
    if (bytes.length > SEQUENCE_SUM + 4)
      bytes.writeUInt32LE(crc32(bytes.subarray(1, SEQUENCE_SUM + 1)), SEQUENCE_SUM + 1);
    return bytes;
  }
  if (bytes.length < 1 + FILE_HEADER_SIZE) return bytes;
  // apart, so that words are aligned
  const content = Buffer.from(new Uint8Array(bytes.subarray(1)).buffer);
  const log = (bytes[0] & 3) === LOG;
  content.set(
    (log ? encodeDestroyHeader(HOST, { capacity: 1, done: 0 }) : encodeFileHeader(HOST)).subarray(0, FILE_HEADER_SIZE),
  );
  const words = new Uint32Array(content.buffer, 0, content.length >> 2);
  if (log) mendLog(content, words);
  else mendBlocks(content, words);
  return Buffer.concat([bytes.subarray(0, 1), content]);
}

function mendLog(content: Buffer, words: Uint32Array): void {
  if (content.length < DESTROY_HEADER_SIZE) return;
  const from = FILE_HEADER_SIZE;
  const sums = (DESTROY_HEADER_SIZE - 4) / 4;
  words[sums] = crc32(content.subarray(from, DESTROY_HEADER_SIZE - 4));
  for (let at = DESTROY_LOG_RECORDS_AT; at + DESTROY_LOG_RECORD_SIZE <= content.length; at += DESTROY_LOG_RECORD_SIZE) {
    const row = content.subarray(at + DESTROY_LOG_ROW_AT, at + DESTROY_LOG_ROW_AT + ROW_SIZE);
    words[at / 4 + 2] = crc32(row, crc32(content.subarray(at, at + 8)));
  }
}

function mendBlocks(content: Buffer, words: Uint32Array): void {
  for (let at = FILE_HEADER_SIZE; at + HEAD_SIZE <= content.length;) {
    words[at / 4 + 3] = crc32(content.subarray(at, at + HEAD_SIZE - 4));
    const size = blockSize(words[at / 4 + 1]);
    if (at + size > content.length) return;
    words[(at + size) / 4 - 1] = crc32(content.subarray(at + HEAD_SIZE, at + size - 4), words[at / 4 + 3]);
    at += size;
  }
}
