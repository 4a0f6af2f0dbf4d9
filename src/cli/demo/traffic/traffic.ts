import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { IPV4, IPV6, PORTS, type Hosts } from './addresses.js';
import { Echo } from './echo.js';
import { Services } from './services.js';

export interface TrafficOptions {
  /** Something was left out; the rest goes on. */
  readonly say: (line: string) => void;
  /** A server or a client failed that should not. */
  readonly onFailure: (error: Error) => void;
}

/** The pause between two of a kind, in milliseconds. */
const EVERY = { page: 900, published: 1300, query: 600, keystroke: 150, chunk: 100, frame: 20 };
const PAGE_OCTETS = [12_000, 180_000, 45_000, 900_000, 3_000, 70_000];
const CHUNK = Buffer.alloc(48_000, 'backup ');
const FRAME = Buffer.alloc(172, 'voice');

/**
 * Real traffic among the hosts of addresses.ts, IPv4 and IPv6: pages fetched over TCP, some through destination NAT with a
 * change of port; two shells; a steady upload behind source NAT; DNS-like queries, a voice stream both ways, and echo
 * requests. No connection is refused and none is reset, so that polling alone can count it all.
 */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #services: Services[];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #tcp = new Set<Socket>();
  readonly #udp = new Set<UdpSocket>();
  readonly #echoes: Echo[] = [];
  #stopped = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#services = [IPV4, IPV6].map(hosts => new Services(hosts, options.onFailure));
  }

  async start(): Promise<void> {
    await Promise.all(this.#services.map(services => services.open()));
    for (const hosts of [IPV4, IPV6]) this.#talk(hosts);
  }

  /** Sends nothing new; what is under way finds its end. Every server still answers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#echoes.map(echo => echo.stop()));
  }

  /** Ends all at once, without care for what the kernel still counts. */
  close(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const echo of this.#echoes) echo.kill();
    for (const socket of this.#tcp) socket.destroy();
    for (const socket of this.#udp) socket.close();
    this.#udp.clear();
    for (const services of this.#services) services.close();
  }

  #talk(hosts: Hosts): void {
    this.#shell(hosts);
    this.#backup(hosts);
    this.#voice(hosts);
    this.#every(EVERY.page, turn => this.#fetch(hosts, hosts.server, PORTS.web, turn));
    this.#every(EVERY.published, turn => this.#fetch(hosts, hosts.service, PORTS.published, turn + 3));
    this.#every(EVERY.query, turn => this.#query(hosts, turn));
    const failed = (reason: string) => this.#options.say(`No ${hosts.family} echo requests: ${reason}`);
    this.#echoes.push(new Echo(hosts, failed));
  }

  #every(milliseconds: number, act: (turn: number) => void): void {
    let turn = 0;
    act(turn++);
    this.#timers.push(setInterval(() => act(turn++), milliseconds));
  }

  /** One connection: a request, an answer, closed by both sides in order. */
  #fetch(hosts: Hosts, host: string, port: number, turn: number): void {
    const socket = this.#connect(hosts, host, port);
    const request = Buffer.alloc(300 + 40 * (turn % 5));
    request.writeUInt32BE(PAGE_OCTETS[turn % PAGE_OCTETS.length]);
    socket.resume();
    socket.write(request);
  }

  /** Small messages to and fro over one connection, as a person types. */
  #shell(hosts: Hosts): void {
    const socket = this.#connect(hosts, hosts.server, PORTS.shell);
    socket.resume();
    this.#every(EVERY.keystroke, turn => socket.write(Buffer.alloc(36 + 12 * (turn % 7))));
  }

  /** Much in one direction. */
  #backup(hosts: Hosts): void {
    const socket = this.#connect(hosts, hosts.server, PORTS.backup);
    this.#every(EVERY.chunk, () => {
      if (!socket.writableNeedDrain) socket.write(CHUNK);
    });
  }

  #voice(hosts: Hosts): void {
    const socket = this.#socket(hosts);
    this.#every(EVERY.frame, () => this.#send(socket, FRAME, PORTS.voice, hosts));
  }

  /** One question and its answer from a port of its own. Open until it came: nothing may find a closed port. */
  #query(hosts: Hosts, turn: number): void {
    const socket = this.#socket(hosts);
    socket.once('message', () => {
      if (this.#udp.delete(socket)) socket.close();
    });
    this.#send(socket, Buffer.alloc(38 + 5 * (turn % 6)), PORTS.dns, hosts);
  }

  #connect(hosts: Hosts, host: string, port: number): Socket {
    const socket = connect({ host, port, localAddress: hosts.client, noDelay: true });
    this.#tcp.add(socket);
    socket.on('close', () => this.#tcp.delete(socket));
    socket.on('error', this.#options.onFailure);
    return socket;
  }

  #socket(hosts: Hosts): UdpSocket {
    const socket = createSocket(hosts.family === 'IPv6' ? 'udp6' : 'udp4');
    this.#udp.add(socket);
    socket.on('error', this.#options.onFailure);
    socket.bind(0, hosts.client);
    return socket;
  }

  #send(socket: UdpSocket, message: Buffer, port: number, hosts: Hosts): void {
    if (this.#stopped) return;
    socket.send(message, port, hosts.server, error => {
      if (error && !this.#stopped) this.#options.onFailure(error);
    });
  }
}
