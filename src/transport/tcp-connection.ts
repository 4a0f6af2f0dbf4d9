import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../common/endpoint.js';
import { errnoOf } from '../common/errors.js';
import { InFlight } from './in-flight.js';
import { deliveryAfterFin } from './kernel-tcp.js';
import type { SocketEnd } from '../row/own-connections.js';
import type { Message } from './transport.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** A collector that has sent its FIN may read what was sent for so long. */
const HALF_CLOSED_MS = 5_000;
const LOOK_AGAIN_MS = 20;
/** The end of a connection without an error. */
export const CLOSED = 'closed by the collector';
/** Octets that the kernel may hold unsent before it takes no more. */
const UNSENT_LIMIT = 16_384;

export interface TcpOptions {
  /** Octets between the two processes that a collector may not have read, at most. */
  reach: number;
  /** As {@link Backend.limitUnsent}. */
  limitUnsent: (fd: number, octets: number) => boolean;
  /** The ends of a socket are known; what it returns is called when it has closed. */
  own?: ((local: SocketEnd, remote: SocketEnd) => () => void) | undefined;
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
}

/**
 * One connection to a collector. It takes one message at a time, so that at its end it is known for each whether the kernel took
 * all of it. A collector cannot have read a message of which the kernel took only a part.
 */
export class TcpConnection {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #inFlight: InFlight;
  readonly #closed: Promise<void>;
  #connected = false;
  /** The collector has sent its FIN. */
  #finReceived = false;
  #why = CLOSED;
  #message: Message | undefined;
  /** The kernel took the message before Node called back. */
  #early = false;
  #records = 0;
  /** The collector has read everything. */
  #certain = false;

  constructor({ host, port }: Endpoint, options: TcpOptions, handlers: ConnectionHandlers) {
    this.#handlers = handlers;
    this.#inFlight = new InFlight(options.reach);
    const socket = connect({ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true });
    this.#socket = socket;
    const timeout = setTimeout(() => socket.destroy(new Error('no answer')), CONNECT_TIMEOUT_MS);
    let gone: (() => void) | undefined;
    const known = (): void => {
      const { localAddress, localPort } = socket;
      if (gone || !localAddress || !localPort || !options.own) return;
      gone = options.own({ address: localAddress, port: localPort }, { address: socket.remoteAddress ?? host, port });
    };
    // the kernel gives an address where there was no name to look up; an attempt that fails is this exporter's as well
    process.nextTick(known);
    socket.on('error', error => (this.#why = errnoOf(error) || error.message));
    socket.on('connect', () => {
      clearTimeout(timeout);
      const { fd } = this.#stream;
      if (fd !== undefined) options.limitUnsent(fd, UNSENT_LIMIT);
      known();
      this.#connected = true;
      handlers.connected();
    });
    // a collector sends no data: reading shows its FIN at once
    socket.on('end', () => void this.#closeAfterFin());
    socket.resume();
    this.#closed = new Promise(resolve => {
      socket.on('close', () => {
        clearTimeout(timeout);
        gone?.();
        this.#connected = false;
        if (this.#early) this.#taken();
        handlers.ended(this.#why, this.#certain ? 0 : this.#inFlight.records);
        resolve();
      });
    });
  }

  /** Messages are taken, now or when the one before has been. */
  get open(): boolean {
    return this.#connected && !this.#finReceived && this.#socket.writable;
  }

  /** Takes a message if it can now; `taken` follows, or the end. */
  offer(message: Message): void {
    if (this.open && !this.#message) this.#write(message);
  }

  /** Ends what has been taken with a FIN and waits for the collector's, for `graceMs` at most. */
  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), graceMs);
    if (!this.#connected) this.#socket.destroy();
    else if (!this.#finReceived) this.#socket.end();
    await this.#closed;
    clearTimeout(timer);
  }

  get #stream(): Stream {
    return Reflect.get(this.#socket, '_handle') as Stream;
  }

  #write(message: Message): void {
    this.#message = message;
    this.#socket.write(message.bytes, error => {
      // for a write to a destroyed socket Node gives no error
      if (this.#early || (!error && !this.#socket.destroyed)) this.#taken();
    });
    this.#early = !this.#socket.errored && this.#stream.writeQueueSize === 0;
  }

  /** The collector wants no more: it gets what the kernel has, and an answer to its FIN. */
  async #closeAfterFin(): Promise<void> {
    this.#finReceived = true;
    const socket = this.#socket;
    if (socket.writableEnded) {
      // our FIN went first: this is the answer of a collector that has read everything
      this.#certain = socket.writableFinished;
      return;
    }
    const timer = setTimeout(() => socket.destroy(), HALF_CLOSED_MS);
    socket.on('close', () => clearTimeout(timer));
    this.#certain = await this.#delivered();
    socket.end();
  }

  /** Whether a collector that still reads has received all that the kernel took. */
  async #delivered(): Promise<boolean> {
    const socket = this.#socket;
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
