import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from '../eventually.js';
import { areAsleep } from '../kernel/processes.js';

/** NETLINK_NETFILTER. */
const NETFILTER = '12';

/** Bytes that the kernel holds unread for a process in its sockets of netfilter's netlink, as the kernel counts them. */
export function unreadEvents(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  const sockets = new Set(
    readdirSync(folder).map(fd => /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? ''),
  );
  return readFileSync(`/proc/${pid}/net/netlink`, 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, protocol, , , , , , , , inode]) => protocol === NETFILTER && sockets.has(inode))
    .reduce((sum, [, , , , received]) => sum + Number(received), 0);
}

/** Waits until a process has read all netfilter messages and has processed them: each of its threads sleeps. */
export async function digested(pid: number): Promise<void> {
  let times = 0;
  await eventually('the events are dealt with', () => {
    times = unreadEvents(pid) === 0 && areAsleep(pid) ? times + 1 : 0;
    return times === 2; // one thread may have woken another while they were looked at
  });
}
