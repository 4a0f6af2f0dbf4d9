import { CALM_TCP } from '../src/cli/demo/traffic/network.js';
import { TRUTH_TABLE, untrackedTable } from '../test/helpers/kernel/nft-truth.js';
import { PrivateNamespace } from '../test/helpers/kernel/namespace.js';
import { COLLECTOR_PORT } from './collector-process.js';
import { raiseConntrackLimit } from '../test/helpers/kernel/conntrack-limit.js';
import { policyTable } from './policy.js';
import type { Scope } from '../test/helpers/kernel/scope.js';

/** Addresses for documentation (RFC 5737, RFC 3849). */
export const CLIENT = ['192.0.2.2', '2001:db8:1::2'] as const;
export const SERVER = ['198.51.100.2', '2001:db8:2::2'] as const;
const ROUTER_NEAR = ['192.0.2.1', '2001:db8:1::1'] as const;
export const ROUTER_FAR = ['198.51.100.1', '2001:db8:2::1'] as const;

const UDP_AND_ICMP_TIMEOUTS = [
  'nf_conntrack_udp_timeout',
  'nf_conntrack_udp_timeout_stream',
  'nf_conntrack_icmp_timeout',
  'nf_conntrack_icmpv6_timeout',
];
/** No SYN is dropped because an application is slow to accept. */
const BACKLOG = 65_535;

/** An nft table that counts what conntrack passes over. */
const UNCOUNTED_TABLE = `
table inet uncounted {
  counter uncounted_syns { }
  chain pre {
    type filter hook prerouting priority -199
    tcp flags & (fin | syn | rst | ack) == syn ct state established counter name uncounted_syns
  }
}
`;

/**
 * Three private network namespaces in a row: a client, a router that tracks connections, a server. They have no way out.
 */
export class Topology {
  readonly client: PrivateNamespace;
  readonly router: PrivateNamespace;
  readonly server: PrivateNamespace;

  private constructor(router: PrivateNamespace, client: PrivateNamespace, server: PrivateNamespace) {
    this.router = router;
    this.client = client;
    this.server = server;
  }

  /**
   * Links and furnishes them; nothing has been counted when this resolves.
   * @param connections that the router must have room for
   * @param timeout seconds after which the router forgets a UDP or ICMP connection without packets
   * @param timestamps whether it notes when connections begin and end
   */
  static async create(scope: Scope, connections: number, timeout: number, timestamps = true): Promise<Topology> {
    raiseConntrackLimit(scope, connections);
    const router = await PrivateNamespace.create(scope);
    const topology = new Topology(router, await router.nest(), await router.nest());
    await topology.#link();
    await topology.#calm();
    await topology.#warm();
    await topology.#track(timeout, timestamps);
    return topology;
  }

  get namespaces(): readonly PrivateNamespace[] {
    return [this.client, this.router, this.server];
  }

  /** Entries of the router's table, those that the kernel holds for a listener among them. */
  async entries(): Promise<number> {
    return Number(await this.router.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_count']));
  }

  async #link(): Promise<void> {
    const { client, router, server } = this;
    // the links are ours alone: no address can be there twice, and nobody waits for the proof of it
    for (const namespace of this.namespaces) await namespace.sysctl('ipv6/conf/default/accept_dad', 0);
    await router.link({ name: 'inside', addresses: sized(ROUTER_NEAR) }, client, {
      name: 'uplink',
      addresses: sized(CLIENT),
    });
    await router.link({ name: 'outside', addresses: sized(ROUTER_FAR) }, server, {
      name: 'uplink',
      addresses: sized(SERVER),
    });
    for (const [host, [v4, v6]] of [
      [client, ROUTER_NEAR],
      [server, ROUTER_FAR],
    ] as const) {
      await host.run('ip', ['route', 'add', 'default', 'via', v4]);
      await host.run('ip', ['-6', 'route', 'add', 'default', 'via', v6]);
    }
    await router.sysctl('ipv4/ip_forward', 1);
    await router.sysctl('ipv6/conf/all/forwarding', 1);
    await client.run('sh', ['-c', 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range']);
  }

  async #calm(): Promise<void> {
    for (const namespace of this.namespaces) {
      for (const [name, value] of Object.entries(CALM_TCP)) {
        // a kernel that lacks one of them does without
        await namespace.sysctl(`ipv4/${name}`, Number(value)).catch(() => {});
      }
      await namespace.sysctl('core/somaxconn', BACKLOG);
      await namespace.sysctl('ipv4/tcp_max_syn_backlog', BACKLOG);
    }
  }

  /** Neighbours are found before anything is tracked. */
  async #warm(): Promise<void> {
    for (const address of SERVER) await this.client.run('ping', ['-c', '1', '-W', '5', address]);
  }

  /** Rules come last: they switch conntrack on, in the router only. */
  async #track(timeout: number, timestamps: boolean): Promise<void> {
    const { router } = this;
    await router.nft(TRUTH_TABLE + untrackedTable('tcp', COLLECTOR_PORT) + policyTable() + UNCOUNTED_TABLE);
    for (const name of ['nf_conntrack_acct', 'nf_conntrack_events']) await router.sysctl(name, 1);
    await router.sysctl('nf_conntrack_timestamp', Number(timestamps));
    for (const name of UDP_AND_ICMP_TIMEOUTS) await router.sysctl(name, timeout);
  }
}

function sized([v4, v6]: readonly [string, string]): string[] {
  return [`${v4}/24`, `${v6}/64`];
}
