import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SocketEnd } from '../../row/own-connections.js';
import type { DatagramAddress, DatagramListener } from '../datagram-socket.js';
import { connectNodeSocket, NodeDatagram } from '../node-datagram.js';
import { NOT_ALLOWED, REFUSED } from '../tls-client.js';
import { recordsOf, type Message } from '../transport.js';
import { peerCertificate, peerHasName } from './contexts.js';
import { isPlainAlert, type DtlsSession } from './engine.js';

/** Why no session was opened. */
export const NO_DTLS = 'no DTLS handshake';
/** Why one ended. */
export const CLOSED_BY_PEER = 'closed by the collector';
/** Flights of the handshake that nothing came back to: 250 ms, and each time twice as long up to 4 s. */
export const UNANSWERED_FLIGHTS = 6;
/** Milliseconds after its time at which a timer says nothing of the collector. */
export const HELD_UP_MS = 200;
/** A collector that has completed the handshake and yet does not want the client closes at once. */
const STANDS_MS = 100;
/** A collector that is there answers the end of a session in this time. */
const ANSWER_MS = 1_000;
/** Between two looks for the answer, and what a look counts at most: a process that was held up has not read it yet. */
const LOOK_MS = 5;
const LOOK_COUNTS_MS = 20;
/** Records that left so shortly before the collector closed may not have been read. */
const RECENT_MS = 1_000;

export interface DtlsHandlers extends Omit<DatagramListener, 'unsegmented'> {
  /** The collector has closed the session, or has said what it does not like. */
  ended(why: string): void;
  /** Somebody says, not verified, that the collector does not know the session. */
  doubted(): void;
}

/** One DTLS session with one collector, over a socket of its own. */
export class DtlsConnection {
  readonly #socket: Socket;
  readonly #session: DtlsSession;
  readonly #handlers: DtlsHandlers;
  readonly #datagrams: NodeDatagram;
  /** Records since the handshake, less those that are known not to have arrived. */
  #sent = 0;
  /** Of those, in this second and the one before. */
  #recent: [number, number] = [0, 0];
  #recentSince = 0;

  private constructor(socket: Socket, session: DtlsSession, handlers: DtlsHandlers) {
    this.#socket = socket;
    this.#session = session;
    this.#handlers = handlers;
    socket.removeAllListeners('error');
    this.#datagrams = new NodeDatagram(
      socket,
      {
        ...handlers,
        sent: (messages, records, octets) => {
          this.#count(records);
          handlers.sent(messages, records, octets);
        },
        refused: (errno, messages, maybe) => {
          this.#sent -= recordsOf(messages);
          handlers.refused(errno, messages, maybe);
        },
        unsegmented: () => {},
      },
      message => session.seal(message) ?? undefined,
    );
    socket.on('message', datagram => this.#receive(datagram));
  }

