import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
