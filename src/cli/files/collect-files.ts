import { collectFile, type CollectFileOptions } from '../../collector/file/collect-file.js';
import type { FileDamage } from '../../collector/file/messages-of-file.js';
import { CtflowError, describeError } from '../../common/errors.js';
import { note } from '../../common/terminal/standard-streams.js';
import { MALFORMED } from '../collect/troubles.js';

/**
 * Reads IPFIX Files one after another. What is wrong with one is noted, and the others are read.
 * @throws CtflowError CTFLOW_IPFIX at the end, where not all of them were read to their end
 */
export async function collectFiles(paths: readonly string[], options: CollectFileOptions): Promise<void> {
  let failed = 0;
  for (const path of paths) {
    if (options.signal?.aborted) break;
    try {
      const damage = await collectFile(path, options);
      if (damage === undefined) continue;
      note(describeDamage(path, damage));
    } catch (error) {
      if (!(error instanceof CtflowError)) throw error;
      note(describeError(error));
    }
    failed++;
  }
  if (failed === 0) return;
  throw new CtflowError(
    'CTFLOW_IPFIX',
    `${failed} of ${paths.length} files could not be read to their end`,
    'The lines above say which, and from which octet on',
  );
}

/** Where a file is damaged, in one sentence. */
export function describeDamage(path: string, { offset, reason, version }: FileDamage): string {
  if (version !== undefined) return `${path}: ${version} at octet ${offset}; ctflow reads IPFIX alone (version 10)`;
  if (reason === 'truncated') return `${path}: the last message, at octet ${offset}, is cut off; it is discarded`;
  return `${path}: ${MALFORMED[reason]} at octet ${offset}; nothing is read from there on`;
}
