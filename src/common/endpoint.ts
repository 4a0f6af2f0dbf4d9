import { isIP } from 'node:net';
import { CtflowError } from './errors.js';
import { U16_MAX } from './unsigned.js';

/** IANA's port for IPFIX over UDP and TCP. */
export const IPFIX_PORT = 4739;

/** Where a collector listens. */
export interface Endpoint {
  readonly protocol: 'udp' | 'tcp';
  /** Host name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `udp://host:port`, `tcp://[::1]:port`, `host` (UDP, port 4739).
 * @throws CtflowError CTFLOW_USAGE
 */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:([a-z]+):\/\/)?(?:\[([^\]]+)\]|([^:[\]/]+))(?::(\d{1,5}))?$/i.exec(text);
  const protocol = match?.[1]?.toLowerCase() ?? 'udp';
  const host = match?.[2] ?? match?.[3];
  const port = match?.[4] === undefined ? IPFIX_PORT : Number(match[4]);
  const bracketed = match?.[2] !== undefined;
  if (!host || (protocol !== 'udp' && protocol !== 'tcp') || port > U16_MAX || (bracketed && isIP(host) !== 6)) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${text}' is not a collector address`,
      'Write udp://HOST:PORT or tcp://HOST:PORT, an IPv6 address in brackets, a port up to 65535',
    );
  }
  return { protocol, host, port };
}

/** The address as the user would write it. */
export function formatEndpoint(endpoint: Endpoint): string {
  return `${endpoint.protocol}://${formatHostPort(endpoint.host, endpoint.port)}`;
}

/** `host:port`, an IPv6 address in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
