import type { MalformedReason } from './stats.js';

/** Something that an operator should know, said when it happens; the stats count the same. */
export type Trouble = {
  /** `udp://192.0.2.1:40000`. */
  readonly exporter: string;
} & (
  | {
      readonly kind: 'undecodable-set';
      readonly observationDomain: number;
      readonly template: number;
      /** It waits for its template. */
      readonly kept: boolean;
    }
  /** Sets that waited for their template in vain. */
  | { readonly kind: 'expired-sets'; readonly count: number }
  | {
      readonly kind: 'refused-template';
      readonly observationDomain: number;
      readonly template: number;
      /** More fields than {@link Limits.fields} leave, or records of more fields than octets. */
      readonly reason: 'limit' | 'empty';
    }
  | { readonly kind: 'expired-templates'; readonly count: number }
  | {
      readonly kind: 'malformed-message';
      readonly reason: MalformedReason;
      /** `NetFlow 9`, where it is something known. */
      readonly version: string | undefined;
    }
  /** A datagram for which there was no room. */
  | { readonly kind: 'dropped-datagram' }
  /** A DTLS datagram of an unknown session. */
  | { readonly kind: 'stray-datagram' }
  /** A session that was forgotten, or a connection that was closed, for one that is more useful. */
  | { readonly kind: 'evicted-session' }
  | { readonly kind: 'refused-connection' }
  /** No message in time: none at all, or not to its end. */
  | { readonly kind: 'timed-out-connection'; readonly begun: boolean }
  /** A TLS connection or DTLS session without a valid certificate, or no TLS at all; `reason` is a code of Node or OpenSSL. */
  | { readonly kind: 'refused-handshake'; readonly reason: string }
  /** A TLS connection on which something came that cannot be decrypted; `reason` is a code of OpenSSL. */
  | { readonly kind: 'broken-tls'; readonly reason: string }
  /** The files with certificates have changed and cannot be used; the exporter is the own endpoint. */
  | { readonly kind: 'tls-files'; readonly error: string }
);

export type OnTrouble = (trouble: Trouble) => void;

const NETFLOW: ReadonlySet<number> = new Set([1, 5, 6, 7, 8, 9]);

/** What octets are that are not IPFIX, by their first four: `NetFlow 5`; undefined where that is not known. */
export function otherVersion(bytes: Uint8Array): string | undefined {
  if (bytes.length < 4) return undefined;
  const version = (bytes[0] << 8) | bytes[1];
  if (NETFLOW.has(version)) return `NetFlow ${version}`;
  // sFlow's version has four octets
  if (version === 0 && bytes[2] === 0 && (bytes[3] === 2 || bytes[3] === 4 || bytes[3] === 5))
    return `sFlow ${bytes[3]}`;
  return undefined;
}
