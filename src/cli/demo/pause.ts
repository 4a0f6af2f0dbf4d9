import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after `milliseconds`, or at once when the signal is or comes. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, signal ? { signal } : {}).catch((error: unknown) => {
    if (!signal?.aborted) throw error;
  });
}
