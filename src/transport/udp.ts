import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../common/endpoint.js';
import { errnoOf } from '../common/errors.js';
import { nextAddress, resolveAll, type Address, type LocalEnd } from './addresses.js';
import { BackOff } from './back-off.js';
import {
  countDatagrams,
  QUEUE_LIMIT,
  type ConnectDatagram,
  type DatagramListener,
  type DatagramSocket,
} from './datagram-socket.js';
import {
  headersOf,
  largestPacket,
  NARROWED,
  packetLimit,
  UDP_AND_IPV4_HEADERS,
  UDP_AND_IPV6_HEADERS,
  UNKNOWN_PATH,
} from './packet.js';
import { probeDatagram } from './probe.js';
import {
  copyMessages,
  countError,
  newCounts,
  Waiters,
  type Message,
  type Transport,
  type TransportListener,
} from './transport.js';

/** Why a session ended whose name has got another address. */
const MOVED = 'its name has another address now';

/** Milliseconds. */
export interface UdpTimes {
  /** The first wait before another attempt; each failed one doubles it. */
  retry: number;
  /** The longest wait. */
  longestRetry: number;
  /** Without an error for so long after a probe, the collector is there. */
  probe: number;
  /** How often the name is looked up while all goes well. */
  lookup: number;
}

const TIMES: UdpTimes = { retry: 250, longestRetry: 2_000, probe: 500, lookup: 60_000 };

export interface UdpOptions extends LocalEnd {
  /** Bytes of an IP packet at most, less where the system knows that the path carries less; 'path' for as many as it carries. */
  mtu: number | 'path';
  /**
   * The kernel cuts bursts into datagrams, as late as it can (UDP_SEGMENT, udp(7)): where a test shows that it does, and until it
   * says that it cannot on the way to this collector. It takes less CPU, and a capture on this host shows bursts uncut.
   */
  udpSegmentation: boolean;
}

/**
 * IPFIX over UDP, RFC 7011 section 10.3: one message a packet, no packet above the MTU. Where an ICMP error says that packets do not
 * arrive, their records are counted as lost, and nothing more is sent until a probe comes through: a template to which no error
 * comes back. Then a new session begins, at the address that the name has by then. Where there is no route, or the host has lost the
 * socket's address, it is the same.
 */
