import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { Traffic } from '../../test/helpers/kernel/traffic.js';

/** Addresses of the client, which has all of them on one link. */
export const CLIENTS = [2, 3, 4, 5, 6, 7, 8, 9].map(host => ({ v4: `192.0.2.${host}`, v6: `2001:db8:1::${host}` }));
/** Addresses of the server, which it can be reached at through either of its links. */
export const SERVERS = [1, 2, 3, 4].map(host => ({ v4: `203.0.113.${host}`, v6: `2001:db8:ff::${host}` }));
/** An address of the server that the router has no route to. */
export const NOWHERE = '192.88.99.9';
/** Ports of the server: it takes datagrams on those, and connections on the last. */
export const PORTS = { plain: 9, marked: 10, other: 11, tcp: 8080 } as const;
/** Routing table of another way to the server. */
export const OTHER_WAY = 100;

const TRUTH = `table inet seen {
  set came4 { type ipv4_addr . ipv4_addr . inet_service . ifname; size 8192; flags dynamic; }
  set came6 { type ipv6_addr . ipv6_addr . inet_service . ifname; size 8192; flags dynamic; }
  set left4 { type ipv4_addr . ipv4_addr . inet_service . ifname; size 8192; flags dynamic; }
  set left6 { type ipv6_addr . ipv6_addr . inet_service . ifname; size 8192; flags dynamic; }
  chain came {
    type filter hook prerouting priority 0
    ct direction != original return
    meta nfproto ipv4 meta l4proto { tcp, udp } add @came4 { ct original ip saddr . ct original ip daddr . ct original proto-src . iifname }
    meta nfproto ipv6 meta l4proto { tcp, udp } add @came6 { ct original ip6 saddr . ct original ip6 daddr . ct original proto-src . iifname }
  }
  chain left {
    type filter hook postrouting priority 0
    ct direction != original return
    meta nfproto ipv4 meta l4proto { tcp, udp } add @left4 { ct original ip saddr . ct original ip daddr . ct original proto-src . oifname }
    meta nfproto ipv6 meta l4proto { tcp, udp } add @left6 { ct original ip6 saddr . ct original ip6 daddr . ct original proto-src . oifname }
  }
}
table inet marks {
  chain came { type filter hook prerouting priority -150; udp dport ${PORTS.marked} meta mark set 7 ct mark set 7; }
}
table ip translation {
  chain destinations { type nat hook prerouting priority -100; ip daddr 203.0.113.80 dnat to ${SERVERS[1].v4}; }
  chain sources { type nat hook postrouting priority 100; ip daddr ${SERVERS[1].v4} oif out1 ct status dnat masquerade; }
}`;

/** A flow as nft and records name it: source, destination and source port of the original direction. */
export type FlowKey = string;
export const flowKey = (source: unknown, destination: unknown, port: unknown): FlowKey =>
  [source, destination, port].map(String).join(' ');

/** Interfaces of a flow by name; absent where it has none. */
export interface Seen {
  ingress?: string;
  egress?: string;
}

/** One end of the network, and what makes traffic there. */
export type End = 'client' | 'router' | 'server';

/** A router between a client on one link and a server on two. */
export class Network {
  readonly router: PrivateNamespace;
  readonly server: PrivateNamespace;
  readonly traffic: Readonly<Record<End, Traffic>>;

  private constructor(router: PrivateNamespace, server: PrivateNamespace, client: PrivateNamespace) {
    this.router = router;
    this.server = server;
    this.traffic = { client: new Traffic(client), router: new Traffic(router), server: new Traffic(server) };
  }

