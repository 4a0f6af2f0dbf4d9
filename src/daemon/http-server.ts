import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { formatHostPort } from '../common/endpoint.js';
import { CtflowError, describeError, errnoOf } from '../common/errors.js';
import type { Logger } from '../common/logger.js';

/** Connections at the same time; Prometheus has one. */
const MOST_CONNECTIONS = 32;
/** Milliseconds for the head of a request, for all of it, and until one that is silent is closed. */
const HEAD_MS = 5_000;
const REQUEST_MS = 10_000;
const SILENT_MS = 30_000;
/** Bytes of the head of a request. */
const LARGEST_HEAD = 8_192;

export interface ListenAddress {
  /** An IPv4 or IPv6 address. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What is answered at a path. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** Answers GET and HEAD at a few paths over HTTP. */
export class HttpServer {
  readonly #server: Server;
  readonly #routes: Routes;
  readonly #log: Logger;

  private constructor(routes: Routes, log: Logger) {
    this.#routes = routes;
    this.#log = log;
    const limits = {
      maxHeaderSize: LARGEST_HEAD,
      headersTimeout: HEAD_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: SILENT_MS,
      connectionsCheckingInterval: 1_000,
    };
    this.#server = createServer(limits, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.timeout = SILENT_MS;
    // a client that does not speak HTTP is none of ours
    this.#server.on('clientError', (_, socket) => socket.destroy());
  }

  /** @throws CtflowError CTFLOW_ADDRESS where it cannot listen there */
  static async open({ host, port }: ListenAddress, routes: Routes, log: Logger): Promise<HttpServer> {
    const opened = new HttpServer(routes, log);
    const server = opened.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(addressError(formatHostPort(host, port), error)));
      server.listen({ host, port, ipv6Only: host.includes(':'), backlog: MOST_CONNECTIONS }, resolve);
    });
    server.removeAllListeners('error').on('error', error => log.error(describeError(error)));
    server.unref();
    return opened;
  }

  /** `http://127.0.0.1:9469` */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${formatHostPort(address, port)}`;
  }

  /** Closes at once, also what is being answered. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body, ...more } = await this.#answerOf(request);
    const head = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' };
    // what a request sends behind its head is not read
    const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers;
    response.writeHead(status, { ...head, ...more, ...(hasBody && { connection: 'close' }) });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #answerOf({ method, url = '' }: IncomingMessage): Promise<Answer & { allow?: string }> {
    if (method !== 'GET' && method !== 'HEAD')
      return { ...text(405, 'Only GET and HEAD are answered\n'), allow: 'GET, HEAD' };
    const [path] = url.split('?', 1);
    const route = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined;
    if (!route) return text(404, `Nothing is here; try ${Object.keys(this.#routes).join(', ')}\n`);
    try {
      return await route();
    } catch (error) {
      this.#log.error(`${path} was not answered: ${describeError(error)}`);
      return text(500, 'ctflow could not answer this; its log says why\n');
    }
  }
}

export function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function addressError(address: string, error: unknown): CtflowError {
  const errno = errnoOf(error);
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program listens there: give --metrics another port',
    EADDRNOTAVAIL: 'Give --metrics an address of this host',
    EACCES: 'Give --metrics a port from 1024, or run with CAP_NET_BIND_SERVICE',
  };
  const hint = hints[errno] ?? 'Give --metrics another address';
  return new CtflowError('CTFLOW_ADDRESS', `Metrics cannot be served at ${address} (${errno})`, hint, error);
}
