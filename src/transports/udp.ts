import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { Endpoint } from '../endpoint.js';
import { formatEndpoint } from '../endpoint.js';
import { CtflowError, errnoOf } from '../errors.js';
import { newCounts, Waiters, type Transport, type TransportListener } from './transport.js';

const UDP_AND_IPV4_HEADERS = 28;
const UDP_AND_IPV6_HEADERS = 48;
/** Packets that may wait in the socket's queue before it counts as not ready. */
const QUEUE_PACKETS = 256;

/**
 * IPFIX over UDP, RFC 7011 section 10.3: one message a packet, no packet above the MTU. An unreachable collector costs
 * packets, which are counted, and nothing else.
 */
export class UdpTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly counts = newCounts();
  readonly unreliable = true;
  limit: number;
  readonly #mtu: number;
  #socket: Socket | undefined;
  #queued = 0;
  readonly #waiters = new Waiters();

  /** @param mtu bytes of an IP packet at most */
  constructor(endpoint: Endpoint, mtu: number) {
    this.endpoint = endpoint;
    this.#mtu = mtu;
    this.limit = mtu - UDP_AND_IPV6_HEADERS;
  }

  get ready(): boolean {
    return this.#socket !== undefined && this.#queued < QUEUE_PACKETS;
  }

  async open(listener: TransportListener): Promise<void> {
    const { host, port } = this.endpoint;
    const { address, family } = await lookup(host).catch((error: unknown) => {
      throw new CtflowError(
        'CTFLOW_ADDRESS',
        `The collector ${formatEndpoint(this.endpoint)} cannot be found (${errnoOf(error)})`,
        'Check the name and the resolver',
        error,
      );
    });
    this.limit = this.#mtu - (family === 6 ? UDP_AND_IPV6_HEADERS : UDP_AND_IPV4_HEADERS);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    // an ICMP error of an earlier packet arrives here; the collector may be back for the next one
    socket.on('error', error => this.#failed(error));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, () => {
        socket.off('error', reject);
        resolve();
      });
    }).catch((error: unknown) => {
      socket.close();
      throw new CtflowError(
        'CTFLOW_TRANSPORT',
        `No UDP socket to ${formatEndpoint(this.endpoint)} (${errnoOf(error)})`,
        'Check the route to the collector',
        error,
      );
    });
    this.#socket = socket;
    this.counts.connects++;
    listener.opened();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    let at = 0;
    for (let message = 0; message < messages; message++) {
      const length = lengths[message * 2];
      // the socket reads the bytes later, and the caller fills the buffer again at once
      const packet = Buffer.from(bytes.subarray(at, at + length));
      const records = lengths[message * 2 + 1];
      at += length;
      this.#queued++;
      this.#socket!.send(packet, error => {
        this.#queued--;
        if (error) {
          this.counts.lostRecords += records;
          this.#failed(error);
        } else {
          this.counts.messages++;
          this.counts.records += records;
          this.counts.octets += length;
        }
        if (this.#queued < QUEUE_PACKETS) this.#waiters.wake();
      });
    }
  }

  drained(timeoutMs: number): Promise<void> {
    return this.#socket === undefined || this.ready ? Promise.resolve() : this.#waiters.wait(timeoutMs);
  }

  async close(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    while (this.#queued > 0 && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 1));
    this.#socket?.close();
    this.#socket = undefined;
    this.#waiters.wake();
  }

  #failed(error: Error): void {
    const errno = errnoOf(error) || 'UNKNOWN';
    this.counts.errors[errno] = (this.counts.errors[errno] ?? 0) + 1;
  }
}
