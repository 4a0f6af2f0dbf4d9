import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { Endpoint } from '../endpoint.js';
import { formatEndpoint } from '../endpoint.js';
import { CtflowError, errnoOf } from '../errors.js';
import { newCounts, Waiters, type Message, type Transport, type TransportListener } from './transport.js';

const UDP_AND_IPV4_HEADERS = 28;
const UDP_AND_IPV6_HEADERS = 48;
/** Packets that may wait in the socket's queue before it counts as not ready. */
const QUEUE_PACKETS = 256;
const REOPEN_MS = 5_000;
/** The packet is lost and the next one may arrive; after any other error only a new socket may help. */
const PASSING = new Set(['ECONNREFUSED', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EMSGSIZE']);

/**
 * IPFIX over UDP, RFC 7011 section 10.3: one message a packet, no packet above the MTU. A collector that does not listen
 * costs packets, which are counted, and nothing else. Where the host has no way to it, or no longer the address that the
 * socket was bound to, a new socket is tried now and then, as a new session.
 */
export class UdpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = true;
  limit: number;
  readonly #mtu: number;
  readonly #reopenMs: number;
  #listener: TransportListener | undefined;
  #address = '';
  #family = 4;
  #socket: Socket | undefined;
  #closing = false;
  #timer: NodeJS.Timeout | undefined;
  #queued = 0;
  readonly #waiters = new Waiters();

  /** @param mtu bytes of an IP packet at most; @param reopenMs the wait before another socket is tried, milliseconds */
  constructor(endpoint: Endpoint, mtu: number, reopenMs: number = REOPEN_MS) {
    this.endpoint = endpoint;
    this.#mtu = mtu;
    this.#reopenMs = reopenMs;
    this.limit = mtu - UDP_AND_IPV6_HEADERS;
  }

  get ready(): boolean {
    return this.#socket !== undefined && this.#queued < QUEUE_PACKETS;
  }

  async open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    const { address, family } = await lookup(this.endpoint.host).catch((error: unknown) => {
      throw new CtflowError(
        'CTFLOW_ADDRESS',
        `The collector ${formatEndpoint(this.endpoint)} cannot be found (${errnoOf(error)})`,
        'Check the name and the resolver',
        error,
      );
    });
    this.#address = address;
    this.#family = family;
    this.limit = this.#mtu - (family === 6 ? UDP_AND_IPV6_HEADERS : UDP_AND_IPV4_HEADERS);
    await this.#attempt();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    const socket = this.#socket!;
    let at = 0;
    for (let message = 0; message < messages; message++) {
      const length = lengths[message * 2];
      // the socket reads the bytes later, and the caller fills the buffer again at once
      const packet = Buffer.from(bytes.subarray(at, at + length));
      const records = lengths[message * 2 + 1];
      at += length;
      this.#queued++;
      socket.send(packet, error => {
        this.#queued--;
        if (error) {
          this.counts.lostRecords += records;
          this.#failed(error, socket);
        } else {
          this.counts.messages++;
          this.counts.records += records;
          this.counts.octets += length;
        }
        this.#listener!.settled(records);
        if (this.#queued < QUEUE_PACKETS) this.#waiters.wake();
      });
    }
  }

  /** A datagram is sent once, or lost and counted. */
  unsent(): readonly Message[] {
    return [];
  }

  drained(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    const deadline = performance.now() + graceMs;
    while (this.#queued > 0 && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 1));
    this.#socket?.close();
    this.#socket = undefined;
    this.#waiters.wake();
  }

  async #attempt(): Promise<void> {
    const socket = createSocket(this.#family === 6 ? 'udp6' : 'udp4');
    const refused = await new Promise<Error | undefined>(resolve => {
      socket.once('error', resolve);
      // Node hands an error to the callback, which its types do not say
      socket.connect(this.endpoint.port, this.#address, resolve as () => void);
    });
    if (refused || this.#closing) {
      socket.close();
      if (refused && !this.#closing) this.#tryAgain(refused);
      return;
    }
    socket.removeAllListeners('error');
    // an ICMP error of an earlier packet arrives here
    socket.on('error', error => this.#failed(error, socket));
    this.#socket = socket;
    this.counts.connects++;
    this.#listener!.opened();
    this.#waiters.wake();
  }

  #failed(error: Error, socket: Socket): void {
    if (PASSING.has(errnoOf(error))) this.#count(error);
    else if (socket === this.#socket && !this.#closing) {
      this.#socket = undefined;
      socket.close();
      this.#tryAgain(error);
    }
  }

  #tryAgain(error: Error): void {
    this.#timer = setTimeout(() => void this.#attempt(), this.#reopenMs);
    this.#listener!.closed(this.#count(error), 0);
  }

  #count(error: Error): string {
    const errno = errnoOf(error) || 'UNKNOWN';
    this.counts.errors[errno] = (this.counts.errors[errno] ?? 0) + 1;
    return errno;
  }
}
