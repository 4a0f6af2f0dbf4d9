import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodeMessage } from '../decode/decode.js';
import type { CollectedRecord } from '../decode/record.js';
import { DEFAULT_LIMITS } from '../limits.js';
import { countMalformed, type CollectorStats } from '../stats.js';
import { TransportSession } from '../transport-session.js';
import type { OnTrouble } from '../trouble.js';
import { messagesOfFile, type FileDamage } from './messages-of-file.js';

export interface CollectFileOptions {
  /** Called for every data record in the order of the files, options data included. `exporter` is `file:///path`. */
  readonly onRecord: (record: CollectedRecord) => void;
  /** Asked after each record. Where it returns a promise, the next record waits for it. It must not reject. */
  readonly ready?: () => Promise<void> | undefined;
  /** Called with every message before it is decoded, well formed or not. */
  readonly onMessage?: (bytes: Uint8Array, from: string) => void;
  readonly onTrouble?: OnTrouble;
  /** Counted here. */
  readonly stats: CollectorStats;
  /** No more is to be read. */
  readonly signal?: AbortSignal;
}

/**
 * Decodes one IPFIX File (RFC 5655), which is a transport session of its own. Bounded in memory: it holds a chunk of the file and
 * the records of one message.
 * @returns where the file is damaged, undefined where all of it was read
 * @throws CtflowError CTFLOW_IPFIX where it cannot be read
 */
export async function collectFile(path: string, options: CollectFileOptions): Promise<FileDamage | undefined> {
  const { onRecord, ready, onMessage, onTrouble, stats, signal } = options;
  const from = pathToFileURL(resolve(path)).href;
  // withdrawals mean what they mean over TCP: a file loses no message
  const session = new TransportSession(from, 'tcp', stats, DEFAULT_LIMITS, onTrouble);
  const messages = messagesOfFile(path, signal);
  try {
    while (!signal?.aborted) {
      const { done, value } = await messages.next();
      if (done) {
        if (value !== undefined) countMalformed(stats, value.reason);
        return value;
      }
      for (const bytes of value) {
        onMessage?.(bytes, from);
        for (const record of decodeMessage(bytes, session).records) {
          onRecord(record);
          const wait = ready?.();
          if (wait !== undefined) await wait;
          if (signal?.aborted) return undefined;
        }
      }
    }
    return undefined;
  } finally {
    await messages.return(undefined);
  }
}
