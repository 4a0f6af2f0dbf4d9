import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

type Way = 'to-collector' | 'to-exporter';

/** Stands between exporters and a collector, knows what passed, and loses what it is told to. */
export class DtlsRelay {
  readonly port: number;
  /** Octets of the datagrams that came, by the way that they went. */
  readonly sizes: Record<Way, number[]> = { 'to-collector': [], 'to-exporter': [] };
  dropped = 0;
  /** Whether a datagram is lost. */
  loses: (way: Way, datagram: Buffer) => boolean = () => false;
  /** One for each exporter. */
  readonly #backs = new Map<number, Socket>();
  readonly #says: ((datagram: Buffer) => void)[] = [];

  private constructor(front: Socket, host: string, to: number) {
    this.port = front.address().port;
    front.on('message', (datagram, { port, address }) => {
      let back = this.#backs.get(port);
      if (!back) {
        back = createSocket('udp4').on('error', () => {});
        back.on('message', answer => this.#pass('to-exporter', answer, () => front.send(answer, port, address)));
        this.#backs.set(port, back);
        this.#says.push(said => front.send(said, port, address));
      }
      const socket = back;
      this.#pass('to-collector', datagram, () => socket.send(datagram, to, host));
    });
  }

  static async open(t: ExecutionContext, host: string, to: number): Promise<DtlsRelay> {
    const front = createSocket('udp4').bind(0, host);
    await once(front, 'listening');
    const relay = new DtlsRelay(front, host, to);
    t.teardown(() => {
      front.close();
      for (const back of relay.#backs.values()) back.close();
    });
    return relay;
  }

  /** As if it came from the collector. */
  sayToExporters(datagram: Buffer): void {
    for (const say of this.#says) say(datagram);
  }

  #pass(way: Way, datagram: Buffer, send: () => void): void {
    this.sizes[way].push(datagram.length);
    if (this.loses(way, datagram)) this.dropped++;
    else send();
  }
}
