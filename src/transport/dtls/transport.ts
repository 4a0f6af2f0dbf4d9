import type { Endpoint } from '../../common/endpoint.js';
import { CtflowError, errnoOf } from '../../common/errors.js';
import type { SocketEnd } from '../../row/own-connections.js';
import { resolveAll, type Address, type LocalEnd } from '../addresses.js';
import { BackOff, spread } from '../back-off.js';
import {
  countDatagrams,
  QUEUE_LIMIT,
  type ConnectDatagram,
  type DatagramAddress,
  type DatagramSocket,
} from '../datagram-socket.js';
import {
  headersOf,
  largestPacket,
  NARROWED,
  packetLimit,
  UDP_AND_IPV4_HEADERS,
  UDP_AND_IPV6_HEADERS,
  UNKNOWN_PATH,
} from '../packet.js';
import { serverName } from '../tls-client.js';
import type { TlsClientOptions } from '../tls-options.js';
import {
  copyMessages,
  countError,
  newCounts,
  Waiters,
  type Message,
  type Transport,
  type TransportListener,
} from '../transport.js';
import { CLOSED_BY_PEER, DtlsConnection, type DtlsHandlers } from './connection.js';
import { DtlsContexts } from './contexts.js';
import type { CreateDtlsContext } from './engine.js';

/** Octets of a record beside the message, of the ciphers that are offered: ChaCha20 (RFC 7905), and AES-GCM (RFC 5288). */
export const LEAST_OVERHEAD = 29;
const MOST_OVERHEAD = 37;
/** Octets of a record at most, RFC 6347 section 4.1. */
const RECORD_LIMIT = 16_384;

/** Milliseconds. */
export interface DtlsTimes {
  /** A session that ended sooner counts as a failed attempt. */
  steady: number;
  /** Anybody may say falsely that the collector does not know the session: it is not asked sooner than this after the handshake. */
  doubt: number;
  /** Between two looks at the path. */
  look: number;
}

const TIMES: DtlsTimes = { steady: 10_000, doubt: 5_000, look: 500 };

/** Why sessions end, beside what sockets and OpenSSL say: the collector has known it until now, so a new one is begun. */
export const CHECKED = 'checked';
/** The collector did not answer the end of the session: it has forgotten it, or is gone. */
export const UNANSWERED = 'the collector does not know the session any more, or does not answer';

export interface DtlsOptions extends LocalEnd, TlsClientOptions {
  /** As for UDP. */
  mtu: number | 'path';
  /** The first wait before another attempt, milliseconds. */
  reconnectInterval: number;
  /** Milliseconds after which a session is ended and another one begun, more or less, which shows that the collector is there. */
  handshakeInterval: number;
}

export interface DtlsParts {
  createContext: CreateDtlsContext;
  /** Makes a socket that sends nothing: it knows what the path carries. */
  connect: ConnectDatagram;
  /** The ends of a socket are known; what it returns is called when it has closed. */
  own?: ((local: SocketEnd, remote: SocketEnd) => () => void) | undefined;
  /** The files have changed and cannot be used. */
  trouble: (error: CtflowError) => void;
}

/**
 * IPFIX over DTLS 1.2 on UDP, RFC 7011 sections 10.3 and 11: one message a record and a datagram. DTLS does not show that a collector
 * has forgotten the session, for example as it was started again. So each session ends after a time: where the collector answers that,
 * it has known the session; where it does not, all records since the handshake are uncertain.
 */
