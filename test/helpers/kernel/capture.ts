import type { Traffic } from './traffic.js';

/** What reached one port of a namespace: UDP datagrams, or the bytes of each TCP connection. */
export class Capture {
  readonly port: number;
  readonly #traffic: Traffic;
  readonly #handle: number;
  readonly #protocol: 'udp' | 'tcp';

  private constructor(traffic: Traffic, protocol: 'udp' | 'tcp', { handle, port }: { handle: number; port: number }) {
    this.port = port;
    this.#traffic = traffic;
    this.#handle = handle;
    this.#protocol = protocol;
  }

  static async udp(traffic: Traffic, port: number, host = '127.0.0.1'): Promise<Capture> {
    return new Capture(traffic, 'udp', await traffic.do('capture', { host, port }));
  }

  static async tcp(traffic: Traffic, port: number, host = '127.0.0.1'): Promise<Capture> {
    return new Capture(traffic, 'tcp', await traffic.do('captureTcp', { host, port }));
  }

  /**
   * What has been read up to now, in the order of arrival, from the `from`-th datagram or connection on; of a connection the
   * IPFIX messages that are whole.
   */
  async parts(from = 0): Promise<Buffer[]> {
    const { parts } = await this.#traffic.do('captured', { handle: this.#handle, from });
    const bytes = parts.map(part => Buffer.from(part, 'base64'));
    return this.#protocol === 'tcp' ? bytes.map(wholeMessages) : bytes;
  }

  /** All that was sent, when those who sent it have ended: the process that captures reads in its own time. */
  async everything(): Promise<Buffer[]> {
    const { namespace } = this.#traffic;
    if (this.#protocol === 'udp') await namespace.drained(this.port, this.#traffic);
    else await namespace.readToEnd(this.port);
    return this.parts();
  }
}

/** A stream without the message at its end of which a part has come. */
function wholeMessages(stream: Buffer): Buffer {
  let end = 0;
  while (end + 4 <= stream.length && end + stream.readUInt16BE(end + 2) <= stream.length)
    end += stream.readUInt16BE(end + 2);
  return stream.subarray(0, end);
}
