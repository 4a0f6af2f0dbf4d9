import { CLIENTS, type End, ipIn, type Network, NOWHERE, OTHER_WAY, PORTS, SERVERS } from './network.js';

/** One flow to make. */
export interface Flow {
  readonly from: End;
  /** Its source address; absent for the system's choice. */
  readonly local?: string;
  readonly to: string;
  readonly port: number;
}

/** What is special about the routes, and the traffic under it. */
export interface Scenario {
  /** What the table calls it. */
  readonly name: string;
  readonly begin?: (network: Network) => Promise<void>;
  readonly end?: (network: Network) => Promise<void>;
  readonly flows: readonly Flow[];
  /** Whether an interface is right or left out depends on the kernel's hash, which is another one on each host. */
  readonly byHash?: true;
  /** The exporter takes the connection's mark for the packets'. */
  readonly ctmark?: true;
}

const [first, second] = SERVERS;
const both = (
  from: End,
  local: { v4: string; v6: string } | undefined,
  to: { v4: string; v6: string },
  port: number,
): Flow[] =>
  (['v4', 'v6'] as const).map(family => ({ from, ...(local && { local: local[family] }), to: to[family], port }));
const fromClients = (to: { v4: string; v6: string }, port: number = PORTS.plain): Flow[] =>
  CLIENTS.flatMap(client => both('client', client, to, port));
const ROUTER = { v4: '192.0.2.1', v6: '2001:db8:1::1' };

/** A rule that is there during a scenario, for both families. */
function rule(text: (family: 'v4' | 'v6') => string): Pick<Scenario, 'begin' | 'end'> {
  const lines = (verb: string): string[] => [
    `rule ${verb} ${text('v4')} lookup ${OTHER_WAY} priority 100`,
    `-6 rule ${verb} ${text('v6')} lookup ${OTHER_WAY} priority 100`,
  ];
  return { begin: network => network.ip(...lines('add')), end: network => network.ip(...lines('del')) };
}

const MARKED: Pick<Scenario, 'begin' | 'end' | 'flows'> = {
  ...rule(() => 'fwmark 7'),
  flows: [...fromClients(first), ...fromClients(first, PORTS.marked)],
};

const HOPS = {
  v4: ['198.51.100.2', '198.51.100.6'],
  v6: ['2001:db8:2::2', '2001:db8:3::2'],
};

/** Two next hops. @param policy net.ipv4.fib_multipath_hash_policy, and that of IPv6 */
function severalHops(policy: 0 | 1): Pick<Scenario, 'begin' | 'end'> {
  const hops = (list: readonly string[]): string => list.map(hop => `nexthop via ${hop}`).join(' ');
  return {
    begin: async network => {
      for (const family of ['ipv4', 'ipv6']) await network.router.sysctl(`${family}/fib_multipath_hash_policy`, policy);
      await network.ip(
        `route replace 203.0.113.0/24 ${hops(HOPS.v4)}`,
        '-6 route del 2001:db8:ff::/64 via 2001:db8:2::2',
        `-6 route add 2001:db8:ff::/64 ${hops(HOPS.v6)}`,
      );
    },
    end: network =>
      network.ip(
        `route replace 203.0.113.0/24 via ${HOPS.v4[0]}`,
        '-6 route del 2001:db8:ff::/64',
        `-6 route add 2001:db8:ff::/64 via ${HOPS.v6[0]}`,
      ),
  };
}

const TOWARD_ALL: readonly Flow[] = SERVERS.flatMap(server => fromClients(server));
const of = (family: 'v4' | 'v6', flows: readonly Flow[]): Flow[] =>
  flows.filter(({ to }) => to.includes(':') === (family === 'v6'));
const OWN = SERVERS.flatMap(server => both('router', undefined, server, PORTS.plain));

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'one way to everywhere: forwarded, translated, from this host, to it, and inside it',
    flows: [
      ...fromClients(first),
      { from: 'client', to: '203.0.113.80', port: PORTS.plain },
      { from: 'client', to: first.v4, port: PORTS.tcp },
      { from: 'client', to: first.v6, port: PORTS.tcp },
      ...OWN,
      ...both('client', CLIENTS[0], ROUTER, PORTS.plain),
      ...both('server', first, CLIENTS[0], PORTS.plain),
      ...both('server', second, ROUTER, PORTS.plain),
      ...both('router', undefined, { v4: '127.0.0.1', v6: '::1' }, PORTS.plain),
      ...both('router', undefined, ROUTER, PORTS.plain),
    ],
  },
  {
    name: 'asymmetric: the other end sends through another interface than the one it is reached through',
    begin: ({ server }) =>
      ipIn(server, 'route replace default via 198.51.100.5', '-6 route replace default via 2001:db8:3::1'),
    end: ({ server }) =>
      ipIn(server, 'route replace default via 198.51.100.1', '-6 route replace default via 2001:db8:2::1'),
    flows: [...SERVERS.flatMap(server => both('server', server, CLIENTS[0], PORTS.plain)), ...fromClients(first)],
  },
  {
    name: 'no way back to the source',
    flows: CLIENTS.map(({ v4 }) => ({ from: 'server', local: NOWHERE, to: v4, port: PORTS.plain }) as const),
  },
  {
    name: 'rules by source (`from`)',
    ...rule(family => `from ${CLIENTS[1][family]}`),
    flows: [...fromClients(first), ...OWN],
  },
  { name: 'rules by interface (`iif`)', ...rule(() => 'iif inside'), flows: [...fromClients(first), ...OWN] },
  {
    name: 'rules by port (`ipproto`, `dport`)',
    // a bare machine has no /etc/protocols to look names up
    ...rule(() => `ipproto 17 dport ${PORTS.other}`),
    flows: [...fromClients(first), ...fromClients(first, PORTS.other)],
  },
  { name: 'rules by user (`uidrange`)', ...rule(() => 'uidrange 0-0'), flows: [...fromClients(first), ...OWN] },
  { name: 'rules by mark (`fwmark`), `routeMark: none`', ...MARKED },
  { name: 'rules by mark (`fwmark`), `routeMark: ctmark`', ...MARKED, ctmark: true },
  { name: 'IPv4, two next hops by addresses (ECMP)', ...severalHops(0), flows: of('v4', TOWARD_ALL) },
  {
    name: 'IPv6, two next hops by addresses and flow label (ECMP)',
    ...severalHops(0),
    flows: of('v6', TOWARD_ALL),
  },
  {
    name: 'IPv4, two next hops by addresses and ports (ECMP)',
    ...severalHops(1),
    flows: of('v4', TOWARD_ALL),
  },
  {
    name: 'IPv6, two next hops by addresses and ports (ECMP)',
    ...severalHops(1),
    flows: of('v6', TOWARD_ALL),
  },
  {
    name: 'two next hops by addresses and ports (ECMP), flows that this host begins',
    ...severalHops(1),
    flows: OWN,
    byHash: true,
  },
];
