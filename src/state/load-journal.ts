import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync } from 'node:fs';
import { errnoOf } from '../common/errors.js';
import type { HostIdentity } from '../common/host.js';
import type { Logger } from '../common/logger.js';
import { JournalContents } from './journal-contents.js';
import { FILE_HEADER_SIZE, readBlocks, refuseFileHeader } from './journal-file.js';
import type { SequenceFile } from './sequence-file.js';
import { cannotWrite } from './state-path.js';

/** Bytes of a file that is read; some 90 million entries. */
const MOST_BYTES = 2 ** 32;

export interface LoadedJournal {
  /** Appends. */
  readonly fd: number;
  /** Bytes of the file, a cut-off end removed. */
  readonly size: number;
  readonly contents: JournalContents;
}

/**
 * The journal of an earlier run. A file that cannot be used is renamed and logged.
 * @returns undefined where there is none
 * @throws CtflowError CTFLOW_STATE where it cannot be opened or renamed
 */
export async function loadJournal(
  path: string,
  identity: HostIdentity,
  sequence: SequenceFile,
  log: Logger,
): Promise<LoadedJournal | undefined> {
  let fd: number;
  try {
    fd = openSync(path, 'r+');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw cannotWrite(path, error);
  }
  const loaded = await read(fd, identity, sequence).catch((error: unknown) => (error as Error).message);
  closeSync(fd);
  const aside = `${path}.refused`;
  try {
    if (typeof loaded !== 'string') return { ...loaded, fd: openSync(path, 'a+') };
    renameSync(path, aside);
  } catch (error) {
    throw cannotWrite(path, error);
  }
  log.warn({ path, aside }, `the state file is not used: ${loaded}. Open connections are treated as on a first start`);
  return undefined;
}

/** @returns or why the file is not used */
async function read(
  fd: number,
  identity: HostIdentity,
  sequence: SequenceFile,
): Promise<Omit<LoadedJournal, 'fd'> | string> {
  const header = new Uint8Array(FILE_HEADER_SIZE);
  const { size } = fstatSync(fd);
  const refused = refuseFileHeader(header.subarray(0, readSync(fd, header, 0, FILE_HEADER_SIZE, 0)), identity);
  if (refused !== undefined) return refused;
  if (size > MOST_BYTES) return `it has ${size} bytes; the limit is ${MOST_BYTES}`;
  const contents = new JournalContents(size);
  let senseless = false;
  const end = await readBlocks(fd, FILE_HEADER_SIZE, size, block => {
    if (!contents.take(block)) senseless = true;
  });
  if (senseless) return 'its blocks contradict each other';
  const { id } = contents;
  if (id && !sequence.known) return `${sequence.path} is missing or damaged, so it may be an older copy`;
  if (id ? !sequence.isLatest(id, end) : sequence.found) return 'it is an older copy';
  // the last write was cut off by the end of the process
  if (end < size) ftruncateSync(fd, end);
  return { size: end, contents };
}
