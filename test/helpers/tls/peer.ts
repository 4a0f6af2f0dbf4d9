import type { ExecutionContext } from 'ava';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { QUIET_HOST } from '../fakes/quiet-host.js';
import { certificates } from './certificates.js';

/** A collector of Node, which can do what openssl's cannot. */
export class Peer {
  readonly sockets: TLSSocket[] = [];
  readonly received: Buffer[] = [];
  port = 0;

  static async listen(
    t: ExecutionContext,
    options: TlsOptions = {},
    host = QUIET_HOST,
    { tlsCertificate, tlsKey } = certificates().collector,
  ): Promise<Peer> {
    const [cert, key] = [readFileSync(tlsCertificate), readFileSync(tlsKey)];
    const server = createServer({ cert, key, allowHalfOpen: true, ...options });
    const peer = new Peer();
    server.on('secureConnection', socket => {
      const index = peer.sockets.push(socket) - 1;
      peer.received[index] = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', chunk => (peer.received[index] = Buffer.concat([peer.received[index], chunk])));
    });
    server.listen(0, host);
    await once(server, 'listening');
    peer.port = (server.address() as AddressInfo).port;
    t.teardown(() => {
      for (const socket of peer.sockets) socket.destroy();
      server.close();
    });
    return peer;
  }
}
