import { SocketAddress } from 'node:net';

/**
 * A data record as a peer read it, by the name of the information element. Numbers are decimal text, so that 64 bits stay
 * exact; addresses are canonical (RFC 5952); times are milliseconds since 1970; octets are hexadecimal.
 */
export type OracleRecord = Record<string, string>;

/** An address as RFC 5952 writes it; IPv4 as it is. */
export function canonicalAddress(text: string): string {
  return text.includes(':') ? new SocketAddress({ address: text, family: 'ipv6' }).address : text;
}

/** The element of the address's own family: `sourceIPv4Address` becomes `sourceIPv6Address` for an IPv6 address. */
export function ofFamily(name: string, address: string): string {
  return address.includes(':') ? name.replace('IPv4', 'IPv6') : name;
}
