/** Bytes of a packet where nobody knows what the path carries, RFC 7011 section 10.3.3. */
export const UNKNOWN_PATH = 512;
/** Bytes of a packet by the path at most: a jumbo frame. Some collectors read no more; loopback would carry 65,536. */
const LARGEST_BY_PATH = 9_000;
/** Why a session ended whose packets have become too large. */
export const NARROWED = 'the path carries only smaller packets now';
export const UDP_AND_IPV4_HEADERS = 28;
export const UDP_AND_IPV6_HEADERS = 48;

/** Bytes of IP and UDP beside a datagram. */
export function headersOf(family: number): number {
  return family === 6 ? UDP_AND_IPV6_HEADERS : UDP_AND_IPV4_HEADERS;
}

/**
 * Bytes of an IP packet at most.
 * @param mtu what the user has set: as many, less where the path carries less; `path` for what it carries
 * @param pathMtu what the system knows of the path
 */
export function packetLimit(mtu: number | 'path', pathMtu: number | undefined): number {
  return mtu === 'path' ? Math.min(pathMtu ?? UNKNOWN_PATH, LARGEST_BY_PATH) : Math.min(mtu, pathMtu ?? mtu);
}

/** The same in every session, where that may be more. */
export function largestPacket(mtu: number | 'path'): number {
  return mtu === 'path' ? LARGEST_BY_PATH : mtu;
}
