import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** A record as it lies on the wire: RFC 8446 section 5.1. */
export interface TlsRecord {
  readonly type: number;
  /** Octets behind the header. */
  readonly length: number;
}

const HEADER = 5;
/** Application data, and in TLS 1.3 all that is encrypted. */
export const APPLICATION_DATA = 23;

/** Stands between an exporter and a collector and keeps the octets that the exporter sends. */
export class Relay {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #chunks: Buffer[][] = [];
  readonly #ended: boolean[] = [];
  /** The exporter has answered the handshake: what the collector sends from now on stays here. */
  #holding = false;
  readonly #holdsVerdict: boolean;
  #held: (() => void)[] = [];

  private constructor(server: Server, holdsVerdict: boolean) {
    this.#server = server;
    this.#holdsVerdict = holdsVerdict;
  }

  /** @param holdsVerdict what a collector says of the exporter's certificate (TLS 1.3) stays here until it is let go */
  static async open(t: ExecutionContext, host: string, to: number, holdsVerdict = false): Promise<Relay> {
    const relay = new Relay(createServer({ allowHalfOpen: true }), holdsVerdict);
    relay.#server.on('connection', front => relay.#join(front, connect({ host, port: to, allowHalfOpen: true })));
    relay.#server.listen(0, host);
    await once(relay.#server, 'listening');
    t.teardown(() => relay.close());
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#chunks.length;
  }

  /** Reads no more from the exporter. */
  freeze(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  thaw(): void {
    for (const socket of this.#sockets) socket.resume();
  }

  letGo(): void {
    this.#holding = false;
    for (const send of this.#held.splice(0)) send();
  }

  /** Whole records that the exporter has sent on a connection, counted from 1. */
  records(connection: number): TlsRecord[] {
    const bytes = Buffer.concat(this.#chunks[connection - 1]);
    const records: TlsRecord[] = [];
    for (let at = 0; at + HEADER <= bytes.length;) {
      const length = bytes.readUInt16BE(at + 3);
      if (at + HEADER + length > bytes.length) break;
      records.push({ type: bytes[at], length });
      at += HEADER + length;
    }
    return records;
  }

  /** Whether the exporter has ended a connection. */
  ended(connection: number): boolean {
    return this.#ended[connection - 1];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  #join(front: Socket, back: Socket): void {
    const index = this.#chunks.push([]) - 1;
    this.#ended.push(false);
    this.#sockets.push(front, back);
    for (const socket of [front, back]) socket.on('error', () => {});
    front.on('data', chunk => {
      // the first is the ClientHello
      if (this.#chunks[index].push(chunk) === 2 && this.#holdsVerdict) this.#holding = true;
      if (back.writable) back.write(chunk);
    });
    front.on('end', () => {
      this.#ended[index] = true;
      back.end();
    });
    front.on('close', () => back.destroy());
    const pass = (send: () => void): void => void (this.#holding ? this.#held.push(send) : send());
    back.on('data', chunk => pass(() => front.write(chunk)));
    back.on('close', () => pass(() => front.end()));
  }
}
