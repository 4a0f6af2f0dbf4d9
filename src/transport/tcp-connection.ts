import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../common/endpoint.js';
import { errnoOf } from '../common/errors.js';
import { dial, type DialOptions } from './dial.js';
import { InFlight } from './in-flight.js';
import { deliveryAfterFin } from './kernel-tcp.js';
import type { TlsClient } from './tls-client.js';
import type { Message } from './transport.js';

/** A collector that has sent its FIN may read what was sent for so long. */
const HALF_CLOSED_MS = 5_000;
const LOOK_AGAIN_MS = 20;
/** The end of a connection without an error. */
export const CLOSED = 'closed by the collector';
/** Octets that the kernel may hold unsent before it takes no more. */
const UNSENT_LIMIT = 16_384;

export interface TcpOptions extends DialOptions {
  /** Octets between the two processes that a collector may not have read, at most. */
  reach: number;
  /** As {@link Backend.limitUnsent}. */
  limitUnsent: (fd: number, octets: number) => boolean;
  /** Absent for TCP alone. */
  tls?: TlsClient | undefined;
}

export interface ConnectionHandlers {
  connected(): void;
  /** The kernel has all of the message. */
  taken(): void;
  /** A message without sets, after so many data records. */
  emptyMessage(records: number): Uint8Array;
  /**
   * The connection ended, or was never made.
   * @param uncertain data records that the kernel took and the collector may not have read
   */
  ended(why: string, uncertain: number): void;
}

/** What Node does not show of a socket: the stream of libuv below it. */
interface Stream {
  /** Undefined or below zero where the system has none for sockets. */
  readonly fd: number | undefined;
  /** Octets that the kernel has not taken. */
  readonly writeQueueSize: number;
  /** Octets that were given to it, also those that the kernel has not taken. */
  readonly bytesWritten: number;
}

/**
 * One connection to a collector. It takes one message at a time, so that at its end it is known for each whether the kernel took
 * all of it. A collector cannot have read a message of which the kernel took only a part. Over TLS a message is one record, which
 * the collector cannot decrypt without its last octet.
 */
export class TcpConnection {
  readonly #options: TcpOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #inFlight: InFlight;
  readonly #closed: Promise<void>;
  readonly #giveUp = new AbortController();
  /** Once it is connected. */
  #socket: Socket | undefined;
  /** Below TLS, else the same. */
  #tcp: Socket | undefined;
  /** The collector has sent its FIN. */
  #finReceived = false;
  #why = CLOSED;
  #message: Message | undefined;
  /** The kernel took the message before Node called back, or may have: TLS had others of its own to send first. */
  #early = false;
  #records = 0;
  /** The collector has read everything. */
  #certain = false;

  constructor(endpoint: Endpoint, options: TcpOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#inFlight = new InFlight(options.reach);
    this.#closed = this.#run(endpoint);
  }

  /** Messages are taken, now or when the one before has been. */
  get open(): boolean {
    return this.#socket?.writable === true && !this.#finReceived;
  }

  /** Takes a message if it can now; `taken` follows, or the end. */
  offer(message: Message): void {
    if (this.open && !this.#message) this.#write(this.#socket!, message);
  }

  /** Ends what has been taken with a FIN and waits for the collector's, for `graceMs` at most. */
  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#socket?.destroy(), graceMs);
    if (!this.#socket) this.#giveUp.abort();
    else if (!this.#finReceived) this.#socket.end();
    await this.#closed;
    clearTimeout(timer);
  }

  async #run(endpoint: Endpoint): Promise<void> {
    const { signal } = this.#giveUp;
    const socket = await this.#connect(endpoint, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#why = errnoOf(error) || (error as Error).message;
      return undefined;
    });
    if (signal.aborted) socket?.destroy();
    else if (socket) await this.#serve(socket);
    this.#socket = undefined;
    if (this.#early) this.#taken();
    this.#handlers.ended(this.#why, this.#certain ? 0 : this.#inFlight.records);
  }

  #connect(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
    const { tls } = this.#options;
    return dial(endpoint, this.#options, signal, (tcp): Promise<Socket> | Socket => {
      this.#tcp = tcp;
      return tls ? tls.handshake(tcp, signal) : tcp;
    });
  }

  /** Resolves when the connection has closed. */
  #serve(socket: Socket): Promise<void> {
    this.#socket = socket;
    socket.on('error', error => {
      if (this.#why === CLOSED) this.#why = errnoOf(error) || error.message;
      socket.destroy(); // an alert of TLS alone does not
    });
    const closed = new Promise<void>(resolve => socket.on('close', () => resolve()));
    const { fd } = this.#stream;
    if (fd !== undefined) this.#options.limitUnsent(fd, UNSENT_LIMIT);
    this.#handlers.connected();
    // a collector sends no data: reading shows its FIN at once
    socket.on('end', () => void this.#closeAfterFin(socket));
    socket.resume();
    return closed;
  }

  get #stream(): Stream {
    return Reflect.get(this.#tcp!, '_handle') as Stream;
  }

  #write(socket: Socket, message: Message): void {
    this.#message = message;
    const stream = this.#stream;
    const before = stream.bytesWritten;
    socket.write(message.bytes, error => {
      // for a write to a destroyed socket Node gives no error
      if (this.#early || (!error && !socket.destroyed)) this.#taken();
    });
    if (socket.errored) return;
    const given = stream.bytesWritten - before >= message.bytes.length;
    this.#early = !given || stream.writeQueueSize === 0;
  }

  /** The collector wants no more: it gets what the kernel has, and an answer to its FIN. */
  async #closeAfterFin(socket: Socket): Promise<void> {
    this.#finReceived = true;
    if (socket.writableEnded) {
      // our FIN went first: this is the answer of a collector that has read everything
      this.#certain = socket.writableFinished;
      return;
    }
    const timer = setTimeout(() => socket.destroy(), HALF_CLOSED_MS);
    socket.on('close', () => clearTimeout(timer));
    this.#certain = await this.#delivered(socket);
    socket.end();
  }

  /** Whether a collector that still reads has received all that the kernel took. */
  async #delivered(socket: Socket): Promise<boolean> {
    while (this.#message && !socket.destroyed) await sleep(LOOK_AGAIN_MS);
    if (!socket.writable) return false;
    // A FIN also comes from a collector that was killed with nothing left to read in its socket. One that has only half-closed
    // takes another message; any other answers it with a reset.
    const message = this.#handlers.emptyMessage(this.#records);
    await new Promise<void>(resolve => socket.write(message, () => resolve()));
    while (!socket.destroyed) {
      const delivery = await deliveryAfterFin(this.#stream.fd);
      if (delivery === 'gone') this.#why = 'ECONNRESET';
      if (delivery !== 'not yet') return delivery === 'all';
      await sleep(LOOK_AGAIN_MS);
    }
    return false;
  }

  #taken(): void {
    const { bytes, records } = this.#message!;
    this.#message = undefined;
    this.#early = false;
    this.#inFlight.add(bytes.length, records);
    this.#records += records;
    this.#handlers.taken();
  }
}
