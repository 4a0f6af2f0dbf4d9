import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from '../eventually.js';

/** Stops a process until it gets SIGCONT. A signal works after `kill` has returned: this waits until every thread stands still. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const threads = `/proc/${pid}/task`;
  await eventually('every thread stands still', () =>
    readdirSync(threads).every(thread => /\) T [^)]*$/.test(readFileSync(`${threads}/${thread}/stat`, 'utf8'))),
  );
}
