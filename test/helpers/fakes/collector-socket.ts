import type { ExecutionContext } from 'ava';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import type { Endpoint } from '../../../src/common/endpoint.js';
import { eventually } from '../eventually.js';
import { QUIET_HOST } from './quiet-host.js';
import { Decoder } from '../builders/wire.js';

/** A socket of a collector, and all the records that came to it. */
export interface CollectorSocket {
  readonly endpoint: Endpoint;
  readonly messages: Buffer[];
  readonly records: CollectedRecord[];
}

/** Flow records, without options. */
export function flows({ records }: CollectorSocket): CollectedRecord[] {
  return records.filter(record => !record.isOptions);
}

export async function udpCollector(t: ExecutionContext, host = '127.0.0.1', port = 0): Promise<CollectorSocket> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 22 });
  const decoder = new Decoder();
  const collector: CollectorSocket = { endpoint: { protocol: 'udp', host, port: 0 }, messages: [], records: [] };
  socket.on('message', bytes => {
    collector.messages.push(bytes);
    collector.records.push(...decoder.decode([{ bytes }]));
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  t.teardown(() => new Promise<void>(resolve => socket.close(() => resolve())));
  return Object.assign(collector, { endpoint: { protocol: 'udp', host, port: socket.address().port } });
}

/** A TCP collector; each connection is a session of its own. */
export class TcpCollector implements CollectorSocket {
  readonly sockets: Socket[] = [];
  /** By connection. */
  readonly sessions: Buffer[][] = [];
  readonly records: CollectedRecord[] = [];
  /** The next connections are read from. */
  reads = true;
  readonly #host: string;
  readonly #server: Server = createServer({ pauseOnConnect: true }, socket => this.#serve(socket));

  private constructor(host: string) {
    this.#host = host;
  }

  static async listen(t: ExecutionContext, port = 0, host = QUIET_HOST): Promise<TcpCollector> {
    const collector = new TcpCollector(host);
    collector.#server.listen(port, host);
    await once(collector.#server, 'listening');
    t.teardown(() => collector.close());
    return collector;
  }

  get endpoint(): Endpoint {
    return { protocol: 'tcp', host: this.#host, port: (this.#server.address() as AddressInfo).port };
  }

  get messages(): Buffer[] {
    return this.sessions.flat();
  }

  /** The connection with this number, counted from 1. */
  async nth(count: number): Promise<Socket> {
    await eventually(`connection ${count}`, () => this.sockets.length >= count);
    return this.sockets[count - 1];
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    const messages: Buffer[] = [];
    const decoder = new Decoder('tcp');
    this.sockets.push(socket);
    this.sessions.push(messages);
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', chunk => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= rest.readUInt16BE(2)) {
        const bytes = rest.subarray(0, rest.readUInt16BE(2));
        rest = rest.subarray(bytes.length);
        messages.push(bytes);
        this.records.push(...decoder.decode([{ bytes }]));
      }
    });
    if (this.reads) socket.resume();
    else socket.pause();
  }
}
