/** How many entries `conntrack -L` has shown, by what it says in the end. @throws where it says nothing of the kind */
export function entriesShown(said: string): number {
  const count = /: (\d+) flow entries have been shown\./.exec(said)?.[1];
  if (count === undefined) throw new Error(`conntrack has not said how many entries it has shown: ${said.trim()}`);
  return Number(count);
}

/** Seconds on a processor, of /proc/PID/schedstat, whose first number is nanoseconds. */
export function secondsScheduled(schedstat: string): number {
  return Number(schedstat.split(' ')[0]) / 1e9;
}

/** Of conntrack's multicast groups (nfnetlink.h) DESTROY, as a bit. */
const DESTROY_GROUP = 1 << 2;
const NETLINK_NETFILTER = '12';

/** How many sockets of /proc/net/netlink listen to DESTROY events. */
export function eventListeners(sockets: string): number {
  return sockets.split('\n').filter(line => {
    const [, protocol, , groups] = line.trim().split(/\s+/);
    return protocol === NETLINK_NETFILTER && (Number.parseInt(groups, 16) & DESTROY_GROUP) !== 0;
  }).length;
}
