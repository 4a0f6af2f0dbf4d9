import { NO_DTLS } from '../transport/dtls/connection.js';
import { UNANSWERED } from '../transport/dtls/transport.js';
import { NO_HANDSHAKE, NOT_ALLOWED, REFUSED } from '../transport/tls-client.js';

const UNKNOWN_AUTHORITY = "the collector's certificate is of an authority that is not trusted here (--tls-ca)";
const CLIENT_CERTIFICATE = "the collector does not accept this exporter's certificate (--tls-certificate)";

const NO_INTERFACE = 'the interface behind the % of the address does not exist, or is down';
const BROKEN_OFF = 'the collector, or something on the way, has broken the connection off';

/** By errno, or by the code of Node or OpenSSL. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'there is no route',
  ENETDOWN: 'the network interface is down',
  ETIMEDOUT: 'there is no answer: the host is away, or a firewall drops the packets',
  ECONNRESET: BROKEN_OFF,
  EPIPE: BROKEN_OFF,
  EMSGSIZE: 'the path carries smaller packets only (--mtu)',
  EPERM: 'a firewall rule of this host drops what is sent',
  EACCES: 'it is a broadcast address, or the local port is below 1024 and needs CAP_NET_BIND_SERVICE',
  // of the kernel by the native module, and of Node
  ENODEV: NO_INTERFACE,
  EINVAL: `the system takes no such address: perhaps ${NO_INTERFACE}`,
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name server does not answer',
  EADDRINUSE: 'the local port is in use',
  EADDRNOTAVAIL: 'the local address is not of this host, or the local port is in use',
  EAFNOSUPPORT: 'the name has no address of the family of the local address',
  ERR_TLS_CERT_ALTNAME_INVALID: "the collector's certificate is for another name (--tls-server-name)",
  [NOT_ALLOWED]: "the collector's certificate has none of the names of --tls-peer-name",
  CERT_HAS_EXPIRED: "the collector's certificate has expired",
  CERT_NOT_YET_VALID: "the collector's certificate is not valid yet, or the clock of this host is wrong",
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  [REFUSED]: `${CLIENT_CERTIFICATE}, or is stopping`,
  [NO_DTLS]: 'nothing answers there in DTLS 1.2',
  [UNANSWERED]: 'it was started again, or is gone: records since the last handshake may not have been read',
  [NO_HANDSHAKE]: 'something listens there, but it does not answer in TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'something listens there, but it does not answer in TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the collector has neither TLS 1.2 nor TLS 1.3, nor DTLS 1.2',
};

/** What a collector has said, RFC 8446 section 6.2, by the end of OpenSSL's name for it. */
const ALERTS: readonly (readonly [string, string])[] = [
  ['CERTIFICATE_REQUIRED', 'the collector wants a client certificate (--tls-certificate, --tls-key)'],
  ['HANDSHAKE_FAILURE', 'the collector refuses the handshake: it may want a client certificate (--tls-certificate)'],
  ['UNKNOWN_CA', "the collector does not know the authority of this exporter's certificate (--tls-certificate)"],
  ['CERTIFICATE_EXPIRED', "this exporter's certificate has expired (--tls-certificate)"],
  ['CERTIFICATE_REVOKED', "this exporter's certificate is revoked (--tls-certificate)"],
  ['CERTIFICATE', CLIENT_CERTIFICATE],
  ['CERTIFICATE_UNKNOWN', CLIENT_CERTIFICATE],
  ['ACCESS_DENIED', CLIENT_CERTIFICATE],
  ['PROTOCOL_VERSION', 'the collector has neither TLS 1.2 nor TLS 1.3, nor DTLS 1.2'],
];

/** What a failure means to the operator; undefined where the code says all that is known. */
export function meaningOf(why: string): string | undefined {
  const meaning = MEANINGS[why];
  if (meaning !== undefined || !/^ERR_SSL_.*ALERT/.test(why)) return meaning;
  return ALERTS.find(([name]) => why.endsWith(`_${name}`))?.[1];
}

/** The reason of a failure in a sentence: what it means, where that is known, and its code. */
export function explained(why: string): string {
  const meaning = meaningOf(why);
  return meaning === undefined ? why : `${meaning} (${why})`;
}