  /**
   * Opens a socket and makes the handshake.
   * @param begin a session whose handshake begins
   * @param allowed names of which the collector's certificate must have one
   * @param own its ends are known; what it returns is called when it has closed
   * @throws an error with the reason as its `code` or its message
   */
  static async open(
    to: DatagramAddress,
    begin: () => DtlsSession,
    allowed: readonly string[] | undefined,
    handlers: DtlsHandlers,
    signal: AbortSignal,
    own?: (local: SocketEnd, remote: SocketEnd) => () => void,
  ): Promise<DtlsConnection> {
    const socket = await connectNodeSocket(to);
    const gone = own?.(socket.address(), to);
    if (gone) socket.on('close', gone);
    try {
      const session = begin();
      await handshake(socket, session, signal);
      if (allowed && !peerHasName(session, allowed)) {
        session.close();
        flush(socket, session);
        throw new Error(NOT_ALLOWED);
      }
      return new DtlsConnection(socket, session, handlers);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#datagrams.queued;
  }

  /** Octets of a message at most. */
  get largest(): number {
    return this.#session.largest;
  }

  /** When the collector's certificate expires, milliseconds since 1970. */
  get collectorExpires(): number {
    return Date.parse(peerCertificate(this.#session)!.validTo);
  }

  /** As {@link Transport.send}. */
  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    this.#datagrams.send(bytes, lengths, messages);
  }

  /**
   * Ends the session and waits for the collector's answer, which shows that it has known the session to the end.
   * @returns whether it came
   */
  async finish(timeoutMs = ANSWER_MS): Promise<boolean> {
    this.#session.close();
    flush(this.#socket, this.#session);
    for (let waited = 0, then = performance.now(); waited < timeoutMs && this.#session.state === 'open';) {
      await sleep(LOOK_MS);
      const now = performance.now();
      waited += Math.min(now - then, LOOK_COUNTS_MS);
      then = now;
    }
    return this.#session.state === 'closed';
  }

  /** @returns messages that the system has not taken */
  close(): Promise<readonly Message[]> {
    this.#session.close();
    flush(this.#socket, this.#session);
    return this.#datagrams.close();
  }

  /**
   * Records that the collector may not have read, beside those that any datagram may be.
   * @param known the collector has known the session until now
   */
  uncertain(known: boolean): number {
    if (!known) return this.#sent;
    this.#turn();
    return Math.min(this.#recent[0] + this.#recent[1], this.#sent);
  }

  #receive(datagram: Uint8Array): void {
    const session = this.#session;
    if (session.state !== 'open') return;
    if (isPlainAlert(datagram)) {
      this.#handlers.doubted();
      return;
    }
    // a collector sends no messages
    session.receive(datagram, '');
    flush(this.#socket, session);
    const { state } = session as { state: DtlsSession['state'] };
    if (state === 'closed') this.#handlers.ended(CLOSED_BY_PEER);
    if (state === 'failed') this.#handlers.ended(session.reason);
  }

  #count(records: number): void {
    this.#turn();
    this.#sent += records;
    this.#recent[1] += records;
  }

  #turn(): void {
    const passed = performance.now() - this.#recentSince;
    if (passed < RECENT_MS) return;
    this.#recent = [passed < 2 * RECENT_MS ? this.#recent[1] : 0, 0];
    this.#recentSince = performance.now();
  }
}

/** @param failed an ICMP error of an earlier datagram may be the answer to a send */
function flush(socket: Socket, session: DtlsSession, failed: (error: Error) => void = () => {}): void {
  for (const datagram of session.takeDatagrams()) socket.send(datagram, error => error && failed(error));
}

/** Resolves when the session is open, and has stayed so for a moment. */
function handshake(socket: Socket, session: DtlsSession, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let unanswered = 0;
    let due = 0;
    const settle = (error?: unknown): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      socket.off('message', receive).off('error', settle);
      // an error that comes now is nobody's
      socket.on('error', () => {});
      if (error === undefined) resolve();
      else reject(error as Error);
    };
    const giveUp = (): void => settle(signal.reason);
    const step = (): void => {
      flush(socket, session, settle);
      clearTimeout(timer);
      switch (session.state) {
        case 'open':
          timer = setTimeout(settle, STANDS_MS);
          return;
        case 'closed':
          settle(new Error(REFUSED));
          return;
        case 'failed':
          settle(new Error(session.reason));
          return;
        default:
          due = performance.now() + (session.timeout() ?? 0);
          timer = setTimeout(repeat, session.timeout() ?? 0);
      }
    };
    const repeat = (): void => {
      session.handleTimeout();
      // the answer to a process that was held up may wait in its socket
      if (performance.now() - due < HELD_UP_MS) unanswered++;
      // OpenSSL gives up by itself, too
      if (unanswered === UNANSWERED_FLIGHTS || session.state === 'failed') settle(new Error(NO_DTLS));
      else step();
    };
    const receive = (datagram: Uint8Array): void => {
      session.receive(datagram, '');
      step();
    };
    if (signal.aborted) {
      giveUp();
      return;
    }
    signal.addEventListener('abort', giveUp);
    socket.on('message', receive).on('error', settle);
    step();
  });
}
