import { lookup } from 'node:dns/promises';
import type { Endpoint } from '../common/endpoint.js';
import { formatEndpoint } from '../common/endpoint.js';
import { CtflowError, errnoOf } from '../common/errors.js';

/** An open socket that collects. */
export interface Listener {
  /** Where it listens: the address it was given, and the port that the system chose where that was 0. */
  readonly endpoint: Endpoint;
  /** Grows with everything that arrives: when it stands still, what has been sent has been read. */
  readonly activity: number;
  /**
   * No new peers. Those there are asked to end, and are read until they have, for `graceMs` at most.
   * @returns how many have not ended
   */
  drain(graceMs: number): Promise<number>;
  /** Forgets peers that have been silent for too long. */
  expire?(now: number): void;
  /** No more messages. */
  close(): Promise<void>;
}

/**
 * The address of an endpoint's host.
 * @throws CtflowError CTFLOW_ADDRESS
 */
export async function resolveHost(endpoint: Endpoint): Promise<{ address: string; family: number }> {
  try {
    return await lookup(endpoint.host);
  } catch (error) {
    throw new CtflowError(
      'CTFLOW_ADDRESS',
      `The name '${endpoint.host}' does not resolve (${errnoOf(error)})`,
      'Check the name, or give an IP address of this host',
      error,
    );
  }
}

/** What to do when an address cannot be bound, by errno. */
const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program listens there; stop it or choose another port',
  EADDRNOTAVAIL: 'Give an address of this host, 0.0.0.0 or [::] for all of them',
  EACCES: 'Ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher port',
};

export function bindError(endpoint: Endpoint, error: unknown): CtflowError {
  const errno = errnoOf(error);
  return new CtflowError(
    'CTFLOW_ADDRESS',
    `Cannot listen on ${formatEndpoint(endpoint)} (${errno})`,
    HINTS[errno] ?? 'Check the address and the port',
    error,
  );
}

/** A peer's address as text: IPv4 within IPv6 sockets without its prefix. */
export function peerAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * Who is behind a peer's address: itself, or of an IPv6 address its first 64 bits, as anybody has 2^64 addresses there. A
 * link-local address (RFC 4291 section 2.5.6) is a host of its own.
 */
export function peerOf(address: string): string {
  const host = peerAddress(address);
  if (!host.includes(':') || /^fe[89ab]/i.test(host)) return host;
  const [front, back] = host.split('::').map(part => (part === '' ? [] : part.split(':')));
  const zeros = back === undefined ? 0 : 8 - front.length - back.length;
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...(back ?? [])];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
