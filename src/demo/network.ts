import { readFileSync, writeFileSync } from 'node:fs';
import { CtflowError } from '../common/errors.js';
import { IPV4, IPV6, type Hosts } from './addresses.js';
import { ruleset } from './ruleset.js';
import { runTool } from './tool.js';

/** Without these there is nothing to show. */
const CONNTRACK = ['nf_conntrack_acct', 'nf_conntrack_timestamp'];

/**
 * A spurious retransmission would make the count void (conntrack does not count a repeated SYN), and on a loaded machine
 * an acknowledgement may come late: no tail loss probes, a patient retransmission timer, no port used twice. A kernel that
 * lacks one of them does without.
 */
export const CALM_TCP = { tcp_early_retrans: '0', tcp_rto_min_us: '5000000', tcp_tw_reuse: '0' };

/**
 * Furnishes the network namespace of this process: rules, settings, then addresses and the loopback device, so that
 * nothing passes before it is counted.
 * @throws CtflowError CTFLOW_NAMESPACE where this kernel or user cannot do it
 */
export async function furnish(): Promise<void> {
  try {
    await runTool(['nft', '-f', '-'], ruleset()); // `ct state` in a rule is what makes conntrack active
    for (const name of CONNTRACK) writeFileSync(`/proc/sys/net/netfilter/${name}`, '1');
    for (const [name, value] of Object.entries(CALM_TCP)) trySetting(`/proc/sys/net/ipv4/${name}`, value);
    await runTool(['ip', '-batch', '-'], addressBatch());
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new CtflowError(
      'CTFLOW_NAMESPACE',
      `A private network namespace was made, but cannot be furnished (${said})`,
      'The kernel needs nf_conntrack, nf_tables and NAT for IPv4 and IPv6',
      error,
    );
  }
}

function addressBatch(): string {
  const add = ({ client, server, service, gateway }: Hosts, length: number) =>
    [client, server, service, gateway].map(address => `address add ${address}/${length} dev lo\n`).join('');
  return `link set lo up\n${add(IPV4, 32)}${add(IPV6, 128)}`;
}

function trySetting(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch {
    // see CALM_TCP
  }
}

/**
 * TCP segments sent again in a network namespace since it was made.
 * @param process one that is in it; this one where it is not said
 */
export function retransmissions(process: number | 'self' = 'self'): number {
  const [names, values] = readFileSync(`/proc/${process}/net/snmp`, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('Tcp:'))
    .map(line => line.split(' '));
  return Number(values[names.indexOf('RetransSegs')]);
}
