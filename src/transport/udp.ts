import { lookup } from 'node:dns/promises';
import type { Endpoint } from '../common/endpoint.js';
import { formatEndpoint } from '../common/endpoint.js';
import { CtflowError, errnoOf } from '../common/errors.js';
import type { ConnectDatagram, DatagramListener, DatagramSocket } from './datagram-socket.js';
import { newCounts, Waiters, type Message, type Transport, type TransportListener } from './transport.js';

const UDP_AND_IPV4_HEADERS = 28;
const UDP_AND_IPV6_HEADERS = 48;
/** Packets that may wait in the socket's queue before it counts as not ready. */
const QUEUE_PACKETS = 256;
const REOPEN_MS = 5_000;
/** Only this packet is lost; after any other error only a new socket may help. */
const PASSING = new Set(['ECONNREFUSED', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EMSGSIZE']);

export interface UdpOptions {
  /** Bytes of an IP packet at most. */
  mtu: number;
  /** See DatagramAddress.segment. */
  udpSegmentation: boolean;
}

/**
 * IPFIX over UDP, RFC 7011 section 10.3: one message a packet, no packet above the MTU. Packets to a collector that does not
 * listen are counted as lost. Where there is no route, or the host has lost the socket's address, a new socket is tried from time
 * to time, as a new session.
 */
export class UdpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = true;
  limit: number;
  readonly #options: UdpOptions;
  readonly #reopenMs: number;
  #listener: TransportListener | undefined;
  #address = '';
  #family = 4;
  #socket: DatagramSocket | undefined;
  #closing = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #connect: ConnectDatagram;
  readonly #waiters = new Waiters();

  /**
   * @param connect makes the socket
   * @param reopenMs the wait before another socket is tried, milliseconds
   */
  constructor(endpoint: Endpoint, options: UdpOptions, connect: ConnectDatagram, reopenMs: number = REOPEN_MS) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#connect = connect;
    this.#reopenMs = reopenMs;
    this.limit = options.mtu - UDP_AND_IPV6_HEADERS;
  }

  get ready(): boolean {
    return this.#socket !== undefined && this.#socket.queued < QUEUE_PACKETS;
  }

  async open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    const { address, family } = await lookup(this.endpoint.host).catch((error: unknown) => {
      throw new CtflowError(
        'CTFLOW_ADDRESS',
        `The name of collector ${formatEndpoint(this.endpoint)} does not resolve (${errnoOf(error)})`,
        'Check the name and the DNS settings',
        error,
      );
    });
    this.#address = address;
    this.#family = family;
    this.limit = this.#options.mtu - (family === 6 ? UDP_AND_IPV6_HEADERS : UDP_AND_IPV4_HEADERS);
    await this.#attempt();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    this.#socket!.send(bytes, lengths, messages);
  }

  /** A datagram is sent once, or lost and counted. */
  takeBack(): readonly Message[] {
    return [];
  }

  untilReady(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    const deadline = performance.now() + graceMs;
    while (this.#socket && this.#socket.queued > 0 && performance.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, 1));
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#waiters.wake();
  }

  async #attempt(): Promise<void> {
    const to = {
      address: this.#address,
      family: this.#family,
      port: this.endpoint.port,
      segment: this.#options.udpSegmentation,
    };
    let socket: DatagramSocket | undefined;
    const listener: DatagramListener = {
      sent: (messages, records, octets) => {
        this.counts.messages += messages;
        this.counts.records += records;
        this.counts.octets += octets;
        this.#listener!.settled(records);
      },
      failed: (errno, records) => this.#failed(errno, records, socket),
      ready: () => this.#waiters.wake(),
    };
    try {
      socket = await this.#connect(to, listener);
    } catch (error) {
      if (!this.#closing) this.#tryAgain(this.#count(errnoOf(error)));
      return;
    }
    if (this.#closing) {
      socket.close();
      return;
    }
    this.#socket = socket;
    this.counts.connects++;
    this.#listener!.opened();
    this.#waiters.wake();
  }

  /** @returns whether the socket is still good */
  #failed(errno: string, records: number, socket: DatagramSocket | undefined): boolean {
    this.counts.lostRecords += records;
    this.#listener!.settled(records);
    if (PASSING.has(errno)) {
      this.#count(errno);
      return true;
    }
    if (socket !== undefined && socket === this.#socket && !this.#closing) {
      this.#socket = undefined;
      socket.close();
      this.#tryAgain(this.#count(errno));
    }
    return false;
  }

  #tryAgain(why: string): void {
    this.#timer = setTimeout(() => void this.#attempt(), this.#reopenMs);
    this.#listener!.closed(why, 0);
  }

  #count(errno: string): string {
    const name = errno || 'UNKNOWN';
    this.counts.errors[name] = (this.counts.errors[name] ?? 0) + 1;
    return name;
  }
}
