import { IPFIX_PORT } from '../../../common/endpoint.js';
import { parseAddress } from '../../../common/prefix.js';

/** The hosts of the demonstration, all on the loopback device: addresses for documentation (RFC 5737, RFC 3849). */
export interface Hosts {
  readonly family: 'IPv4' | 'IPv6';
  readonly client: string;
  readonly server: string;
  /** Where clients think the service is; the NAT rules lead to `server`. */
  readonly service: string;
  /** What the server sees as the source of `client` where the NAT rules hide it. */
  readonly gateway: string;
}

export const IPV4: Hosts = {
  family: 'IPv4',
  client: '192.0.2.10',
  server: '198.51.100.20',
  service: '203.0.113.80',
  gateway: '203.0.113.1',
};

export const IPV6: Hosts = {
  family: 'IPv6',
  client: '2001:db8::10',
  server: '2001:db8::20',
  service: '2001:db8::80',
  gateway: '2001:db8::1',
};

/** The ports that are served. */
export const PORTS = {
  web: 80,
  /** The service's port before NAT; `secure` after it. */
  published: 443,
  secure: 8443,
  shell: 22,
  /** Its clients are hidden behind `gateway`. */
  backup: 873,
  dns: 53,
  voice: 5004,
} as const;

/** Where the embedded collector listens. */
export const COLLECTOR = { protocol: 'udp', host: '127.0.0.1', port: IPFIX_PORT } as const;

/** An address as it stands in a packet. */
export function addressOctets(address: string): Buffer {
  const { family, first } = parseAddress(address)!;
  return Buffer.from(first.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
}
