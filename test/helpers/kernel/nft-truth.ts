/** What the kernel counts without conntrack: nft rules, and how nft shows their counters. */
import type { Count } from '../../../src/cli/demo/traffic/loopback-count.js';

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

/** The named counters in nft's answer to `nft -j list counters` and the like. */
export function parseCounters(json: string): Map<string, Count> {
  const named = new Map<string, Count>();
  for (const counter of counters(json)) {
    const { name, packets, bytes } = counter ?? {};
    if (typeof name !== 'string' || typeof packets !== 'number' || typeof bytes !== 'number') continue;
    named.set(name, { packets, octets: bytes });
  }
  return named;
}

function counters(json: string): readonly (Counter | undefined)[] {
  try {
    const answer = JSON.parse(json) as { nftables?: { counter?: Counter }[] };
    return answer.nftables?.map(entry => entry.counter) ?? [];
  } catch {
    return []; // an nft that was built without JSON
  }
}

interface Counter {
  readonly name?: unknown;
  readonly packets?: unknown;
  readonly bytes?: unknown;
}
