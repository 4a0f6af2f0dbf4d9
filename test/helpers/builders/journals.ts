import { crc32 } from 'node:zlib';
import { ENTRY_WORDS, EntryBlock, IDENTITY_WORDS, LAST_WORD, lastWord } from '../../../src/state/entry-block.js';
import type { HostIdentity } from '../../../src/common/host.js';
import { Journal, type JournalOptions } from '../../../src/state/journal.js';
import { backends } from '../backends.js';
import { listeningLogger } from '../fakes/listening-logger.js';

export const HOST: HostIdentity = { namespace: 4_026_531_992, boot: '0b6a8f5e-93c1-4e2a-9a51-6f1d2c3b4a59' };

const native = backends().find(({ name }) => name === 'native');
/** Where only the fallback takes part nothing is locked. */
const lock = (fd: number): boolean => native?.lockFile(fd) ?? true;

/** A journal of a test, and what it logs. */
export async function openJournal(
  path: string,
  changed: Partial<JournalOptions> = {},
): Promise<{ journal: Journal; lines: Record<string, unknown>[] }> {
  const { log, lines } = listeningLogger();
  const journal = await Journal.open({ path, identity: HOST, log, lock, ...changed });
  return { journal, lines };
}

/** An entry's words. */
export function entry(
  id: number,
  start: number,
  counters: readonly number[],
  { reason = 2, state = 0, destination = 0, ended = false } = {},
): Uint32Array {
  const words = new Uint32Array(ENTRY_WORDS);
  words.set([id, start, 400_000_000]);
  counters.forEach((counter, i) => (words[IDENTITY_WORDS + i * 2] = counter));
  words[LAST_WORD] = lastWord(reason, state, destination, ended);
  return words;
}

/** A block of entries, on its own. */
export function block(kind: number, entries: readonly Uint32Array[], batch = 0, destination = 0): Uint8Array {
  const made = new EntryBlock(entries.length);
  for (const words of entries) made.words.set(words, made.next());
  return Buffer.from(made.seal(kind, destination, batch));
}

/** Makes the checksum of a file's header right again. */
export function resealHeader(bytes: Buffer): void {
  new Uint32Array(bytes.buffer, bytes.byteOffset, 16)[15] = crc32(bytes.subarray(0, 60));
}
