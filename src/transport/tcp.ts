import type { Endpoint } from '../common/endpoint.js';
import { sendBufferLimit } from './kernel-tcp.js';
import { CLOSED, TcpConnection, type TcpOptions } from './tcp-connection.js';
import { newCounts, Waiters, type Message, type Transport, type TransportListener } from './transport.js';

/** Bytes of a message at most: large enough to be cheap, small enough for the kernel to take whole. */
const MESSAGE_LIMIT = 16_384;
/** Bytes waiting at which it counts as not ready. */
const HIGH_WATER = 65_536;
/** Each failed attempt doubles the wait, up to this many times the first. */
const BACK_OFF_CEILING = 8;

export interface TcpTransportOptions extends Pick<TcpOptions, 'limitUnsent' | 'own'> {
  /** The first wait before another attempt, milliseconds. */
  reconnectInterval: number;
  /** Octets that a collector's kernel holds unread at most. */
  collectorBuffer: number;
}

/**
 * IPFIX over TCP, RFC 7011 section 10.4. Messages wait in a queue and go to the kernel one by one, each once; what waits when a
 * connection breaks goes over the next one. Connects again with back-off.
 */
export class TcpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = false;
  readonly limit = MESSAGE_LIMIT;
  readonly #reconnectInterval: number;
  readonly #options: TcpOptions;
  /** The first may be in the connection. */
  #queue: Message[] = [];
  #queued = 0;
  #listener: TransportListener | undefined;
  #connection: TcpConnection | undefined;
  #closing = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiters = new Waiters();

  constructor(endpoint: Endpoint, { reconnectInterval, collectorBuffer, limitUnsent, own }: TcpTransportOptions) {
    this.endpoint = endpoint;
    this.#reconnectInterval = reconnectInterval;
    this.#options = { limitUnsent, own, reach: sendBufferLimit() + collectorBuffer };
  }

  get ready(): boolean {
    return this.#connection?.open === true && this.#queued < HIGH_WATER;
  }

  open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    this.#attempt();
    return Promise.resolve();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    for (let message = 0, at = 0; message < messages; message++) {
      const end = at + lengths[message * 2];
      // the caller fills the buffer again at once
      this.#queue.push({ bytes: bytes.slice(at, end), records: lengths[message * 2 + 1] });
      this.#queued += end - at;
      at = end;
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
    const deadline = performance.now() + graceMs;
    const left = (): number => Math.max(deadline - performance.now(), 0);
    while (this.#queue.length > 0 && this.#connection?.open && left() > 0) await this.#waiters.wait(left());
    await this.#connection?.close(left());
    const lost = this.takeBack();
    if (lost.length > 0) this.counts.lostRecords += this.#listener!.lost(lost);
    this.#waiters.wake();
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
      connected: () => {
        this.#attempts = 0;
        this.counts.connects++;
        if (!this.#closing) listener.opened();
        this.#waiters.wake();
      },
      taken: () => this.#taken(),
      emptyMessage: records => listener.emptyMessage(records),
      ended: (why, uncertain) => this.#ended(why, uncertain),
    });
  }

  #ended(why: string, uncertain: number): void {
    this.#connection = undefined;
    if (why !== CLOSED) this.counts.errors[why] = (this.counts.errors[why] ?? 0) + 1;
    this.counts.uncertainRecords += uncertain;
    this.#waiters.wake();
    if (this.#closing) return;
    this.#listener!.closed(why, uncertain);
    const wait = this.#reconnectInterval * Math.min(2 ** this.#attempts++, BACK_OFF_CEILING);
    this.#timer = setTimeout(() => this.#attempt(), wait);
  }
}
