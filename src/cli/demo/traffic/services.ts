import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { PORTS, type Hosts } from './addresses.js';

/** A SYN that finds the backlog full is sent again, and conntrack does not count it. */
const BACKLOG = 4096;

/** What the hosts of one family offer: TCP and UDP servers on real ports. */
export class Services {
  readonly #hosts: Hosts;
  readonly #onFailure: (error: Error) => void;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #udp: UdpSocket[] = [];

  constructor(hosts: Hosts, onFailure: (error: Error) => void) {
    this.#hosts = hosts;
    this.#onFailure = onFailure;
  }

  /** Resolves when all of them listen. */
  async open(): Promise<void> {
    await Promise.all([
      this.#tcp(PORTS.web, answerRequest),
      this.#tcp(PORTS.secure, answerRequest),
      this.#tcp(PORTS.shell, socket => socket.on('data', typed => socket.write(typed))),
      this.#tcp(PORTS.backup, socket => socket.resume()),
      this.#udpEcho(PORTS.dns, query => Buffer.alloc(query.length * 3)),
      this.#udpEcho(PORTS.voice, frame => frame),
    ]);
  }

  /** At once, without a word to the clients. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    for (const socket of this.#udp) socket.close();
  }

  async #tcp(port: number, serve: (socket: Socket) => void): Promise<void> {
    const server = createServer(socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', this.#onFailure);
      socket.setNoDelay(true);
      serve(socket);
    });
    this.#servers.push(server);
    server.listen({ host: this.#hosts.server, port, backlog: BACKLOG });
    await once(server, 'listening');
    server.on('error', this.#onFailure);
  }

  async #udpEcho(port: number, answer: (message: Buffer) => Buffer): Promise<void> {
    const socket = createSocket(this.#hosts.family === 'IPv6' ? 'udp6' : 'udp4');
    this.#udp.push(socket);
    socket.on('message', (message, from) => socket.send(answer(message), from.port, from.address));
    socket.bind(port, this.#hosts.server);
    await once(socket, 'listening');
    socket.on('error', this.#onFailure);
  }
}

/** The request says how many octets it wants: four of them, big-endian, come first. */
function answerRequest(socket: Socket): void {
  socket.once('data', request => socket.end(Buffer.alloc(request.readUInt32BE(0), 'ctflow ')));
}
