import type { Endpoint } from '../common/endpoint.js';
import { BackOff, spread } from './back-off.js';
import { sendBufferLimit } from './kernel-tcp.js';
import { CLOSED, TcpConnection, type TcpOptions } from './tcp-connection.js';
import {
  CLOCK_BACK,
  copyMessages,
  countError,
  newCounts,
  Waiters,
  type Message,
  type Transport,
  type TransportCounts,
  type TransportListener,
} from './transport.js';

/** Bytes of a message at most: large enough to be cheap, small enough for the kernel to take whole. */
const MESSAGE_LIMIT = 16_384;
/** Bytes waiting at which it counts as not ready. */
const HIGH_WATER = 65_536;
/** A TLS connection that ended sooner counts as a failed attempt: the collector may refuse this exporter after the handshake. */
const STEADY_MS = 10_000;
/** A collector has so long to close its side of a connection that is renewed. */
const RENEW_MS = 5_000;
/** Why a connection ended that had lasted its time. */
export const RENEWED = 'renewed';
/** The certificate, the key or the authorities are others now. */
const NEW_FILES = 'new TLS files';
/** What is logged of connections that were closed in order, to be opened again at once, by the reason. */
export const RENEWALS: Readonly<Record<string, string>> = {
  [RENEWED]: 'connection closed after --connection-lifetime; opening another',
  [NEW_FILES]: 'the TLS files have changed: connection closed; opening another with the new ones',
  [CLOCK_BACK]: 'the clock was put back: connection closed, as its messages have a later time; opening another',
};
/**
 * What a collector says of a certificate, RFC 8446 section 6.2, or of none: it has read nothing then. Node makes the code of
 * OpenSSL's name of the alert.
 */
const REFUSED =
  /^ERR_SSL_.*ALERT_(?:CERTIFICATE_\w+|\w+_CERTIFICATE|UNKNOWN_CA|NO_CERTIFICATE|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;

export interface TcpTransportOptions extends Omit<TcpOptions, 'reach'> {
  /** The first wait before another attempt, milliseconds. */
  reconnectInterval: number;
  /** Octets that a collector's kernel holds unread at most. */
  collectorBuffer: number;
  /** Milliseconds after which a connection is closed and another one opened, more or less; 0 for never. */
  connectionLifetime?: number;
}

/**
 * IPFIX over TCP, RFC 7011 section 10.4. Messages wait in a queue and go to the kernel one by one, each once; what waits when a
 * connection breaks goes over the next one. Connects again with back-off. The same over TLS, section 10.4 and 11.
 */
export class TcpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = false;
  readonly limit = MESSAGE_LIMIT;
  readonly #backOff: BackOff;
  readonly #options: TcpOptions;
  /** The first may be in the connection. */
  #queue: Message[] = [];
  #queued = 0;
  #listener: TransportListener | undefined;
  #connection: TcpConnection | undefined;
  #closing = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #lifetime: number;
  /** Why the connection is being renewed. */
  #renewing: string | undefined;
  /** Of the connection that is open: until it counts as steady, and until it is renewed. */
  readonly #timers: NodeJS.Timeout[] = [];
  /** What was counted before the connection that is open. */
  #before: TransportCounts | undefined;
  readonly #waiters = new Waiters();

  constructor(endpoint: Endpoint, options: TcpTransportOptions) {
    const { reconnectInterval, collectorBuffer, connectionLifetime = 0, ...rest } = options;
    this.endpoint = endpoint;
    this.#backOff = new BackOff(reconnectInterval);
    this.#lifetime = connectionLifetime;
    this.#options = { ...rest, reach: sendBufferLimit() + collectorBuffer };
  }

  get ready(): boolean {
    return this.#connection?.open === true && this.#renewing === undefined && this.#queued < HIGH_WATER;
  }

  get collectorExpires(): number | undefined {
    return this.#options.tls?.collectorExpires;
  }

  open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    this.#attempt();
    return Promise.resolve();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    for (const message of copyMessages(bytes, lengths, messages)) {
      this.#queue.push(message);
      this.#queued += message.bytes.length;
    }
    this.#offer();
  }

  takeBack(): readonly Message[] {
    const messages = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    return messages;
  }

  async tryNow(timeoutMs: number): Promise<void> {
    if (this.#connection?.open || this.#closing) return;
    clearTimeout(this.#timer);
    if (!this.#connection) this.#attempt();
    await this.#waiters.wait(timeoutMs);
  }

  untilReady(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    await this.#finish(graceMs);
    const lost = this.takeBack();
    if (lost.length > 0) this.counts.lostRecords += this.#listener!.lost(lost);
    this.#waiters.wake();
  }

  renew(why: string): void {
    if (this.#closing || this.#renewing !== undefined || !this.#connection?.open) return;
    this.#renewing = why;
    void this.#finish(RENEW_MS);
  }

  renewWithFiles(): void {
    if (this.#connection?.open && this.#options.tls?.haveFilesChanged()) this.renew(NEW_FILES);
  }

  /** Sends what waits and closes the connection in order. */
  async #finish(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    const left = (): number => Math.max(deadline - performance.now(), 0);
    while (this.#queue.length > 0 && this.#connection?.open && left() > 0) await this.#waiters.wait(left());
    await this.#connection?.close(left());
  }

  #offer(): void {
    if (this.#queue.length > 0) this.#connection?.offer(this.#queue[0]);
  }

  #taken(): void {
    const { bytes, records } = this.#queue.shift()!;
    this.#queued -= bytes.length;
    this.counts.messages++;
    this.counts.records += records;
    this.counts.octets += bytes.length;
    this.#listener!.settled(records);
    this.#offer();
    if (this.ready || this.#queue.length === 0) this.#waiters.wake();
  }

  #attempt(): void {
    const listener = this.#listener!;
    this.#connection = new TcpConnection(this.endpoint, this.#options, {
      connected: () => this.#connected(),
      taken: () => this.#taken(),
      emptyMessage: records => listener.emptyMessage(records),
      ended: (why, uncertain) => this.#ended(why, uncertain),
    });
  }

  #connected(): void {
    const steady = (): void => this.#backOff.reset();
    if (this.#options.tls) this.#timers.push(setTimeout(steady, STEADY_MS));
    else steady();
    if (this.#lifetime > 0) this.#timers.push(setTimeout(() => this.renew(RENEWED), spread(this.#lifetime)));
    this.#before = { ...this.counts };
    this.counts.connects++;
    if (!this.#closing) this.#listener!.opened();
    this.#waiters.wake();
  }

  #ended(why: string, uncertain: number): void {
    this.#connection = undefined;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    const renewed = this.#renewing;
    this.#renewing = undefined;
    if (why !== CLOSED) countError(this.counts, why);
    const before = this.#before;
    this.#before = undefined;
    if (before && REFUSED.test(why)) {
      const { messages, records, octets } = before;
      uncertain = this.counts.records - records;
      Object.assign(this.counts, { messages, records, octets });
    }
    this.counts.uncertainRecords += uncertain;
    this.#waiters.wake();
    if (this.#closing) return;
    this.#listener!.closed(renewed !== undefined && why === CLOSED ? renewed : why, uncertain);
    this.#timer = setTimeout(() => this.#attempt(), renewed === undefined ? this.#backOff.next() : 0);
  }
}
