import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PrivateNamespace } from './namespace.js';

type Order<Parameters, Answer> = (parameters: Parameters) => Promise<Answer>;

/** What a peer can be told to do. Sizes are octets of payload; a port or local
 * address that is not given is the kernel's choice. */
export interface Orders {
  /** A server that answers the first data on a connection with `answer` octets, and closes when the client does. */
  tcpListen: Order<{ host: string; port?: number; answer: number }, { port: number }>;
  /** Connects, sends `send` octets and waits for `expect`; the connection stays open. */
  tcpOpen: Order<
    { host: string; port: number; local?: string; from?: number; send: number; expect: number },
    { handle: number; port: number }
  >;
  /** Sends `send` more octets on each of these connections. */
  tcpSend: Order<{ handles: number[]; send: number }, object>;
  /** Closes a connection, with a RST where `reset` is set, and waits until it is closed. */
  tcpClose: Order<{ handle: number; reset?: boolean }, object>;
  /** Receives datagrams and answers each with `answer` octets, or not at all. */
  udpListen: Order<{ host: string; port?: number; answer?: number }, { port: number }>;
  /** Sends datagrams from one socket, each after the answer to the one before where `answered` is set. */
  udpSend: Order<
    { host: string; port: number; from?: number; local?: string; packets: number; size: number; answered: boolean },
    { port: number }
  >;
  /** One IPv4 datagram from each of `flows` ports, the first being `from`. */
  udpFlows: Order<{ host: string; port: number; from: number; flows: number; size: number }, object>;
  /** `packets` IPv4 datagrams from each of `flows` ports, the first being `from`, to one of `ports` ports in turn from `port` on. */
  udpBursts: Order<
    { host: string; port: number; ports: number; from: number; flows: number; packets: number; size: number },
    object
  >;
  /** Keeps the datagrams that arrive. */
  capture: Order<{ host: string; port: number }, { handle: number; port: number }>;
  /** Keeps what arrives on each TCP connection. */
  captureTcp: Order<{ host: string; port: number }, { handle: number; port: number }>;
  /** What a capture holds from the `from`-th datagram or connection on, each in base64. */
  captured: Order<{ handle: number; from: number }, { parts: string[] }>;
}

/** A traffic peer in a namespace; it ends with the namespace. */
export class Traffic {
  readonly namespace: PrivateNamespace;
  readonly #waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  readonly #child: ChildProcessWithoutNullStreams;
  #id = 0;

  constructor(namespace: PrivateNamespace) {
    this.namespace = namespace;
    this.#child = namespace.spawn(process.execPath, [fileURLToPath(new URL('./traffic-peer.js', import.meta.url))]);
    let stderr = '';
    this.#child.stderr.on('data', chunk => (stderr += chunk));
    this.#child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the traffic peer has ended: ${stderr}`));
    });
    createInterface({ input: this.#child.stdout }).on('line', line => {
      const { id, answer, error } = JSON.parse(line);
      const { resolve, reject } = this.#waiting.get(id)!;
      this.#waiting.delete(id);
      if (error === undefined) resolve(answer);
      else reject(new Error(error));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** SIGSTOP freezes it, SIGCONT lets it go on. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the peer and with it every socket it has. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  /** Gives one order and waits until it is done. */
  do<Name extends keyof Orders>(order: Name, parameters: Parameters<Orders[Name]>[0]): ReturnType<Orders[Name]> {
    const id = ++this.#id;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ id, order, with: parameters })}\n`);
    return answer as ReturnType<Orders[Name]>;
  }
}