export class UdpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = true;
  readonly largest: number;
  limit: number;
  segments = false;
  readonly #options: UdpOptions;
  readonly #times: UdpTimes;
  readonly #connect: ConnectDatagram;
  readonly #waiters = new Waiters();
  #listener: TransportListener | undefined;
  #address = '';
  #socket: DatagramSocket | undefined;
  /** Of sockets that are closed. */
  readonly #unsent: Message[] = [];
  /** Until it turns out that the kernel does not. */
  #segment: boolean;
  /** Of IP and UDP, bytes of a packet. */
  #headers = UDP_AND_IPV6_HEADERS;
  readonly #backOff: BackOff;
  #attempting = false;
  #closing = false;
  #timer: NodeJS.Timeout | undefined;
  #checkTimer: NodeJS.Timeout | undefined;

  /** @param connect makes the socket */
  constructor(endpoint: Endpoint, options: UdpOptions, connect: ConnectDatagram, times: Partial<UdpTimes> = {}) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#segment = options.udpSegmentation;
    this.#connect = connect;
    this.#times = { ...TIMES, ...times };
    this.#backOff = new BackOff(this.#times.retry, this.#times.longestRetry);
    this.largest = largestPacket(options.mtu) - UDP_AND_IPV4_HEADERS;
    this.limit = (options.mtu === 'path' ? UNKNOWN_PATH : options.mtu) - UDP_AND_IPV6_HEADERS;
  }

  get ready(): boolean {
    return this.#socket !== undefined && this.#socket.queued < QUEUE_LIMIT;
  }

  async open(listener: TransportListener): Promise<void> {
    this.#listener = listener;
    await this.#attempt(false);
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    if (this.#socket) {
      this.#socket.send(bytes, lengths, messages);
      // an error may come back when nothing more is sent
      this.#checkTimer ??= setTimeout(() => {
        this.#checkTimer = undefined;
        this.#socket?.check();
        this.#lookAtPath();
      }, this.#times.probe);
      return;
    }
    this.#unsent.push(...copyMessages(bytes, lengths, messages));
  }

  takeBack(): readonly Message[] {
    return this.#unsent.splice(0);
  }

  async tryNow(timeoutMs: number): Promise<void> {
    if (this.#socket || this.#closing) return;
    clearTimeout(this.#timer);
    if (!this.#attempting) void this.#attempt(true);
    await this.#waiters.wait(timeoutMs);
  }

  untilReady(timeoutMs: number): Promise<void> {
    return this.ready || this.#closing ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    const deadline = performance.now() + graceMs;
    while (this.#socket && this.#socket.queued > 0 && performance.now() < deadline) await sleep(1);
    this.#socket?.check();
    await this.#drop();
    clearTimeout(this.#checkTimer);
    const lost = this.takeBack();
    if (lost.length > 0) this.counts.lostRecords += this.#listener!.lost(lost);
    this.#waiters.wake();
  }

  /** @param probe asks first whether somebody listens */
  async #attempt(probe: boolean): Promise<void> {
    let socket: DatagramSocket | undefined;
    this.#attempting = true;
    try {
      const { address, family } = await this.#lookUp(probe);
      this.#address = address;
      this.#headers = headersOf(family);
      const { localAddress, localPort } = this.#options;
      const { port } = this.endpoint;
      const to = { address, family, port, localAddress, localPort, segment: this.#segment };
      const message = probe ? this.#listener!.probe() : undefined;
      if (message && !this.#closing)
        await probeDatagram(this.#connect, to, message, this.#times.probe, () => this.#closing);
      socket = await this.#connect(
        to,
        this.#listenerOf(() => socket),
      );
    } catch (error) {
      this.#attempting = false;
      if (!this.#closing) this.#tryAgain(countError(this.counts, errnoOf(error)), 0);
      this.#waiters.wake();
      return;
    }
    this.#attempting = false;
    if (this.#closing) await socket.close();
    else this.#opened(socket);
  }

  #opened(socket: DatagramSocket): void {
    this.#socket = socket;
    this.limit = packetLimit(this.#options.mtu, socket.pathMtu) - this.#headers;
    this.segments = socket.segments;
    this.#backOff.reset();
    this.counts.connects++;
    this.#listener!.opened();
    this.#waiters.wake();
    if (isIP(this.endpoint.host) === 0) this.#lookUpLater();
  }

  /** Where packets have become too large for the path, a new session begins with smaller ones. */
  #lookAtPath(): void {
    const socket = this.#socket;
    if (this.#options.mtu !== 'path' || !socket) return;
    if (packetLimit('path', socket.pathMtu) < this.limit + this.#headers) this.#failed(socket, NARROWED, 0);
  }

  #listenerOf(socketOf: () => DatagramSocket | undefined): DatagramListener {
    return {
      ...countDatagrams(this.counts, this.#listener!, {
        broken: (errno, maybe) => this.#failed(socketOf(), errno, maybe),
        passed: () => this.#lookAtPath(),
      }),
      unsegmented: errno => {
        this.#segment = this.segments = false;
        this.#listener!.unsegmented(errno);
      },
      ready: () => this.#waiters.wake(),
    };
  }

  #failed(socket: DatagramSocket | undefined, why: string, uncertain: number): void {
    this.counts.uncertainRecords += uncertain;
    if (!socket || socket !== this.#socket || this.#closing) return;
    void this.#drop().then(() => {
      if (!this.#closing) this.#tryAgain(why, uncertain);
    });
  }

  /** Lets the socket go; what it has not sent waits for the next one. */
  async #drop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    // what came to the transport meanwhile is younger
    if (socket) this.#unsent.unshift(...(await socket.close()));
  }

  #tryAgain(why: string, uncertain: number): void {
    this.#timer = setTimeout(() => void this.#attempt(true), this.#backOff.next());
    this.#listener!.closed(why, uncertain);
  }

  /** @param failed the address did not do: the next one has its turn */
  async #lookUp(failed: boolean): Promise<Address> {
    const addresses = await resolveAll(this.endpoint.host, this.#options);
    if (failed) return nextAddress(addresses, this.#address);
    return addresses.find(({ address }) => address === this.#address) ?? addresses[0];
  }

  /** A name may get another address without an error of the old one. */
  #lookUpLater(): void {
    this.#timer = setTimeout(() => {
      const socket = this.#socket;
      this.#lookUp(false).then(
        async ({ address }) => {
          if (socket !== this.#socket || this.#closing) return;
          if (address === this.#address) {
            this.#lookUpLater();
            return;
          }
          await this.#drop();
          if (this.#closing) return;
          this.#listener!.closed(MOVED, 0);
          await this.#attempt(false);
        },
        () => {
          if (socket === this.#socket && !this.#closing) this.#lookUpLater();
        },
      );
    }, this.#times.lookup).unref();
  }
}
