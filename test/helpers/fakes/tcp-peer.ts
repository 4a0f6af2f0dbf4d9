import type { ExecutionContext } from 'ava';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { eventually } from '../eventually.js';
import { QUIET_HOST } from './quiet-host.js';

/** A collector's side: every connection, and what came on it. */
export class Peer {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly #chunks: Buffer[][] = [];

  constructor(server: Server, reads: boolean) {
    this.server = server;
    server.on('connection', socket => {
      const index = this.sockets.push(socket) - 1;
      this.#chunks[index] = [];
      socket.on('error', () => {});
      if (reads) {
        socket.on('data', chunk => this.#chunks[index].push(chunk));
      } else {
        socket.pause();
      }
    });
  }

  static async listen(t: ExecutionContext, port = 0, reads = true): Promise<Peer> {
    const peer = new Peer(createServer({ allowHalfOpen: true, pauseOnConnect: !reads }), reads);
    peer.server.listen(port, QUIET_HOST);
    await once(peer.server, 'listening');
    t.teardown(() => peer.close());
    return peer;
  }

  /** What came on each connection. */
  get received(): Buffer[] {
    return this.#chunks.map(chunks => Buffer.concat(chunks));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The connection with this number, counted from 1. */
  async nth(count: number): Promise<Socket> {
    await eventually(`connection ${count}`, () => this.sockets.length >= count);
    return this.sockets[count - 1];
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>(resolve => this.server.close(() => resolve()));
  }
}
