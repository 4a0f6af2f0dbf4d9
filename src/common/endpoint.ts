import { isIP } from 'node:net';
import { CtflowError } from './errors.js';
import { U16_MAX } from './unsigned.js';

export type Protocol = 'udp' | 'tcp' | 'tls' | 'dtls';

/** IANA's port for IPFIX over UDP and TCP. */
export const IPFIX_PORT = 4739;
/** IANA's port for IPFIX over TLS and DTLS. */
export const IPFIX_TLS_PORT = 4740;
const PORTS: Readonly<Record<Protocol, number>> = {
  udp: IPFIX_PORT,
  tcp: IPFIX_PORT,
  tls: IPFIX_TLS_PORT,
  dtls: IPFIX_TLS_PORT,
};

/** Where a collector listens. */
export interface Endpoint {
  readonly protocol: Protocol;
  /** Host name or address; IPv6 without brackets, and with its zone where it has one (`fe80::1%eth0`). */
  readonly host: string;
  readonly port: number;
}

/** Labels with a dot between two, and one behind the last where no domain is to be added. */
const NAME = /^[\p{L}\p{M}\p{N}_-]{1,63}(\.[\p{L}\p{M}\p{N}_-]{1,63})*\.?$/u;
const HINT =
  'Write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT (or HOST:PORT:PROTOCOL), an IPv6 address in brackets, a port up to 65535';

/**
 * Reads `udp://host:port`, `tls://[::1]:port`, `host` (UDP), and Antrea's `host:port:tcp`. A port left out is 4739, or 4740 for TLS
 * and DTLS.
 * @param orElse what else the hint of an error names
 * @throws CtflowError CTFLOW_USAGE
 */
export function parseEndpoint(text: string, orElse = ''): Endpoint {
  const match = /^(?:([a-z]+):\/\/)?(?:\[([^\]]+)\]|([^:[\]/%]+))(?::(\d{1,5})?)?(?::([a-z]+))?$/i.exec(text);
  const [, scheme, bracketed, plain, port, suffix] = match ?? [];
  const protocol = (scheme ?? suffix ?? 'udp').toLowerCase();
  // a zone may be written as in a URI (RFC 6874)
  const host = plain ?? bracketed?.replace(/%25(?=.)/, '%');
  const number = port === undefined ? PORTS[protocol as Protocol] : Number(port);
  const twice = scheme !== undefined && suffix !== undefined;
  if (
    !host ||
    !Object.hasOwn(PORTS, protocol) ||
    twice ||
    number > U16_MAX ||
    (bracketed && isIP(host) !== 6) ||
    text.endsWith(':')
  ) {
    throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a collector address`, `${HINT}${orElse}`);
  }
  if (isIP(host) === 0 && !isName(host)) {
    const what = `'${text}' is not a collector address: '${host}' is neither a host name nor an IP address`;
    throw new CtflowError('CTFLOW_USAGE', what, `${HINT}${orElse}`);
  }
  if (/^fe[89ab]/i.test(host) && isIP(host) === 6 && !host.includes('%')) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${text}' is a link-local address without its interface`,
      `Write the interface behind it: [${host}%eth0]`,
    );
  }
  return { protocol: protocol as Protocol, host, port: number };
}

/** What ends in a number would be an IPv4 address. */
function isName(host: string): boolean {
  return NAME.test(host) && !/(^|\.)\d+\.?$/.test(host);
}

/** Whether certificates are part of it. */
export function isSecured({ protocol }: { protocol: Protocol | 'file' }): boolean {
  return protocol === 'tls' || protocol === 'dtls';
}

/** Whether messages go as datagrams, and may be lost. */
export function isDatagram({ protocol }: { protocol: Protocol | 'file' }): boolean {
  return protocol === 'udp' || protocol === 'dtls';
}

/** The address as the user would write it. */
export function formatEndpoint(endpoint: Endpoint): string {
  return `${endpoint.protocol}://${formatHostPort(endpoint.host, endpoint.port)}`;
}

/** `host:port`, an IPv6 address in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
