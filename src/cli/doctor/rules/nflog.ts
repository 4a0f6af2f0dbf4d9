import { error, ok, warning, type Finding } from '../finding.js';
import { notSeen } from './hidden-traffic.js';
import type { Host } from '../host.js';
import type { Rules } from './rules.js';

/** Of a socket in /proc/net/netlink (include/uapi/linux/netlink.h). */
const NETLINK_NETFILTER = 12;

/**
 * Whether each group that is wanted is free: the kernel gives it one reader.
 * @param running the process of the ctflow that runs with these settings, where there is one
 */
export async function checkNflogGroups(
  host: Host,
  groups: readonly number[],
  running: () => Promise<number | undefined>,
): Promise<Finding[]> {
  const text = host.read('/proc/net/netfilter/nfnetlink_log');
  if (groups.length === 0) return [ok('none is needed: no --nflog-group is given')];
  if (text === undefined)
    return [
      warning('readers of NFLOG groups cannot be read: not root, or nfnetlink_log is not loaded', 'sudo ctflow doctor'),
    ];
  // its columns are group, port id, … (seq_show, net/netfilter/nfnetlink_log.c)
  const readers = new Map(
    text
      .trim()
      .split('\n')
      .map(line => line.trim().split(/\s+/).slice(0, 2).map(Number) as [number, number]),
  );
  const own = groups.some(group => readers.has(group)) ? await running() : undefined;
  return groups.map(group => {
    const port = readers.get(group);
    if (port === undefined) return ok(`group ${group} is free`, String(group));
    const reader = processOf(host, port);
    if (reader !== undefined && reader === own)
      return ok(`group ${group} is read by the running ctflow (process ${reader})`, String(group));
    const name = (): string => host.read(`/proc/${reader}/comm`)?.trim() ?? '?';
    const who = reader === undefined ? `netlink port ${port}` : `process ${reader} (${name()})`;
    const found = `group ${group} is read by ${who}: a second reader is refused`;
    return warning(found, reader === undefined ? `ss -f netlink -p | grep ${port}` : `ps -fp ${reader}`, String(group));
  });
}

/** A port is a number of its own as soon as a process has a second socket, so the socket tells whose it is. */
function processOf(host: Host, port: number): number | undefined {
  // sk, protocol, port, …, inode (netlink_native_seq_show, net/netlink/af_netlink.c)
  const sockets = (host.read('/proc/net/netlink') ?? '').split('\n').map(line => line.trim().split(/\s+/));
  const socket = sockets.find(([, protocol, one]) => Number(protocol) === NETLINK_NETFILTER && Number(one) === port);
  return socket && host.holderOf(Number(socket.at(-1)));
}

/** Whether rules log to the groups that are wanted. */
export function checkNflogRules({ logGroups, unseen, toSee }: Rules, host: Host, groups: readonly number[]): Finding[] {
  const words = (group: number): string =>
    `${logGroups.get(group)} ${logGroups.get(group) === 1 ? 'rule logs' : 'rules log'} to group ${group}`;
  const found = groups.map(group => {
    const subject = String(group);
    if (logGroups.has(group)) return ok(words(group), subject);
    const seen = unseen.length === 0;
    const what = `no rule ${seen ? '' : 'that could be seen '}logs to group ${group}: there is nothing to receive`;
    const rule = `add rule inet denied in ct state invalid log group ${group}`;
    const chain = 'add table inet denied; add chain inet denied in { type filter hook input priority 0; }';
    const command = host.line(`nft '${chain}; ${rule}'`);
    return seen ? error(what, command, subject) : notSeen(what, unseen, toSee);
  });
  for (const group of [...logGroups.keys()].toSorted((one, other) => one - other))
    if (!groups.includes(group)) found.push(ok(`${words(group)}; no --nflog-group reads it`, String(group)));
  return found.length > 0 ? found : [ok('no rule logs to a group')];
}
