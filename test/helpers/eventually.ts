import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 50;

/**
 * Asks again until the answer is neither undefined nor false, and returns it.
 * @param what said in the error when `timeout` milliseconds have passed
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 20_000,
): Promise<T> {
  const end = performance.now() + timeout;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await sleep(INTERVAL);
  }
}