export class DtlsTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = true;
  readonly largest: number;
  limit: number;
  collectorExpires: number | undefined;
  readonly #options: DtlsOptions;
  readonly #parts: DtlsParts;
  readonly #contexts: DtlsContexts;
  readonly #times: DtlsTimes;
  readonly #waiters = new Waiters();
  readonly #giveUp = new AbortController();
  #listener: TransportListener | undefined;
  #connection: DtlsConnection | undefined;
  /** Its packets, octets at most. */
  #packet = 0;
  #path: DatagramSocket | undefined;
  #openedAt = 0;
  /** Of sessions that have ended. */
  readonly #unsent: Message[] = [];
  readonly #backOff: BackOff;
  #attempting: Promise<void> | undefined;
  /** The session is being ended. */
  #ending: Promise<void> | undefined;
  #closing = false;
  #retry: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  /** Of the session that is open: until it counts as steady, and until it is ended. */
  readonly #timers: NodeJS.Timeout[] = [];

  /** @throws CtflowError CTFLOW_TLS, CTFLOW_BACKEND_LACKS */
  constructor(endpoint: Endpoint, options: DtlsOptions, parts: DtlsParts, times: Partial<DtlsTimes> = {}) {
    this.#times = { ...TIMES, ...times };
    this.endpoint = endpoint;
    this.#options = options;
    this.#backOff = new BackOff(options.reconnectInterval);
    this.#parts = parts;
    this.#contexts = new DtlsContexts(options, parts.createContext, parts.trouble);
    const { mtu } = options;
    this.largest = Math.min(largestPacket(mtu) - UDP_AND_IPV4_HEADERS - LEAST_OVERHEAD, RECORD_LIMIT);
    const packet = mtu === 'path' ? UNKNOWN_PATH : mtu;
    this.limit = Math.min(packet - UDP_AND_IPV6_HEADERS - MOST_OVERHEAD, RECORD_LIMIT);
  }

  get ready(): boolean {
    return this.#connection !== undefined && !this.#ending && this.#connection.queued < QUEUE_LIMIT;
  }

  open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    this.#attempting = this.#attempt();
    return Promise.resolve();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    if (this.#connection && !this.#ending) {
      this.#connection.send(bytes, lengths, messages);
      if (this.#options.mtu === 'path') this.#look ??= setTimeout(() => this.#lookAtPath(), this.#times.look);
      return;
    }
    this.#unsent.push(...copyMessages(bytes, lengths, messages));
  }

  takeBack(): readonly Message[] {
    return this.#unsent.splice(0);
  }

  async tryNow(timeoutMs: number): Promise<void> {
    if (this.#connection || this.#closing) return;
    clearTimeout(this.#retry);
    this.#attempting ??= this.#attempt();
    await this.#waiters.wait(timeoutMs);
  }

  untilReady(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    const deadline = performance.now() + graceMs;
    const left = (): number => Math.max(deadline - performance.now(), 0);
    while (this.#connection && this.#connection.queued > 0 && left() > 0)
      await this.#waiters.wait(Math.min(left(), 10));
    if (graceMs === 0) this.#giveUp.abort();
    await this.#end(CHECKED, graceMs > 0);
    this.#giveUp.abort();
    const lost = this.takeBack();
    if (lost.length > 0) this.counts.lostRecords += this.#listener!.lost(lost);
    this.#waiters.wake();
  }

  renewWithFiles(): void {
    if (this.#connection && !this.#ending && this.#contexts.haveFilesChanged()) void this.#end(CHECKED);
  }

  async #attempt(): Promise<void> {
    try {
      const connection = await this.#connect();
      this.#attempting = undefined;
      if (this.#closing) await Promise.all([connection.close(), this.#path?.close()]);
      else this.#opened(connection);
    } catch (error) {
      this.#attempting = undefined;
      if (this.#closing) return;
      this.#tryAgain(countError(this.counts, errnoOf(error) || (error as Error).message), 0);
    }
    this.#waiters.wake();
  }

  /** To the first of its addresses that answers, each in its turn. */
  async #connect(): Promise<DtlsConnection> {
    let failure: unknown;
    for (const address of await resolveAll(this.endpoint.host, this.#options)) {
      try {
        return await this.#connectTo(address);
      } catch (error) {
        failure = error;
        this.#giveUp.signal.throwIfAborted();
      }
    }
    throw failure;
  }

  async #connectTo({ address, family }: Address): Promise<DtlsConnection> {
    const { localAddress, localPort, mtu, tlsPeerName } = this.#options;
    const { host, port } = this.endpoint;
    const to: DatagramAddress = { address, family, port, localAddress, localPort, segment: false };
    const path = await this.#parts.connect({ ...to, localPort: undefined }, SILENT);
    const packet = packetLimit(mtu, path.pathMtu);
    const begin = () => this.#contexts.read().client(serverName(host, this.#options), packet, headersOf(family));
    const { signal } = this.#giveUp;
    let connection: DtlsConnection | undefined;
    const handlers = this.#handlersOf(() => connection);
    try {
      connection = await DtlsConnection.open(to, begin, tlsPeerName, handlers, signal, this.#parts.own);
    } catch (error) {
      await path.close();
      throw error;
    }
    this.#path = path;
    this.#packet = packet;
    return connection;
  }

  #opened(connection: DtlsConnection): void {
    this.#connection = connection;
    this.#openedAt = performance.now();
    this.limit = connection.largest;
    this.collectorExpires = connection.collectorExpires;
    this.counts.connects++;
    this.#timers.push(
      setTimeout(() => this.#backOff.reset(), this.#times.steady),
      setTimeout(() => void this.#end(CHECKED), spread(this.#options.handshakeInterval)),
    );
    this.#listener!.opened();
  }

  #handlersOf(connectionOf: () => DtlsConnection | undefined): DtlsHandlers {
    const isOpen = (): boolean =>
      connectionOf() === this.#connection && this.#connection !== undefined && !this.#ending;
    return {
      ...countDatagrams(this.counts, this.#listener!, {
        broken: errno => {
          if (isOpen()) void this.#end(errno);
        },
      }),
      ready: () => this.#waiters.wake(),
      ended: why => {
        if (!isOpen()) return;
        if (why !== CLOSED_BY_PEER) countError(this.counts, why);
        void this.#end(why);
      },
      doubted: () => {
        if (isOpen() && performance.now() - this.#openedAt > this.#times.doubt) void this.#end(CHECKED);
      },
    };
  }

  /**
   * Ends the session; what it has not sent waits for the next one.
   * @param why CHECKED and NARROWED: the collector is asked whether it has known it, and the next one begins at once
   * @param asked whether the collector is asked
   */
  #end(why: string, asked = why === CHECKED || why === NARROWED): Promise<void> {
    this.#ending ??= this.#finish(why, asked).finally(() => (this.#ending = undefined));
    return this.#ending;
  }

  async #finish(why: string, asked: boolean): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    clearTimeout(this.#look);
    this.#look = undefined;
    const known = asked ? await connection.finish() : why === CLOSED_BY_PEER;
    const uncertain = asked && known ? 0 : connection.uncertain(known);
    // what came to the transport meanwhile is younger
    this.#unsent.unshift(...(await connection.close()));
    await this.#path?.close();
    this.#path = this.#connection = undefined;
    this.counts.uncertainRecords += uncertain;
    if (this.#closing) return;
    const reason = asked && !known ? countError(this.counts, UNANSWERED) : why;
    this.#tryAgain(reason, uncertain, asked);
    this.#waiters.wake();
  }

  #tryAgain(why: string, uncertain: number, atOnce = false): void {
    const wait = atOnce ? 0 : this.#backOff.next();
    this.#retry = setTimeout(() => (this.#attempting ??= this.#attempt()), wait);
    this.#listener!.closed(why, uncertain);
  }

  /** Where packets have become too large for the path, a new session begins with smaller ones. */
  #lookAtPath(): void {
    this.#look = undefined;
    if (this.#path && packetLimit('path', this.#path.pathMtu) < this.#packet) void this.#end(NARROWED);
  }
}

const SILENT = {
  sent: () => {},
  refused: () => {},
  failed: () => false,
  unsegmented: () => {},
  ready: () => {},
};
