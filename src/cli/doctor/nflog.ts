import { error, ok, warning, type Finding } from './finding.js';
import { notSeen } from './hidden-traffic.js';
import type { Host } from './host.js';
import type { Rules } from './rules.js';

/** Whether each group that is wanted is free: the kernel gives it one reader. */
export function checkNflogGroups(host: Host, groups: readonly number[]): Finding[] {
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
  return groups.map(group => {
    const reader = readers.get(group);
    if (reader === undefined) return ok(`group ${group} is free`, String(group));
    const name = host.read(`/proc/${reader}/comm`)?.trim();
    const who = name === undefined ? `netlink port ${reader}` : `process ${reader} (${name})`;
    const found = `group ${group} is read by ${who}: a second reader is refused`;
    return warning(found, name === undefined ? `ss -f netlink -p | grep ${reader}` : `ps -fp ${reader}`, String(group));
  });
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
