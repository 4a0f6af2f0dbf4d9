import { createSocket, type Socket } from 'node:dgram';
import { errnoOf } from '../common/errors.js';
import type { DatagramAddress, DatagramListener, DatagramSocket } from './datagram-socket.js';
import type { SocketEnd } from '../row/own-connections.js';
import type { Message } from './transport.js';

/** Messages in the queue below which there is room again. */
const LOW_WATER = 256;
/** What an ICMP error about an earlier message makes of a send (icmp_err_convert in net/ipv4/icmp.c): this one was not sent. */
const OF_EARLIER = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENOPROTOOPT', 'EPROTO']);

/** A UDP socket of Node: a call, a copy and a callback a message. */
export async function connectNodeDatagram(to: DatagramAddress, listener: DatagramListener): Promise<DatagramSocket> {
  return new NodeDatagram(await connectNodeSocket(to), listener);
}

/** @throws an error with the errno's name as its `code` where no socket can be connected */
export async function connectNodeSocket(to: DatagramAddress): Promise<Socket> {
  const socket = createSocket(to.family === 6 ? 'udp6' : 'udp4');
  const refused = await new Promise<Error | undefined>(resolve => {
    socket.once('error', resolve);
    // Node calls back with an error, which its types leave out
    const connect = (): void => socket.connect(to.port, to.address, resolve as () => void);
    if (to.localAddress === undefined && to.localPort === undefined) connect();
    else socket.bind(to.localPort, to.localAddress, connect);
  });
  if (refused) {
    socket.close();
    throw refused;
  }
  socket.removeAllListeners('error');
  return socket;
}

export class NodeDatagram implements DatagramSocket {
  queued = 0;
  readonly segments = false;
  /** Node does not ask the system. */
  readonly pathMtu = undefined;
  readonly #socket: Socket;
  readonly #listener: DatagramListener;
  /** What was sent last: an error that comes back is about it. */
  #last: Message | undefined;
  readonly #unsent: Message[] = [];
  #closed: (() => void) | undefined;
  readonly #seal: (message: Uint8Array) => Uint8Array | undefined;

  /** @param seal makes the datagram of a message; undefined where it cannot */
  constructor(
    socket: Socket,
    listener: DatagramListener,
    seal: (message: Uint8Array) => Uint8Array | undefined = message => message,
  ) {
    this.#seal = seal;
    this.#socket = socket;
    this.#listener = listener;
    // an ICMP error of an earlier packet arrives here, or as the answer to the next send
    socket.on('error', error => this.#refused(errnoOf(error)));
  }

  get local(): SocketEnd | undefined {
    return this.#closed ? undefined : this.#socket.address();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    let at = 0;
    for (let i = 0; i < messages; i++) {
      // the socket reads the bytes later
      const message = { bytes: Buffer.from(bytes.subarray(at, at + lengths[i * 2])), records: lengths[i * 2 + 1] };
      at += lengths[i * 2];
      if (this.#closed) {
        this.#unsent.push(message);
        continue;
      }
      this.queued++;
      const datagram = this.#seal(message.bytes);
      if (!datagram) {
        this.#done(message, 'EMSGSIZE');
        continue;
      }
      this.#socket.send(datagram, error => this.#done(message, error ? errnoOf(error) || 'UNKNOWN' : undefined));
    }
  }

  /** Errors come by themselves. */
  check(): void {}

  async close(): Promise<readonly Message[]> {
    if (!this.#closed) {
      const done = new Promise<void>(resolve => (this.#closed = resolve));
      // sends that wait are called back with ECANCELED
      this.#socket.close();
      if (this.queued === 0) this.#closed!();
      await done;
    }
    return this.#unsent.splice(0);
  }

  #done(message: Message, errno: string | undefined): void {
    this.queued--;
    if (errno === undefined) {
      this.#last = message;
      this.#listener.sent(1, message.records, message.bytes.length);
    } else if (OF_EARLIER.has(errno)) {
      this.#refused(errno);
      this.#unsent.push(message);
    } else if (this.#closed || !this.#listener.failed(errno, message.records)) this.#unsent.push(message);
    if (this.#closed && this.queued === 0) this.#closed();
    if (this.queued < LOW_WATER) this.#listener.ready();
  }

  #refused(errno: string): void {
    const last = this.#last;
    this.#last = undefined;
    this.#listener.refused(errno || 'UNKNOWN', last ? [last] : [], 0);
  }
}
