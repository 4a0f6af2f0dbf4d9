import { createSocket, type Socket } from 'node:dgram';
import { errnoOf } from '../common/errors.js';
import type { DatagramAddress, DatagramListener, DatagramSocket } from './datagram-socket.js';

/** Messages in the queue below which there is room again. */
const LOW_WATER = 256;

/** A UDP socket of Node: a call, a copy and a callback a message. */
export async function connectNodeDatagram(to: DatagramAddress, listener: DatagramListener): Promise<DatagramSocket> {
  const socket = createSocket(to.family === 6 ? 'udp6' : 'udp4');
  const refused = await new Promise<Error | undefined>(resolve => {
    socket.once('error', resolve);
    // Node calls back with an error, which its types leave out
    socket.connect(to.port, to.address, resolve as () => void);
  });
  if (refused) {
    socket.close();
    throw refused;
  }
  socket.removeAllListeners('error');
  return new NodeDatagram(socket, listener);
}

class NodeDatagram implements DatagramSocket {
  queued = 0;
  readonly #socket: Socket;
  readonly #listener: DatagramListener;
  #closed = false;

  constructor(socket: Socket, listener: DatagramListener) {
    this.#socket = socket;
    this.#listener = listener;
    // an ICMP error of an earlier packet arrives here
    socket.on('error', error => this.#failed(error, 0));
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    let at = 0;
    for (let message = 0; message < messages; message++) {
      const length = lengths[message * 2];
      // the socket reads the bytes later
      const packet = Buffer.from(bytes.subarray(at, at + length));
      const records = lengths[message * 2 + 1];
      at += length;
      this.queued++;
      this.#socket.send(packet, error => {
        this.queued--;
        if (error) this.#failed(error, records);
        else this.#listener.sent(1, records, length);
        if (this.queued < LOW_WATER) this.#listener.ready();
      });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #failed(error: Error, records: number): void {
    // what was queued in the socket goes on by itself until it is closed
    this.#listener.failed(errnoOf(error) || 'UNKNOWN', records);
  }
}
