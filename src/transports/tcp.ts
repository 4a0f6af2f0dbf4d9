import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../endpoint.js';
import { errnoOf } from '../errors.js';
import { newCounts, Waiters, type Transport, type TransportListener } from './transport.js';

/** Bytes of a message at most: large enough to be cheap, small enough to be handed over whole. */
const MESSAGE_LIMIT = 16_384;
/** Bytes in the socket at which it counts as not ready. */
const HIGH_WATER = 65_536;
/** Each failed attempt doubles the wait, up to this many times the first. */
const BACK_OFF_CEILING = 8;
const CONNECT_TIMEOUT_MS = 10_000;
/** A collector that has said good-bye may take what was sent to it for so long. */
const GOODBYE_MS = 2_000;

/**
 * IPFIX over TCP, RFC 7011 section 10.4. Connects again with back-off; what the socket still held when a connection broke
 * is counted as lost.
 */
export class TcpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = false;
  readonly limit = MESSAGE_LIMIT;
  readonly #reconnectMs: number;
  #listener: TransportListener | undefined;
  #socket: Socket | undefined;
  #connected = false;
  #closing = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Records in the socket, not yet taken by the kernel. */
  #unwritten = 0;
  readonly #waiters = new Waiters();

  /** @param reconnectMs the first wait before another attempt, milliseconds */
  constructor(endpoint: Endpoint, reconnectMs: number) {
    this.endpoint = endpoint;
    this.#reconnectMs = reconnectMs;
  }

  get ready(): boolean {
    return this.#connected && this.#socket!.writableLength < HIGH_WATER;
  }

  open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    this.#attempt();
    return Promise.resolve();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    let length = 0;
    let records = 0;
    for (let message = 0; message < messages; message++) {
      length += lengths[message * 2];
      records += lengths[message * 2 + 1];
    }
    const socket = this.#socket!;
    this.#unwritten += records;
    socket.write(Buffer.from(bytes.subarray(0, length)), error => {
      if (error || socket !== this.#socket) return;
      this.#unwritten -= records;
      this.counts.messages += messages;
      this.counts.records += records;
      this.counts.octets += length;
      this.#listener!.settled(records);
      if (this.ready) this.#waiters.wake();
    });
  }

  drained(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket && !socket.closed) {
      const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
      const timer = setTimeout(() => socket.destroy(), graceMs);
      if (this.#connected) socket.end();
      else socket.destroy();
      await closed;
      clearTimeout(timer);
    }
    this.#waiters.wake();
  }

  #attempt(): void {
    const { host, port } = this.endpoint;
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    let why = 'closed by the collector';
    const timeout = setTimeout(() => socket.destroy(new Error('no answer')), CONNECT_TIMEOUT_MS);
    this.#socket = socket;
    socket.on('error', error => {
      why = errnoOf(error) || error.message;
      this.counts.errors[why] = (this.counts.errors[why] ?? 0) + 1;
    });
    socket.on('connect', () => {
      clearTimeout(timeout);
      this.#connected = true;
      this.#attempts = 0;
      this.counts.connects++;
      this.#listener!.opened();
      this.#waiters.wake();
    });
    // a collector sends nothing; its end of stream is its good-bye, and is noticed at once
    let goodbye: NodeJS.Timeout | undefined;
    socket.on('end', () => {
      this.#connected = false;
      goodbye = setTimeout(() => socket.destroy(), GOODBYE_MS);
    });
    socket.resume();
    socket.on('close', () => {
      clearTimeout(timeout);
      clearTimeout(goodbye);
      this.#disconnected(why);
    });
  }

  #disconnected(why: string): void {
    this.#connected = false;
    this.counts.lostRecords += this.#unwritten;
    this.#listener!.settled(this.#unwritten);
    this.#unwritten = 0;
    this.#waiters.wake();
    if (this.#closing) return;
    this.#listener!.closed(why);
    const wait = this.#reconnectMs * Math.min(2 ** this.#attempts++, BACK_OFF_CEILING);
    this.#timer = setTimeout(() => this.#attempt(), wait);
  }
}
