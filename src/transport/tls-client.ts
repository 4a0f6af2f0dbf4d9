import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../common/endpoint.js';
import type { CtflowError } from '../common/errors.js';
import { TlsFiles } from './tls-files.js';
import type { TlsClientOptions } from './tls-options.js';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A TLS 1.3 server that sends no tickets has so long to refuse the client's certificate. */
const VERDICT_MS = 1_000;
/** One that has sent a ticket, or of TLS 1.2, and yet does not want the client closes at once. */
const STANDS_MS = 100;

/** Why a connection was not made. */
export const NO_HANDSHAKE = 'no TLS handshake';
export const REFUSED = 'closed after the TLS handshake';
export const NOT_ALLOWED = 'peer not allowed';

/** TLS 1.2 or 1.3 toward one collector, whose name and chain are verified, always. */
export class TlsClient {
  readonly #files: TlsFiles;
  readonly #name: string;
  readonly #allowed: readonly string[] | undefined;
  /** When the certificate expires that the collector showed last, milliseconds since 1970. */
  collectorExpires: number | undefined;

  /**
   * @param trouble the files have changed and cannot be used: those of before stay in use
   * @throws CtflowError CTFLOW_TLS
   */
  constructor({ host }: Endpoint, options: TlsClientOptions, trouble: (error: CtflowError) => void) {
    this.#files = new TlsFiles(options, trouble);
    this.#name = serverName(host, options);
    this.#allowed = options.tlsPeerName;
  }

  /**
   * Over a connection that has just been made. In TLS 1.3 a server says only after the handshake that it does not want the client's
   * certificate, so this waits for its tickets, which come after that, or for a second.
   * @throws an error with the reason as its `code` or its message
   */
  handshake(tcp: Socket, signal: AbortSignal): Promise<TLSSocket> {
    const name = this.#name;
    const socket = connect({
      socket: tcp,
      secureContext: this.#files.read().context,
      host: name,
      // RFC 6066 section 3: no addresses, and no dot behind a name
      ...(isIP(name) === 0 && { servername: name.replace(/\.$/, '') }),
      // whatever NODE_TLS_REJECT_UNAUTHORIZED says
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) => this.#check(certificate),
    });
    return settled(socket, signal);
  }

  /** As of {@link TlsFiles.haveChanged}. */
  haveFilesChanged(): boolean {
    return this.#files.haveChanged();
  }

  #check(certificate: PeerCertificate): Error | undefined {
    this.collectorExpires = Date.parse(certificate.valid_to);
    const wrong = wrongName(this.#name, certificate);
    if (wrong || !this.#allowed || hasName(certificate, this.#allowed)) return wrong;
    return new Error(NOT_ALLOWED);
  }
}

/** Whether a certificate is for one of these names or addresses. */
export function hasName(certificate: PeerCertificate, names: readonly string[]): boolean {
  return names.some(name => wrongName(name, certificate) === undefined);
}

/** Node 22.23 finds no IPv6 address in any certificate, so OpenSSL is asked. @param certificate empty where the peer showed none */
function wrongName(name: string, certificate: Partial<PeerCertificate>): Error | undefined {
  const { raw } = certificate;
  if (raw && isIP(name) !== 0 && new X509Certificate(raw).checkIP(name) !== undefined) return undefined;
  return checkServerIdentity(name, certificate as PeerCertificate);
}

function settled(socket: TLSSocket, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    let secure = false;
    let timer = setTimeout(() => socket.destroy(new Error(NO_HANDSHAKE)), HANDSHAKE_TIMEOUT_MS);
    const giveUp = (): void => void socket.destroy();
    const ended = (): void => void socket.destroy(new Error(secure ? REFUSED : NO_HANDSHAKE));
    const closed = (): void => {
      stop();
      reject(new Error(NO_HANDSHAKE));
    };
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      socket.off('end', ended).off('close', closed).off('session', stands);
    };
    const accepted = (): void => {
      stop();
      resolve(socket);
    };
    const wait = (milliseconds: number): void => {
      clearTimeout(timer);
      timer = setTimeout(accepted, milliseconds);
    };
    const stands = (): void => wait(STANDS_MS);
    signal.addEventListener('abort', giveUp);
    const cutOff = (error: NodeJS.ErrnoException): boolean =>
      secure && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '');
    socket.on('error', error => reject(cutOff(error) ? new Error(REFUSED) : error));
    socket.on('end', ended).on('close', closed);
    socket.once('secureConnect', () => {
      secure = true;
      if (socket.getProtocol() === 'TLSv1.3') {
        wait(VERDICT_MS);
        socket.once('session', stands);
      } else wait(STANDS_MS);
      socket.resume();
    });
  });
}

/** The name or address that a collector's certificate is for. */
export function serverName(host: string, { tlsServerName }: TlsClientOptions): string {
  return tlsServerName ?? (isIP(host) === 6 ? host.replace(/%.*$/, '') : host);
}
