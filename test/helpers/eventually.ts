import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 50;
/** Whoever was held up for longer than the timeout asks on: what it waits for was held up too. */
const LEAST_ASKS = 100;

/**
 * Asks again until the answer is neither undefined nor false, and returns it.
 * @param what said in the error when `timeout` milliseconds have passed, and it was asked often enough
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 300_000,
): Promise<T> {
  const end = performance.now() + timeout;
  for (let asked = 1; ; asked++) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (asked >= LEAST_ASKS && performance.now() > end) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await sleep(INTERVAL);
  }
}
