import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecured, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';

/** Octets of one answer, and of one line of a watch: the server holds no object of more than some 1.5 MB. */
const LARGEST_ANSWER = 64 << 20;
const LARGEST_LINE = 16 << 20;
const LARGEST_REFUSAL = 64 << 10;

/** The server has said no. */
export class ApiRefusal extends Error {
  readonly status: number;
  /** Milliseconds that it asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: { readonly metadata?: { readonly resourceVersion?: string } };
}

/** The part of Status that is read (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
export interface Status {
  readonly code?: number;
  readonly message?: string;
}

/**
 * Requests to the API server with the address, the certificates and the credentials of the official client. Its own lists and
 * watches have no limit: neither of time nor of memory.
 */
export class Api {
  readonly #load: () => KubeConfig;
  #config: KubeConfig;

  /** @param load reads the configuration; called again after a 401, as the client holds a token for a minute */
  constructor(load: () => KubeConfig) {
    this.#load = load;
    this.#config = load();
  }

  get server(): string {
    const server = this.#config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('there is no current cluster');
    // in-cluster outside of a pod: the client makes it of variables that are not there
    if (!URL.canParse(server)) throw new Error(`the address of the API server is no URL: ${server}`);
    return server;
  }

  /**
   * One answer.
   * @param silence milliseconds without an octet after which the request is broken off
   * @throws ApiRefusal
   */
  async get(path: string, query: Query, silence: number, signal: AbortSignal): Promise<unknown> {
    const response = await this.#request(path, query, silence, signal);
    return JSON.parse((await whole(response, LARGEST_ANSWER)).toString());
  }

  /**
   * The events of a watch until the server ends it.
   * @throws ApiRefusal; SyntaxError where it is cut within a line
   */
  async *watch(path: string, query: Query, silence: number, signal: AbortSignal): AsyncGenerator<WatchEvent[]> {
    const response = await this.#request(path, { ...query, watch: 'true' }, silence, signal);
    // the headers alone say that the watch stands
    yield [];
    let rest: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const end = chunk.lastIndexOf(0x0a);
      if (end < 0) {
        length += chunk.length;
        if (length > LARGEST_LINE) throw new Error(`an event has more than ${LARGEST_LINE} bytes`);
        rest.push(chunk);
        continue;
      }
      const lines = Buffer.concat([...rest, chunk.subarray(0, end)]).toString();
      rest = [chunk.subarray(end + 1)];
      length = rest[0].length;
      yield lines.split('\n').flatMap(line => (line === '' ? [] : (JSON.parse(line) as WatchEvent)));
    }
    if (length > 0) throw new Error('the watch was cut within an event');
  }

  async #request(path: string, query: Query, silence: number, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(this.server.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    const options: RequestOptions = { headers: { accept: 'application/json' } };
    await this.#config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === 'http:' ? getPlain : getSecured)(url, { ...options, signal }, resolve);
      request.on('error', reject);
      request.setTimeout(silence, () => request.destroy(new Error(`nothing was received for ${silence} ms`)));
      request.on('socket', socket => socket.setKeepAlive(true, 30_000));
    });
    const { statusCode: status = 0 } = response;
    if (status === 200) return response;
    if (status === 401) this.#config = this.#load();
    const text = (await whole(response, LARGEST_REFUSAL)).toString();
    const seconds = Number(response.headers['retry-after']);
    throw new ApiRefusal(status, `${status}: ${messageOf(text)}`, seconds > 0 ? seconds * 1_000 : undefined);
  }
}

async function whole(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw new Error(`an answer has more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Of a Status, or the beginning of whatever it is. */
function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as Status).message ?? '';
  } catch {
    return text.slice(0, 200);
  }
}
