import { COLLECTOR, IPV4, IPV6, PORTS, type Hosts } from './addresses.js';

/**
 * An nft table that counts what conntrack counts, each packet once: a packet of an established connection where it comes
 * in from another device or leaves a socket, the first packet of a connection only where conntrack confirms it (the very
 * end of input and postrouting). Over loopback a packet comes by twice, so what arrives from it is passed over. `truth`
 * has packets and octets of all; the packets of `begun` are the first ones, as many as there were connections.
 */
export const TRUTH_TABLE = `
table inet truth {
  counter truth { }
  counter begun { }
  chain pre {
    type filter hook prerouting priority -199
    iif lo return
    ct state established counter name truth
  }
  chain out {
    type filter hook output priority -199
    ct state established counter name truth
  }
  chain inp {
    type filter hook input priority 2147483646
    iif lo return
    ct state new counter name truth
    ct state new ct status ! confirmed counter name begun
  }
  chain post {
    type filter hook postrouting priority 2147483646
    ct state new counter name truth
    ct state new ct status ! confirmed counter name begun
  }
}
`;

/** An nft table that keeps the exporter's own messages out of conntrack: the last one could never be reported. */
export function untrackedTable(protocol: 'udp' | 'tcp', port: number): string {
  return `
table inet untracked {
  chain pre {
    type filter hook prerouting priority -300
    ${protocol} dport ${port} notrack
    ${protocol} sport ${port} notrack
  }
  chain out {
    type filter hook output priority -300
    ${protocol} dport ${port} notrack
    ${protocol} sport ${port} notrack
  }
}
`;
}

/** The nft rules of the demonstration's namespace. */
export function ruleset(): string {
  return `
${TRUTH_TABLE}
${untrackedTable(COLLECTOR.protocol, COLLECTOR.port)}
${nat('ip', IPV4)}
${nat('ip6', IPV6)}
`;
}

function nat(family: 'ip' | 'ip6', hosts: Hosts): string {
  const target = family === 'ip6' ? `[${hosts.server}]` : hosts.server;
  return `table ${family} translation {
  chain output {
    type nat hook output priority -100
    ${family} daddr ${hosts.service} tcp dport ${PORTS.published} dnat to ${target}:${PORTS.secure}
  }
  chain postrouting {
    type nat hook postrouting priority 100
    ${family} saddr ${hosts.client} tcp dport ${PORTS.backup} snat to ${hosts.gateway}
  }
}`;
}
