import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

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
 * @throws an error whose `code` is ENOTFOUND, EAI_AGAIN, or EAFNOSUPPORT where all are of another family than the local address
 */
export async function resolveAll(host: string, { localAddress }: LocalEnd): Promise<Address[]> {
  const addresses = await lookup(host, { all: true });
  if (localAddress === undefined) return addresses;
  const usable = addresses.filter(({ family }) => family === isIP(localAddress));
  if (usable.length > 0) return usable;
  throw Object.assign(new Error('no address of the family of the local address'), { code: 'EAFNOSUPPORT' });
}

/** The address whose turn it is after the one that failed; the first where that is gone. */
export function nextAddress(addresses: readonly Address[], failed: string): Address {
  return addresses[(addresses.findIndex(({ address }) => address === failed) + 1) % addresses.length];
}
