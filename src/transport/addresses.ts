import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** The end of a socket on this host, where the user has fixed it. */
export interface LocalEnd {
  /** An IP address of this host. */
  localAddress?: string;
  localPort?: number;
}

export interface Address {
  /** An IP address, with its zone where it has one. */
  readonly address: string;
  readonly family: number;
}

/**
 * All addresses of a host, in the order of RFC 6724, those alone that can be reached from the fixed local address.
 * @throws an error whose `code` is ENOTFOUND, EAI_AGAIN, EAFNOSUPPORT where all are of another family than the local
 * address, or ENODEV where the interface of a zone is not there
 */
export async function resolveAll(host: string, { localAddress }: LocalEnd): Promise<Address[]> {
  // Node 22.23 would leave the zone out, and wait for an answer from anywhere
  if (!hasInterface(host)) throw Object.assign(new Error('no such interface'), { code: 'ENODEV' });
  const addresses = await lookup(host, { all: true });
  if (localAddress === undefined) return addresses;
  const usable = addresses.filter(({ family }) => family === isIP(localAddress));
  if (usable.length > 0) return usable;
  throw Object.assign(new Error('no address of the family of the local address'), { code: 'EAFNOSUPPORT' });
}

/** Whether the interface behind the % of an address is there and up; true where it is given by number, or not at all. */
function hasInterface(host: string): boolean {
  const zone = isIP(host) === 6 ? host.split('%')[1] : undefined;
  return zone === undefined || /^\d+$/.test(zone) || networkInterfaces()[zone] !== undefined;
}

/** The address whose turn it is after the one that failed; the first where that is gone. */
export function nextAddress(addresses: readonly Address[], failed: string): Address {
  return addresses[(addresses.findIndex(({ address }) => address === failed) + 1) % addresses.length];
}
