import { Worker } from 'node:worker_threads';
import { CtflowError, type ErrorCode } from '../common/errors.js';
import type { CompiledInventory } from './compile.js';
import { InventoryError, type Mistake } from './mistakes.js';

/** The message of the reading thread. */
export type Answer =
  | { inventory: CompiledInventory }
  | { mistakes: readonly Mistake[]; count: number }
  | { code: ErrorCode; message: string; hint: string };

/** Of the thread: reading 16 MiB takes about as much. */
const MOST_MEMORY_MB = 2_048;

/**
 * Reads an inventory whole, checks it and makes its tables, beside the event loop.
 * @param signal gives up
 * @throws CtflowError CTFLOW_INVENTORY
 */
export async function readInventory(file: string, signal?: AbortSignal): Promise<CompiledInventory> {
  const thread = new Worker(new URL('reader-thread.js', import.meta.url), {
    workerData: file,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
  });
  const end = (): void => void thread.terminate();
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end);
  const answer = await new Promise<Answer>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('the reading ended without an answer')));
  })
    .catch((error: unknown): never => {
      const { message } = error as Error;
      throw new CtflowError('CTFLOW_INVENTORY', `${file} cannot be read: ${message}`, 'Make it smaller', error);
    })
    .finally(() => signal?.removeEventListener('abort', end));
  if ('inventory' in answer) return answer.inventory;
  if ('mistakes' in answer) throw new InventoryError(answer.mistakes, answer.count);
  throw new CtflowError(answer.code, answer.message, answer.hint);
}
