import type { Traffic } from './traffic.js';

/** What reached one port of a namespace: UDP datagrams, or the bytes of each TCP connection. */
export class Capture {
  readonly port: number;
  readonly #traffic: Traffic;
  readonly #handle: number;

  private constructor(traffic: Traffic, handle: number, port: number) {
    this.#traffic = traffic;
    this.#handle = handle;
    this.port = port;
  }

  static async udp(traffic: Traffic, port: number, host = '127.0.0.1'): Promise<Capture> {
    const capture = await traffic.do('capture', { host, port });
    return new Capture(traffic, capture.handle, capture.port);
  }

  static async tcp(traffic: Traffic, port: number, host = '127.0.0.1'): Promise<Capture> {
    const capture = await traffic.do('captureTcp', { host, port });
    return new Capture(traffic, capture.handle, capture.port);
  }

  /** In the order of arrival, from the `from`-th on. */
  async parts(from = 0): Promise<Buffer[]> {
    const { parts } = await this.#traffic.do('captured', { handle: this.#handle, from });
    return parts.map(part => Buffer.from(part, 'base64'));
  }
}
