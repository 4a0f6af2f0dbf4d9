import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 50;
/** However late it is: whoever asks may have been held up himself. */
const LEAST_ASKS = 20;

/**
 * Asks again until the answer is neither undefined nor false, and returns it.
 * @param what said in the error when `timeout` milliseconds have passed
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 60_000,
): Promise<T> {
  const end = performance.now() + timeout;
  for (let asks = 1; ; asks++) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (asks >= LEAST_ASKS && performance.now() > end) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await sleep(INTERVAL);
  }
}
