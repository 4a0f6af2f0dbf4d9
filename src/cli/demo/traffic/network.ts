import { readFileSync, writeFileSync } from 'node:fs';
import { CtflowError } from '../../../common/errors.js';
import { addressOctets, IPV4, IPV6, type Hosts } from './addresses.js';
import { sendNetlink } from './netlink.js';
import { attribute, request, u32 } from './netlink-message.js';
import { rules } from './rules.js';

/** The index of `lo` in each network namespace. */
const LOOPBACK = 1;
/**
 * Octets, that of Ethernet. With the 65,536 of `lo` TCP hands down up to twice as much in one piece, which the kernel cuts
 * behind conntrack: one packet for conntrack, two for the device.
 */
const MTU = 1500;

/** Without these there is nothing to show. */
const CONNTRACK = ['nf_conntrack_acct', 'nf_conntrack_timestamp'];

/**
 * A spurious retransmission would make the count void (conntrack does not count a repeated SYN), and on a loaded machine
 * an acknowledgement may come late: no tail loss probes, a patient retransmission timer, no port used twice. A kernel that
 * lacks one of them does without.
 */
export const CALM_TCP = { tcp_early_retrans: '0', tcp_rto_min_us: '5000000', tcp_tw_reuse: '0' };

/** The group of this process may send echo requests. */
const ECHO = { ping_group_range: '0 0' };

/**
 * Furnishes the network namespace of this process: rules, settings, then the loopback device and its addresses, so that
 * nothing passes before it is counted.
 * @throws CtflowError CTFLOW_NAMESPACE where this kernel or user cannot do it
 */
export async function furnish(): Promise<void> {
  try {
    await sendNetlink('netfilter', rules([IPV4, IPV6])); // switches conntrack on
    for (const name of CONNTRACK) writeFileSync(`/proc/sys/net/netfilter/${name}`, '1');
    for (const [name, value] of Object.entries({ ...CALM_TCP, ...ECHO }))
      trySetting(`/proc/sys/net/ipv4/${name}`, value);
    await sendNetlink('route', Buffer.concat([loopbackUp(), ...[IPV4, IPV6].flatMap(addresses)]));
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

/** RTM_NEWADDR with struct ifaddrmsg (linux/if_addr.h): the addresses of these hosts, each on the loopback device. */
function addresses({ family, client, server, service, gateway }: Hosts): Buffer[] {
  return [client, server, service, gateway].map(address => {
    const octets = addressOctets(address);
    // IFA_F_NODAD: an IPv6 address can be used at once
    const header = Buffer.from([family === 'IPv6' ? 10 : 2, octets.length * 8, family === 'IPv6' ? 2 : 0, 0]);
    return request(20, header, u32(LOOPBACK), attribute(2, octets));
  });
}

/** RTM_NEWLINK with struct ifinfomsg (linux/rtnetlink.h): sets IFF_UP, and the MTU. */
function loopbackUp(): Buffer {
  return request(16, u32(0), u32(LOOPBACK), u32(1), u32(1), attribute(4, u32(MTU)));
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
