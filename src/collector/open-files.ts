import { readFileSync } from 'node:fs';

/** Descriptors that this process may have open (`ulimit -n`); Infinity where the system does not say. */
export function openFiles(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
