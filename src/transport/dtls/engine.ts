import type { TlsTexts } from '../tls-options.js';

/** One end of a DTLS session. It never waits: whoever has it moves datagrams, and calls it when its time is over. */
export interface DtlsSession {
  /** `listening`: a server that nobody has shown yet to be where he says he is; nothing is kept of anybody. */
  readonly state: 'listening' | 'handshake' | 'open' | 'closed' | 'failed';
  /** Why it failed: a code as those of Node's TLS, or a text of OpenSSL. */
  readonly reason: string;
  /** Octets of a message at most, once it is open. */
  readonly largest: number;
  /** @param peer where the datagram comes from @returns messages that it brings */
  receive(datagram: Uint8Array, peer: string): readonly Uint8Array[];
  /** The datagram of a message; null where the session is not open, or the message is too large. */
  seal(message: Uint8Array): Uint8Array | null;
  /** What is to be sent beside messages. */
  takeDatagrams(): readonly Uint8Array[];
  /** Milliseconds until {@link handleTimeout} is to be called; null while there is nothing to repeat. */
  timeout(): number | null;
  handleTimeout(): void;
  /** The other side's certificate in DER; null where it has given none. */
  peerCertificate(): Uint8Array | null;
  /** Ends it: sends close_notify. */
  close(): void;
}

/** Certificates and rules of one side. */
export interface DtlsContext {
  /**
   * Begins a handshake.
   * @param name the server's certificate must be for it
   * @param packet octets of an IP packet at most, of which `headers` are those of IP and UDP
   * @throws CtflowError CTFLOW_TLS
   */
  client(name: string, packet: number, headers: number): DtlsSession;
  /** @param verify a client must have a certificate */
  server(verify: boolean, packet: number, headers: number): DtlsSession;
}

/** @throws CtflowError CTFLOW_TLS; CTFLOW_BACKEND_LACKS in the fallback, as Node has no DTLS */
export type CreateDtlsContext = (texts: TlsTexts) => DtlsContext;

/** Octets of a record's header, RFC 6347 section 4.1. */
const HEADER = 13;
const ALERT = 21;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;

/** Whether a datagram begins outside of any session: epoch 0, which is not encrypted. */
function isPlain(datagram: Uint8Array, type: number): boolean {
  return datagram.length > HEADER && datagram[0] === type && datagram[3] === 0 && datagram[4] === 0;
}

/** Whether somebody wants to begin a session. */
export function isClientHello(datagram: Uint8Array): boolean {
  return isPlain(datagram, HANDSHAKE) && datagram[HEADER] === CLIENT_HELLO;
}

/** Whether somebody says that he does not know the session. Anybody can send this. */
export function isPlainAlert(datagram: Uint8Array): boolean {
  return isPlain(datagram, ALERT);
}

/** The answer to a record of a session that is not known (unexpected_message, RFC 5246 section 7.2); shorter than any such record. */
export const UNKNOWN_SESSION = Uint8Array.of(ALERT, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 10);