  static async create(scope: Scope): Promise<Network> {
    const router = await PrivateNamespace.create(scope);
    const [client, server] = [await router.nest(), await router.nest()];
    for (const end of [router, client, server]) {
      // nobody else has these addresses
      for (const name of ['all', 'default']) await end.sysctl(`ipv6/conf/${name}/accept_dad`, 0);
      for (const name of ['all', 'default']) await end.sysctl(`ipv4/conf/${name}/rp_filter`, 0);
    }
    await router.sysctl('ipv4/ip_forward', 1);
    await router.sysctl('ipv6/conf/all/forwarding', 1);
    await router.link({ name: 'inside', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] }, client, {
      name: 'uplink',
      addresses: CLIENTS.flatMap(({ v4, v6 }) => [`${v4}/24`, `${v6}/64`]),
    });
    for (const [number, ends] of [
      [1, ['198.51.100.1/30', '198.51.100.2/30']],
      [2, ['198.51.100.5/30', '198.51.100.6/30']],
    ] as const) {
      const v6 = (host: number): string => `2001:db8:${number + 1}::${host}/64`;
      await router.link({ name: `out${number}`, addresses: [ends[0], v6(1)] }, server, {
        name: `up${number}`,
        addresses: [ends[1], v6(2)],
      });
    }
    await ipIn(client, 'route add default via 192.0.2.1', '-6 route add default via 2001:db8:1::1');
    await ipIn(
      server,
      ...SERVERS.flatMap(({ v4, v6 }) => [`address add ${v4}/32 dev lo`, `address add ${v6}/128 dev lo nodad`]),
      `address add ${NOWHERE}/32 dev lo`,
      'route add default via 198.51.100.1',
      '-6 route add default via 2001:db8:2::1',
    );
    await ipIn(
      router,
      'route add 203.0.113.0/24 via 198.51.100.2',
      '-6 route add 2001:db8:ff::/64 via 2001:db8:2::2',
      `route add 203.0.113.0/24 via 198.51.100.6 table ${OTHER_WAY}`,
      `-6 route add 2001:db8:ff::/64 via 2001:db8:3::2 table ${OTHER_WAY}`,
    );
    await router.track();
    await router.nft(TRUTH);
    const network = new Network(router, server, client);
    const { udp, tcp } = { udp: [PORTS.plain, PORTS.marked, PORTS.other], tcp: PORTS.tcp };
    await Promise.all(
      (['client', 'router', 'server'] as const).flatMap(end => [
        ...udp.map(port => network.traffic[end].do('udpListen', { host: '::', port })),
        network.traffic[end].do('tcpListen', { host: '::', port: tcp, answer: 1 }),
      ]),
    );
    return network;
  }

  /** As {@link ipIn}, on the router. */
  ip(...lines: string[]): Promise<void> {
    return ipIn(this.router, ...lines);
  }

  /** Names of the router's interfaces by number. */
  async interfaces(): Promise<ReadonlyMap<number, string>> {
    const links = JSON.parse(await this.router.run('ip', ['-json', 'link'])) as { ifindex: number; ifname: string }[];
    return new Map(links.map(({ ifindex, ifname }) => [ifindex, ifname]));
  }

  /** Through which interfaces each flow went, as nft saw it. */
  async seen(): Promise<ReadonlyMap<FlowKey, Seen>> {
    const flows = new Map<FlowKey, Seen>();
    for (const [set, side] of [
      ['came4', 'ingress'],
      ['came6', 'ingress'],
      ['left4', 'egress'],
      ['left6', 'egress'],
    ] as const) {
      const json = await this.router.run('nft', ['-j', 'list', 'set', 'inet', 'seen', set]);
      for (const [source, destination, port, name] of elementsOf(json)) {
        const key = flowKey(source, destination, port);
        flows.set(key, { ...flows.get(key), [side]: String(name) });
      }
    }
    return flows;
  }
}

/** Commands of ip, those that begin with -6 for IPv6, after the others. */
export async function ipIn(end: PrivateNamespace, ...lines: string[]): Promise<void> {
  const six = lines.filter(line => line.startsWith('-6 '));
  const four = lines.filter(line => !six.includes(line));
  if (four.length > 0) await end.run('ip', ['-batch', '-'], { input: four.join('\n') });
  if (six.length > 0)
    await end.run('ip', ['-6', '-batch', '-'], { input: six.map(line => line.slice('-6 '.length)).join('\n') });
}

/** Concatenations of a set, as nft's JSON has them. */
function elementsOf(json: string): unknown[][] {
  const { nftables } = JSON.parse(json) as {
    nftables: { set?: { elem?: { concat?: unknown[]; elem?: { val: { concat: unknown[] } } }[] } }[];
  };
  return nftables.flatMap(({ set }) => (set?.elem ?? []).map(({ concat, elem }) => concat ?? elem!.val.concat));
}
