import { readdirSync, readFileSync } from 'node:fs';

/** All processes below `pid`. */
export function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(candidate => parentOf(candidate) === pid);
  return [...children, ...children.flatMap(descendants)];
}

export function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

/** Whether every thread of a process, and of those below it, waits for something. */
export function areAsleep(pid: number): boolean {
  return [pid, ...descendants(pid)].every(process => threadsOf(process).every(thread => statOf(thread)?.[0] === 'S'));
}

/** Below /proc. None of a process that has ended. */
function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(thread => `${pid}/task/${thread}`);
  } catch {
    return [];
  }
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(String(pid))?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** State, parent and what follows, undefined where it has ended: what is before them is a name, which may hold anything. */
function statOf(path: string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${path}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
