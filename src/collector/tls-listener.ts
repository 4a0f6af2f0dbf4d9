import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../common/endpoint.js';
import { CtflowError, errnoOf } from '../common/errors.js';
import { hasName, NOT_ALLOWED } from '../transport/tls-client.js';
import { TlsFiles } from '../transport/tls-files.js';
import type { TlsFileNames, TlsListenerOptions } from '../transport/tls-options.js';
import type { Listener } from './listener.js';
import { listenStreams, originOf, STREAMS, type OnConnection } from './tcp-listener.js';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Handshakes under way; one more ends the oldest. */
const HANDSHAKES = 64;
/** Between two looks at the files. */
const LOOK_MS = 1_000;

export interface TlsListenerHandlers {
  connected: OnConnection;
  /** Accepting failed, or there were too many handshakes. */
  dropped(): void;
  /** An exporter got no further than the handshake. @param why a code of Node or OpenSSL, or NOT_ALLOWED */
  refused(from: string, why: string): void;
  /** The files have changed and cannot be used. */
  trouble(error: CtflowError): void;
}

/**
 * TLS 1.2 and 1.3. With authorities an exporter must have a certificate of theirs; without them it needs none.
 * @throws CtflowError CTFLOW_ADDRESS, CTFLOW_TLS, CTFLOW_USAGE
 */
export async function listenTls(
  endpoint: Endpoint,
  options: TlsListenerOptions,
  handlers: TlsListenerHandlers,
): Promise<Listener> {
  const { tlsPeerName: allowed, tlsCa } = options;
  const files = new TlsFiles(listenerFiles(endpoint, options), error => handlers.trouble(error));
  // without tickets each connection is verified for itself
  const contextOptions = () => ({ ...files.current.options, secureOptions: constants.SSL_OP_NO_TICKET });
  let { digest } = files.current;
  let lookedAt = 0;
  const server = createServer({
    ...STREAMS,
    ...contextOptions(),
    requestCert: tlsCa !== undefined,
    // whatever NODE_TLS_REJECT_UNAUTHORIZED says
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  const handshakes = new Map<Socket, string>();
  const rawOf = (socket: TLSSocket): Socket => Reflect.get(socket, '_parent') as Socket;
  // before the server's own, which takes the context of now
  server.prependListener('connection', (raw: Socket) => {
    // a TLS socket that has closed does not know its address any more
    handshakes.set(raw, originOf('tls', raw)?.from ?? 'tls://unknown');
    const [oldest] = handshakes.keys();
    if (handshakes.size > HANDSHAKES) {
      handshakes.delete(oldest);
      handlers.dropped();
      oldest.destroy();
    }
    const now = performance.now();
    if (now - lookedAt < LOOK_MS) return;
    lookedAt = now;
    const content = files.read();
    if (content.digest === digest) return;
    ({ digest } = content);
    server.setSecureContext(contextOptions());
  });
  server.on('tlsClientError', (error, socket) => {
    const raw = rawOf(socket);
    const from = handshakes.get(raw);
    handshakes.delete(raw);
    // the oldest of too many
    if (from === undefined) return;
    const why = socket.authorizationError as string | Error | undefined;
    handlers.refused(from, String(why || errnoOf(error) || error.message));
  });
  const listener = await listenStreams(
    endpoint,
    server,
    'secureConnection',
    (socket, from, peer) => {
      handshakes.delete(rawOf(socket as TLSSocket));
      if (allowed && !hasName((socket as TLSSocket).getPeerCertificate(), allowed)) {
        handlers.refused(from, NOT_ALLOWED);
        socket.destroy();
        return;
      }
      handlers.connected(socket, from, peer);
    },
    () => handlers.dropped(),
  );
  const giveUp = (): void => handshakes.forEach((_, raw) => raw.destroy());
  return {
    endpoint: listener.endpoint,
    get activity() {
      return listener.activity;
    },
    drain: graceMs => {
      giveUp();
      return listener.drain(graceMs);
    },
    close: () => {
      giveUp();
      return listener.close();
    },
  };
}

/** What a side that listens lacks. */
export function lackingOf(
  { protocol }: Endpoint,
  { tlsPeerName, tlsCa, tlsCertificate, tlsKey }: TlsListenerOptions,
): CtflowError[] {
  const found: CtflowError[] = [];
  if (tlsCertificate === undefined || tlsKey === undefined) {
    const what = `${protocol}:// needs a certificate of this collector, and its key`;
    found.push(new CtflowError('CTFLOW_USAGE', what, 'Give --tls-certificate and --tls-key'));
  }
  if (tlsPeerName !== undefined && tlsCa === undefined) {
    const what = '--tls-peer-name needs --tls-ca: without authorities no certificate is asked for';
    found.push(new CtflowError('CTFLOW_USAGE', what, 'Give --tls-ca with the authorities of the exporters'));
  }
  return found;
}

/**
 * The files of a side that listens.
 * @throws CtflowError CTFLOW_USAGE where one is missing
 */
export function listenerFiles(endpoint: Endpoint, options: TlsListenerOptions): TlsFileNames {
  const [lacking] = lackingOf(endpoint, options);
  if (lacking) throw lacking;
  const { tlsCa, tlsCertificate, tlsKey } = options;
  return { tlsCertificate: tlsCertificate!, tlsKey: tlsKey!, ...(tlsCa !== undefined && { tlsCa }) };
}
